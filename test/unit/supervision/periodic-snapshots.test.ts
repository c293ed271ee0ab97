import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Snapshot } from '../../../host/src/state/snapshot';
import { PeriodicSnapshots } from '../../../host/src/supervision/periodic-snapshots';
import type { Supervisor } from '../../../host/src/supervision/supervisor';
import { poll } from '../../support/poll';
import { RecordingLogger } from '../../support/recording-logger';

// When a state is taken and kept; what comes of it is seen with real plugins in test/upgrade/periodic-snapshots.test.ts.

const snapshot: Snapshot = {
  schema: 1,
  bytes: 1,
  sha256: createHash('sha256').update('a').digest(),
  async *read() {
    yield Buffer.from('a');
  },
};

/** A plugin that gives its state when it is let. */
function room() {
  const taken: { give: (error?: Error) => void; signal: AbortSignal | undefined }[] = [];
  const kept: { done: (id: string) => void }[] = [];
  const dropped: string[] = [];
  let idle = true;
  const take = (_spool: unknown, { signal }: { signal?: AbortSignal }) =>
    new Promise<Snapshot>((give, fail) => {
      taken.push({ signal, give: (error) => (error === undefined ? give(snapshot) : fail(error)) });
    });
  const generation = (snapshotEveryMs: number, instances = 1) =>
    ({
      spec: { name: 'counter', version: '1.0.0', instances },
      description: { state: { snapshotEveryMs } },
      first: { instance: { state: 'serving', connection: { lifecycle: { snapshot: take } } } },
    }) as unknown as Supervisor;
  const logger = new RecordingLogger();
  const snapshots = new PeriodicSnapshots({
    directory: '/nowhere',
    logger,
    maxBytes: 1_000,
    idle: () => idle,
    keep: () => new Promise((done) => kept.push({ done })),
    drop: async (id) => void dropped.push(id),
  });
  const first = async <T>(list: readonly T[], index = 0): Promise<T> => {
    await poll(
      () => list.length,
      (length) => length > index,
    );
    const one = list[index];
    if (one === undefined) throw new Error('it is there');
    return one;
  };
  const beBusy = () => {
    idle = false;
  };
  return { snapshots, generation, taken, kept, dropped, logger, first, beBusy };
}

test('one is taken after the other, at least 100 ms apart', async () => {
  const { snapshots, generation, taken, kept, first } = room();
  const began = performance.now();
  snapshots.begin(generation(1));
  (await first(taken)).give();
  expect(performance.now() - began).toBeGreaterThan(95);
  const writing = await first(kept);
  await sleep(250);
  expect(taken).toHaveLength(1);
  writing.done('1');
  (await first(taken, 1)).give(new Error('as it was told'));
  await snapshots.end();
});

test('what was being taken when something else is done with the state is not kept', async () => {
  const { snapshots, generation, taken, kept, logger, first } = room();
  snapshots.begin(generation(100));
  const { give, signal } = await first(taken);
  const ended = snapshots.end();
  expect(signal?.aborted).toBe(true);
  give();
  await ended;
  expect(kept).toEqual([]);
  snapshots.begin(generation(100));
  const other = await first(taken, 1);
  snapshots.end();
  other.give(new Error('it was given up'));
  await snapshots.end();
  expect(logger.records).toEqual([]);
});

test('the end waits for what is being written', async () => {
  const { snapshots, generation, taken, kept, first } = room();
  snapshots.begin(generation(100));
  (await first(taken)).give();
  const writing = await first(kept);
  let over = false;
  const ended = snapshots.end().then(() => {
    over = true;
  });
  await sleep(20);
  expect(over).toBe(false);
  writing.done('1');
  await ended;
});

test('none is taken while something else is done, of several instances, or unasked', async () => {
  const { snapshots, generation, taken, beBusy } = room();
  snapshots.begin(generation(0));
  await sleep(150);
  snapshots.begin(generation(100, 2));
  await sleep(150);
  beBusy();
  snapshots.begin(generation(100));
  await sleep(250);
  await snapshots.end();
  expect(taken).toEqual([]);
});

test('the last two are there, also of several generations', async () => {
  const { snapshots, generation, taken, kept, dropped, first } = room();
  for (let index = 0; index < 4; index++) {
    if (index % 2 === 0) snapshots.begin(generation(100));
    (await first(taken, index)).give();
    (await first(kept, index)).done(`${index}`);
  }
  await snapshots.end();
  expect(dropped).toEqual(['0', '1']);
});
