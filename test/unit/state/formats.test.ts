import { copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { knownFormats } from '../../../host/src/state/snapshot-file';
import { contentOf, StateRoom, snapshotOf, unlikeBytes } from './state-room';

// What a release wrote its successors read. The files in format-1 are such ones, with the key that they were written with:
// they are never made anew. A new format gets a directory of its own beside it.

let room: StateRoom;
beforeEach(() => {
  room = new StateRoom();
});
afterEach(() => room.remove());

test('every format that this release reads has files that an older one wrote', () => {
  const directories = readdirSync(__dirname).filter((name) => name.startsWith('format-'));
  expect(directories).toEqual(knownFormats.map((format) => `format-${format}`));
});

test('format 1', async () => {
  mkdirSync(room.directory, { mode: 0o700 });
  const source = join(__dirname, 'format-1');
  for (const name of readdirSync(source)) copyFileSync(join(source, name), join(room.directory, name));
  const store = await room.open();
  expect(store.problems).toEqual([]);
  expect(store.list()).toEqual([
    {
      id: '33939355-d073-45cc-b80b-9adc22f3e4af',
      sequence: 1,
      plugin: 'counter',
      version: '1.2.0',
      generation: 3,
      schema: 7,
      bytes: 70_000,
      sha256: 'f2c5582213034e97a0c91b7e1e9dfd6fa19e0091752508c0dda7d5be88622c7d',
      takenAt: Date.UTC(2026, 0, 1),
    },
    {
      id: '28a6a845-93fc-4701-9878-92c7b0ac489a',
      sequence: 2,
      plugin: 'kv',
      version: '2.0.0-rc.1',
      generation: 1,
      schema: 0,
      bytes: 0,
      sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
      takenAt: Date.UTC(2026, 0, 1) + 1000,
    },
  ]);
  const [counter, kv] = store.list();
  expect((await contentOf(await store.open(counter?.id ?? ''))).equals(unlikeBytes(70_000))).toBe(true);
  expect(await contentOf(await store.open(kv?.id ?? ''))).toHaveLength(0);
  const next = await store.keep({ plugin: 'kv', version: '2.0.0', generation: 2 }, snapshotOf('more'));
  expect(store.latest('kv')).toEqual(next);
});
