import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { poll } from '../../support/poll';
import { contentOf, refusal, StateRoom, snapshotOf, unlikeBytes } from './state-room';

let room: StateRoom;
beforeEach(() => {
  room = new StateRoom();
});
afterEach(() => room.remove());

const counter = { plugin: 'counter', version: '1.2.0', generation: 3 };
const secret = 'what nobody else may read';

test('what is kept is there for the next host, with all that is known of it', async () => {
  const first = await room.open();
  const snapshot = snapshotOf(secret, 7);
  const kept = await first.keep(counter, snapshot);
  expect(kept).toEqual({
    id: expect.any(String),
    sequence: 1,
    ...counter,
    schema: 7,
    bytes: secret.length,
    sha256: snapshot.sha256.toString('hex'),
    takenAt: room.wallMs,
  });
  const second = await room.open();
  expect(second.list()).toEqual([kept]);
  expect(second.problems).toEqual([]);
  const opened = await second.open(kept.id);
  expect([opened.schema, opened.bytes, opened.sha256]).toEqual([7, secret.length, snapshot.sha256]);
  for (let time = 0; time < 2; time++) expect((await contentOf(opened)).toString()).toBe(secret);
});

test.each([0, 1, 65_535, 65_536, 65_537, 131_072, 1_000_001])('%i bytes come back', async (length) => {
  const bytes = unlikeBytes(length);
  const store = await room.open();
  const { id } = await store.keep(counter, snapshotOf(bytes));
  expect((await contentOf(await store.open(id))).equals(bytes)).toBe(true);
});

test('what need not be safe from a loss of power is read in the same way', async () => {
  const bytes = unlikeBytes(200_000);
  const { id } = await (await room.open()).keep(counter, snapshotOf(bytes), { durable: false });
  const next = await room.open();
  expect((await contentOf(await next.open(id))).equals(bytes)).toBe(true);
});

test('nobody else can read the files, and they say nothing', async () => {
  const store = await room.open();
  await store.keep(counter, snapshotOf(secret));
  expect(statSync(room.directory).mode & 0o777).toBe(0o700);
  for (const name of room.files()) {
    expect(statSync(join(room.directory, name)).mode & 0o777).toBe(0o600);
    const text = readFileSync(join(room.directory, name), 'latin1');
    for (const word of [secret, counter.plugin, counter.version]) expect(text).not.toContain(word);
  }
});

test('the latest is the one kept last, whatever the clock said, of those that the caller can use', async () => {
  const store = await room.open();
  const old = await store.keep(counter, snapshotOf('old', 1));
  room.wallMs -= 1_000_000;
  const young = await store.keep({ ...counter, version: '2.0.0' }, snapshotOf('young', 2));
  await store.keep({ ...counter, plugin: 'other' }, snapshotOf('other', 1));
  for (const each of [store, await room.open()]) {
    expect(each.latest('counter')).toEqual(young);
    expect(each.latest('counter', (schema) => schema === 1)).toEqual(old);
    expect(each.latest('counter', (_, version) => version === '3.0.0')).toBeUndefined();
    expect(each.latest('nobody')).toBeUndefined();
    expect(each.list('counter')).toEqual([old, young]);
    expect(each.list()).toHaveLength(3);
  }
});

test('one whose time is over is not given any more, and goes', async () => {
  const store = await room.open({ ttlMs: 1000 });
  const { id } = await store.keep(counter, snapshotOf('a'));
  room.pass(400);
  const later = await store.keep(counter, snapshotOf('b'));
  room.pass(599);
  expect(store.ageMs(id)).toBe(999);
  expect(store.list()).toHaveLength(2);
  room.pass(1);
  expect(store.list()).toEqual([later]);
  expect(await refusal(store.open(id))).toBe('SNAPSHOT_NOT_FOUND');
  await store.sweep();
  expect(existsSync(room.path(id))).toBe(false);
  room.pass(10_000);
  expect((await room.open({ ttlMs: 1000 })).list()).toEqual([]);
  expect(room.files()).toEqual(['key']);
});

test('it goes by itself while the host does nothing else', async () => {
  const store = await room.open({ ttlMs: 60, monotonicNow: () => performance.now() });
  const { id } = await store.keep(counter, snapshotOf('a'));
  while (existsSync(room.path(id))) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(store.ageMs(id)).toBeUndefined();
});

test('a clock that is set while the host runs makes nothing older or younger', async () => {
  const store = await room.open({ ttlMs: 1000 });
  const { id } = await store.keep(counter, snapshotOf('a'));
  for (const jump of [1e10, -2e10]) {
    room.wallMs += jump;
    await store.sweep();
    expect(store.ageMs(id)).toBe(0);
  }
  room.monotonicMs += 1000;
  expect(store.list()).toEqual([]);
});

test('one from the future counts as just taken', async () => {
  const { id } = await (await room.open({ ttlMs: 1000 })).keep(counter, snapshotOf('a'));
  room.wallMs -= 1e9;
  const next = await room.open({ ttlMs: 1000 });
  expect(next.ageMs(id)).toBe(0);
  room.pass(1000);
  expect(next.list()).toEqual([]);
});

test('of too many of one plugin the oldest go', async () => {
  const store = await room.open({ maxPerPlugin: 2 });
  const other = await store.keep({ ...counter, plugin: 'other' }, snapshotOf('o'));
  const [, b, c] = [
    await store.keep(counter, snapshotOf('a')),
    await store.keep(counter, snapshotOf('b')),
    await store.keep(counter, snapshotOf('c')),
  ];
  expect(store.list()).toEqual([other, b, c]);
  await poll(
    () => room.files().filter((name) => name !== 'key'),
    (files) => files.length === 3,
  );
});

test('of too many bytes the oldest go, and the only one of a plugin last', async () => {
  const store = await room.open({ maxBytes: 300 });
  const only = await store.keep({ ...counter, plugin: 'other' }, snapshotOf(Buffer.alloc(100)));
  await store.keep(counter, snapshotOf(Buffer.alloc(100)));
  const second = await store.keep(counter, snapshotOf(Buffer.alloc(100)));
  const third = await store.keep(counter, snapshotOf(Buffer.alloc(100)));
  expect(store.list()).toEqual([only, second, third]);
  const large = await store.keep(counter, snapshotOf(Buffer.alloc(300)));
  expect(store.list()).toEqual([large]);
});

test('one that is too large is refused, and harms none', async () => {
  const store = await room.open({ maxSnapshotBytes: 100 });
  const kept = await store.keep(counter, snapshotOf(Buffer.alloc(100)));
  await expect(store.keep(counter, snapshotOf(Buffer.alloc(101)))).rejects.toMatchObject({
    code: 'SNAPSHOT_NOT_KEPT',
    facts: { plugin: 'counter', version: '1.2.0', bytes: 101, directory: room.directory },
  });
  expect(store.list()).toEqual([kept]);
  expect(await refusal((await room.open({ maxBytes: 50 })).keep(counter, snapshotOf(Buffer.alloc(51))))).toBe(
    'SNAPSHOT_NOT_KEPT',
  );
});

test('a source that fails, or gives other bytes than it says, leaves nothing behind', async () => {
  const store = await room.open();
  const good = snapshotOf(unlikeBytes(200_000));
  const gone = {
    ...good,
    async *read() {
      yield Buffer.alloc(1000);
      throw new Error('discarded');
    },
  };
  expect(await refusal(store.keep(counter, gone))).toBe('SNAPSHOT_NOT_KEPT');
  for (const wrong of [
    { ...good, sha256: Buffer.alloc(32) },
    { ...good, bytes: good.bytes - 1 },
    { ...good, bytes: good.bytes + 1 },
    { ...good, bytes: 0 },
  ]) {
    expect(await refusal(store.keep(counter, wrong))).toBe('SNAPSHOT_CORRUPT');
  }
  expect(store.list()).toEqual([]);
  expect(room.files()).toEqual(['key']);
});

test('a directory that somebody cleared under it is made again, and the next host reads what is in it', async () => {
  const store = await room.open();
  const lost = await store.keep(counter, snapshotOf('lost'));
  rmSync(room.directory, { recursive: true });
  expect(await refusal(store.open(lost.id))).toBe('SNAPSHOT_NOT_FOUND');
  const { id } = await store.keep(counter, snapshotOf(secret));
  const next = await room.open();
  expect((await contentOf(await next.open(id))).toString()).toBe(secret);
});

test('what cannot be written is refused with its cause, and the others stay', async () => {
  const store = await room.open();
  const kept = await store.keep(counter, snapshotOf('a'));
  rmSync(join(room.directory, 'key'));
  // No file can be put there now, not even by root.
  mkdirSync(join(room.directory, 'key'));
  await expect(store.keep(counter, snapshotOf('b'))).rejects.toMatchObject({
    code: 'SNAPSHOT_NOT_KEPT',
    cause: expect.anything(),
  });
  expect(store.list()).toEqual([kept]);
  expect((await contentOf(await store.open(kept.id))).toString()).toBe('a');
});

test('what a killed host left half-written goes, and what is not the store’s stays', async () => {
  await room.open();
  for (const name of ['new-half', 'key-new-half', 'README'])
    writeFileSync(join(room.directory, name), 'half');
  const store = await room.open();
  expect(room.files()).toEqual(['README', 'key']);
  expect(store.problems).toEqual([]);
});

test('many at a time are kept, each under its number', async () => {
  const store = await room.open({ maxPerPlugin: 20 });
  const kept = await Promise.all(
    Array.from({ length: 12 }, (_, index) => store.keep(counter, snapshotOf(`${index}`))),
  );
  expect(new Set(kept.map(({ sequence }) => sequence)).size).toBe(12);
  const next = await room.open({ maxPerPlugin: 20 });
  expect(next.list()).toHaveLength(12);
  expect((await next.keep(counter, snapshotOf('x'))).sequence).toBe(13);
});

test('removed is removed, and again is no error', async () => {
  const store = await room.open();
  const { id } = await store.keep(counter, snapshotOf('a'));
  await store.remove(id);
  await store.remove(id);
  expect(store.list()).toEqual([]);
  expect(existsSync(room.path(id))).toBe(false);
  for (const unknown of [id, '', '../key', 'key'])
    expect(await refusal(store.open(unknown))).toBe('SNAPSHOT_NOT_FOUND');
});

describe('a directory that is not this user’s alone is refused', () => {
  test('open to others', async () => {
    mkdirSync(room.directory);
    chmodSync(room.directory, 0o755);
    expect(await refusal(room.open())).toBe('STATE_DIR_UNUSABLE');
  });

  test('a link', async () => {
    mkdirSync(join(room.root, 'elsewhere'), { mode: 0o700 });
    symlinkSync(join(room.root, 'elsewhere'), room.directory);
    expect(await refusal(room.open())).toBe('STATE_DIR_UNUSABLE');
  });

  test('a file', async () => {
    writeFileSync(room.directory, '');
    expect(await refusal(room.open())).toBe('STATE_DIR_UNUSABLE');
  });

  test('with a key that is a link', async () => {
    await room.open();
    rmSync(join(room.directory, 'key'));
    symlinkSync('/dev/zero', join(room.directory, 'key'));
    expect(await refusal(room.open())).toBe('STATE_DIR_UNUSABLE');
  });
});

test('an option that is none is refused', async () => {
  for (const option of [{ ttlMs: 0 }, { maxPerPlugin: -1 }, { maxBytes: Number.NaN }]) {
    expect(await refusal(room.open(option))).toBe('OPTIONS_INVALID');
  }
});

describe('with a damaged key', () => {
  test('snapshots are kept again, the old ones are told of, and go when their time is over', async () => {
    const first = await room.open({ ttlMs: 1000 });
    const { id } = await first.keep(counter, snapshotOf('a'));
    utimesSync(room.path(id), room.wallMs / 1000, room.wallMs / 1000);
    writeFileSync(join(room.directory, 'key'), 'plugd-key 1\nhalf');
    const store = await room.open({ ttlMs: 1000 });
    expect(store.problems).toMatchObject([{ code: 'SNAPSHOT_CORRUPT', facts: { path: room.path(id) } }]);
    expect(store.list()).toEqual([]);
    expect(existsSync(room.path(id))).toBe(true);
    room.pass(999);
    const kept = await store.keep(counter, snapshotOf('b'));
    expect(existsSync(room.path(id))).toBe(true);
    room.pass(1);
    await store.sweep();
    expect(existsSync(room.path(id))).toBe(false);
    expect((await room.open({ ttlMs: 1000 })).list()).toEqual([kept]);
  });

  test('a newer one is left alone', async () => {
    await room.open();
    writeFileSync(join(room.directory, 'key'), 'plugd-key 2\nxyz\n');
    expect(await refusal(room.open())).toBe('STATE_FORMAT_NEWER');
    expect(readFileSync(join(room.directory, 'key'), 'utf8')).toBe('plugd-key 2\nxyz\n');
  });

  test('another host’s is not written over', async () => {
    const store = await room.open();
    writeFileSync(join(room.directory, 'key'), `plugd-key 1\n${'0'.repeat(64)}\n`);
    await expect(store.keep(counter, snapshotOf('a'))).rejects.toMatchObject({
      code: 'SNAPSHOT_NOT_KEPT',
      cause: { code: 'STATE_DIR_IN_USE' },
    });
  });
});
