import { createHash } from 'node:crypto';
import type { LifecycleDefinition, SnapshotResponse } from '@plugd/protocol/gen/plugd/lifecycle/v1/lifecycle';
import type { PromiseClient } from '@plugd/protocol/rpc/client';

/** What Snapshot gives, and Restore and Check take. */
export type Parts = readonly SnapshotResponse[];

export const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

export const header = (schema: number): SnapshotResponse => ({
  part: { $case: 'header', value: { schema } },
});
export const data = (bytes: Uint8Array): SnapshotResponse => ({
  part: { $case: 'data', value: Buffer.from(bytes) },
});
export const end = (bytes: Uint8Array): SnapshotResponse => ({
  part: { $case: 'end', value: { bytes: bytes.length, sha256: sha256(bytes) } },
});

/** The parts of a snapshot as any host sends them, in pieces of 1,000 bytes. */
export function partsOf(schema: number, bytes: Uint8Array): Parts {
  const pieces: SnapshotResponse[] = [];
  for (let at = 0; at < bytes.length; at += 1000) pieces.push(data(bytes.subarray(at, at + 1000)));
  return [header(schema), ...pieces, end(bytes)];
}

export async function snapshotOf(life: PromiseClient<typeof LifecycleDefinition>): Promise<Parts> {
  const parts: SnapshotResponse[] = [];
  for await (const part of life.snapshot({})) parts.push(part);
  return parts;
}

export const schemaOf = ([first]: Parts): number | undefined =>
  first?.part?.$case === 'header' ? first.part.value.schema : undefined;

export const dataOf = (parts: Parts): Buffer =>
  Buffer.concat(parts.map(({ part }) => (part?.$case === 'data' ? part.value : Buffer.alloc(0))));
