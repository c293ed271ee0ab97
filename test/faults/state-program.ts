// A process that keeps a journal or snapshots, to be killed, watched or kept short: bundled and run by state-*.test.ts.
// argv: what to do, the directory, and more.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OperationJournal } from '../../host/src/journal/operation-journal';
import { type Snapshot, SnapshotSpool } from '../../host/src/state/snapshot';
import { SnapshotStore } from '../../host/src/state/snapshot-store';

const [, , what = '', directory = '', more = ''] = process.argv;

/** Synchronously: what was said is in the pipe, however this process ends. */
const say = (said: object): void => void writeSync(1, `${JSON.stringify(said)}\n`);

/** Operations one after the other, a line after each step of which it is known that it is kept. */
async function journal(): Promise<void> {
  const kept = await OperationJournal.open({ directory });
  for (let number = 0; ; number++) {
    const id = `${more} ${number}`;
    const operation = await kept.begin({ id, plugin: 'counter' });
    say({ id });
    for (let line = 0; line <= number % 7; line++) {
      // Some fill more than one block of its log.
      const fill = 'x'.repeat(line === 3 ? 50_000 : line * 100);
      await operation.append({ line, fill }, { sync: line % 3 !== 2 });
      say({ id, line });
    }
    await operation.end('done');
    say({ id, ended: true });
  }
}

async function snapshots(): Promise<void> {
  const store = await SnapshotStore.open({ directory, maxPerPlugin: 1000 });
  for (let number = 0; ; number++) {
    const snapshot = stateOf(number % 3 === 0 ? 10 : 400_000 + number);
    const { id } = await store.keep({ plugin: 'counter', version: '1.0.0', generation: 1 }, snapshot);
    say({ id });
  }
}

/** Takes a large state in, keeps it, opens it and reads it; says how much memory that took. */
async function memory(): Promise<void> {
  const bytes = Number(more);
  const spoolDirectory = mkdtempSync(join(tmpdir(), 'plugd-spool-'));
  // What the machinery itself takes, once: the code, the buffers, the threads.
  await takeAndRead(spoolDirectory, 8 * 1024 * 1024);
  const before = process.resourceUsage().maxRSS * 1024;
  const read = await takeAndRead(spoolDirectory, bytes);
  say({ read, grown: process.resourceUsage().maxRSS * 1024 - before });
  rmSync(spoolDirectory, { recursive: true });
}

async function takeAndRead(spoolDirectory: string, bytes: number): Promise<number> {
  const spool = new SnapshotSpool(spoolDirectory, bytes);
  for await (const piece of stateOf(bytes).read()) await spool.write(piece);
  const snapshot = await spool.end(1);
  const store = await SnapshotStore.open({ directory });
  const { id } = await store.keep({ plugin: 'counter', version: '1.0.0', generation: 1 }, snapshot);
  await spool.discard();
  let read = 0;
  for await (const piece of (await store.open(id)).read()) read += piece.length;
  store.close();
  return read;
}

/** Writes to the limit of what a file may have, and goes on behind it. */
async function full(): Promise<void> {
  const store = await SnapshotStore.open({ directory: join(directory, 'snapshots') });
  const origin = { plugin: 'counter', version: '1.0.0', generation: 1 };
  const codeOf = (error: unknown) =>
    typeof error === 'object' && error !== null && 'code' in error ? error.code : error;
  const small = await store.keep(origin, stateOf(1000));
  const large = await store.keep(origin, stateOf(3_000_000)).catch(codeOf);
  const kept = store.list().map(({ id }) => id === small.id);
  store.close();
  const kept2 = await OperationJournal.open({ directory: join(directory, 'journal') });
  const operation = await kept2.begin({ id: 'a', plugin: 'counter' });
  const lines: number[] = [];
  const failures: unknown[] = [];
  for (let line = 0; line < 60; line++) {
    await operation.append({ line, fill: 'x'.repeat(40_000) }).then(
      () => lines.push(line),
      (error: unknown) => failures.push(codeOf(error)),
    );
  }
  say({ large, kept, lines, failures });
}

/** A state of so many bytes, made on the way. */
function stateOf(bytes: number): Snapshot {
  const piece = (at: number) => Buffer.alloc(Math.min(65_536, bytes - at), at / 65_536);
  const hash = createHash('sha256');
  for (let at = 0; at < bytes; at += 65_536) hash.update(piece(at));
  return {
    schema: 1,
    bytes,
    sha256: hash.digest(),
    async *read() {
      for (let at = 0; at < bytes; at += 65_536) yield piece(at);
    },
  };
}

const works: Record<string, () => Promise<void>> = { journal, snapshots, memory, full };
works[what]?.().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  process.exitCode = 1;
});
