import { createHash } from 'node:crypto';
import type { SnapshotResponse } from '@plugd/protocol/gen/plugd/lifecycle/v1/lifecycle';
import { handoffError } from './handoff-error';

const PIECE_BYTES = 64 * 1024;

/** What Snapshot, Restore and Check carry: their messages have the same parts. */
export type SnapshotPart = SnapshotResponse;

/** A snapshot that has arrived whole. */
export interface Snapshot {
  readonly schema: number;
  readonly bytes: Buffer;
  readonly sha256: Buffer;
}

/** The parts of a snapshot. Each piece is made when it is asked for, so that there is no second copy of the state. */
export function* writeSnapshot(schema: number, bytes: Uint8Array): Generator<SnapshotPart> {
  yield { part: { $case: 'header', value: { schema } } };
  const hash = createHash('sha256');
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    const piece = bytes.subarray(at, at + PIECE_BYTES);
    hash.update(piece);
    yield {
      part: { $case: 'data', value: Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength) },
    };
  }
  yield { part: { $case: 'end', value: { bytes: bytes.length, sha256: hash.digest() } } };
}

/**
 * Takes the parts of one snapshot.
 * @param checkSchema throws for a schema that is of no use, before the data arrive
 * @throws RpcError with STATE_INCOMPLETE, STATE_TOO_LARGE, and what checkSchema throws
 */
export async function readSnapshot(
  parts: AsyncIterable<SnapshotPart>,
  maxBytes: number,
  checkSchema: (schema: number) => void,
): Promise<Snapshot> {
  const pieces: Buffer[] = [];
  const hash = createHash('sha256');
  let schema: number | undefined;
  let size = 0;
  let end: { readonly bytes: number; readonly sha256: Buffer } | undefined;
  for await (const { part } of parts) {
    if (end !== undefined) throw incomplete('something follows its end');
    if (part === undefined) throw incomplete('a part of it holds nothing that is known here');
    if ((part.$case === 'header') !== (schema === undefined)) {
      throw incomplete(schema === undefined ? 'it does not begin with a header' : 'it has two headers');
    }
    if (part.$case === 'header') {
      schema = part.value.schema;
      checkSchema(schema);
    } else if (part.$case === 'end') end = part.value;
    else {
      size += part.value.length;
      if (size > maxBytes) {
        throw handoffError('STATE_TOO_LARGE', `The state is larger than ${maxBytes} bytes (state.maxBytes).`);
      }
      hash.update(part.value);
      pieces.push(part.value);
    }
  }
  if (schema === undefined || end === undefined) throw incomplete('it has no end');
  if (end.bytes !== size) throw incomplete(`it has ${size} bytes, and its end says ${end.bytes}`);
  const sha256 = hash.digest();
  if (!sha256.equals(end.sha256)) throw incomplete('its digest is another than its end says');
  const [only, ...more] = pieces;
  return { schema, bytes: only !== undefined && more.length === 0 ? only : Buffer.concat(pieces), sha256 };
}

function incomplete(why: string): Error {
  return handoffError('STATE_INCOMPLETE', `The snapshot can't be used: ${why}.`);
}
