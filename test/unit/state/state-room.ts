import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Snapshot } from '../../../host/src/state/snapshot';
import { SnapshotStore } from '../../../host/src/state/snapshot-store';
import type { SnapshotStoreOptions } from '../../../host/src/state/snapshot-store-options';

/** A snapshot of some bytes, without a plugin that gave it. */
export function snapshotOf(content: Buffer | string, schema = 1): Snapshot {
  const bytes = Buffer.from(content);
  return {
    schema,
    bytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest(),
    async *read() {
      for (let at = 0; at < bytes.length; at += 50_000) yield bytes.subarray(at, at + 50_000);
    },
  };
}

/** Bytes of which no two places are alike. */
export function unlikeBytes(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE(at, at);
  return bytes;
}

export async function contentOf(snapshot: Snapshot): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of snapshot.read()) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** A directory with stores, and the clocks that they see. */
export class StateRoom {
  readonly root = mkdtempSync(join(tmpdir(), 'plugd-state-'));
  readonly directory = join(this.root, 'snapshots');
  wallMs = Date.UTC(2026, 0, 1);
  monotonicMs = 5_000;
  readonly #stores: SnapshotStore[] = [];

  /** As the next host would open it. */
  async open(options: Partial<SnapshotStoreOptions> = {}): Promise<SnapshotStore> {
    const store = await SnapshotStore.open({
      directory: this.directory,
      now: () => this.wallMs,
      monotonicNow: () => this.monotonicMs,
      ...options,
    });
    this.#stores.push(store);
    return store;
  }

  pass(ms: number): void {
    this.wallMs += ms;
    this.monotonicMs += ms;
  }

  files(): string[] {
    return readdirSync(this.directory).sort();
  }

  path(id: string): string {
    return join(this.directory, `${id}.snapshot`);
  }

  remove(): void {
    for (const store of this.#stores) store.close();
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** The code of the PluginError that a promise rejects with. */
export async function refusal(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'no refusal',
    (error: { code?: unknown }) => error.code ?? error,
  );
}
