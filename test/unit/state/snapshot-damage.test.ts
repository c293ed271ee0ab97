import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { contentOf, refusal, StateRoom, snapshotOf, unlikeBytes } from './state-room';

// What a file system, a restore from a backup or somebody with an editor can do to a file. Nothing of it is ever given.

const counter = { plugin: 'counter', version: '1.2.0', generation: 3 };
const chunk = 64 * 1024;
const sealed = chunk + 16;
/** Three full chunks and a shorter one. */
const length = 3 * chunk + 1000;

let room: StateRoom;
beforeEach(() => {
  room = new StateRoom();
});
afterEach(() => room.remove());

/** Keeps one, changes its file and says what the store that wrote it and the next one make of it, each asked twice. */
async function afterwards(change: (file: Buffer, contentAt: number) => Buffer): Promise<unknown[]> {
  const store = await room.open();
  const { id } = await store.keep(counter, snapshotOf(unlikeBytes(length)));
  const file = readFileSync(room.path(id));
  const contentAt = file.length - (length + 4 * 16);
  writeFileSync(room.path(id), change(file, contentAt));
  const next = await room.open();
  const answers: unknown[] = [];
  for (const each of [store, store, next, next]) answers.push(await refusal(each.open(id)));
  return answers;
}

const corrupt = Array(4).fill('SNAPSHOT_CORRUPT');

const flipped = (file: Buffer, at: number): Buffer => {
  const copy = Buffer.from(file);
  copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
  return copy;
};

test('as it was, it opens', async () => {
  expect(await afterwards((file) => file)).toEqual(Array(4).fill('no refusal'));
});

test.each<[string, (contentAt: number) => number]>([
  ['the first byte', () => 0],
  ['the salt', () => 20],
  ['the length of the record', () => 45],
  ['the high byte of that length', () => 42],
  ['the record', () => 60],
  ["the record's tag", (contentAt) => contentAt - 1],
])('a bit of %s is another', async (_, at) => {
  expect(await afterwards((file, contentAt) => flipped(file, at(contentAt)))).toEqual(corrupt);
});

test.each<[string, (contentAt: number) => number]>([
  ['the first piece', (contentAt) => contentAt],
  ["the first piece's tag", (contentAt) => contentAt + chunk],
  ['a piece in the middle', (contentAt) => contentAt + 2 * sealed + 77],
  ['the last piece', (contentAt) => contentAt + 3 * sealed + 999],
  ['the last byte', (contentAt) => contentAt + 3 * sealed + 1015],
])('a bit of %s is another', async (_, at) => {
  expect(await afterwards((file, contentAt) => flipped(file, at(contentAt)))).toEqual(corrupt);
});

test.each<[string, (contentAt: number, end: number) => number]>([
  ['nothing is left', () => 0],
  ['half a prefix is left', () => 5],
  ['the prefix is left', () => 10],
  ['half a record is left', () => 70],
  ['the record is left', (contentAt) => contentAt],
  ['a piece is missing', (contentAt) => contentAt + 3 * sealed],
  ['a byte is missing', (_, end) => end - 1],
])('cut so that %s', async (_, to) => {
  expect(await afterwards((file, contentAt) => file.subarray(0, to(contentAt, file.length)))).toEqual(
    corrupt,
  );
});

test('longer than it was', async () => {
  expect(await afterwards((file) => Buffer.concat([file, Buffer.alloc(1)]))).toEqual(corrupt);
});

test('two pieces have changed places', async () => {
  expect(
    await afterwards((file, contentAt) => {
      const [one, two] = [contentAt, contentAt + sealed].map((at) =>
        Buffer.from(file.subarray(at, at + sealed)),
      );
      two?.copy(file, contentAt);
      one?.copy(file, contentAt + sealed);
      return file;
    }),
  ).toEqual(corrupt);
});

test('a piece is that of another file with the same content', async () => {
  const store = await room.open();
  const other = await store.keep(counter, snapshotOf(unlikeBytes(length)));
  expect(
    await afterwards((file, contentAt) => {
      readFileSync(room.path(other.id)).copy(file, contentAt, contentAt, contentAt + sealed);
      return file;
    }),
  ).toEqual(corrupt);
});

test('another file under its name', async () => {
  const store = await room.open();
  const other = await store.keep(counter, snapshotOf('other'));
  const { id } = await store.keep(counter, snapshotOf('own'));
  copyFileSync(room.path(other.id), room.path(id));
  expect(await refusal(store.open(id))).toBe('SNAPSHOT_CORRUPT');
  const next = await room.open();
  expect(next.problems).toMatchObject([{ code: 'SNAPSHOT_CORRUPT' }]);
  expect(next.list()).toEqual([other]);
});

test('one that was encrypted elsewhere', async () => {
  const elsewhere = new StateRoom();
  const { id } = await (await elsewhere.open()).keep(counter, snapshotOf('theirs'));
  await room.open();
  copyFileSync(elsewhere.path(id), room.path(id));
  elsewhere.remove();
  const store = await room.open();
  expect(store.problems).toMatchObject([{ code: 'SNAPSHOT_CORRUPT' }]);
  expect(store.list()).toEqual([]);
});

test('one that turned out corrupt is offered no more, the one before it is, and its file stays to be looked at', async () => {
  const store = await room.open();
  const before = await store.keep(counter, snapshotOf('before'));
  const { id } = await store.keep(counter, snapshotOf('after'));
  const file = readFileSync(room.path(id));
  writeFileSync(room.path(id), flipped(file, file.length - 1));
  expect(store.latest('counter')?.id).toBe(id);
  expect(await refusal(store.open(id))).toBe('SNAPSHOT_CORRUPT');
  expect(store.latest('counter')).toEqual(before);
  expect([store.ageMs(id), store.ageMs(before.id)]).toEqual([undefined, 0]);
  expect(existsSync(room.path(id))).toBe(true);
});

test('changed between two reads: what is given until then is right, and it ends with an error', async () => {
  const bytes = unlikeBytes(length);
  const store = await room.open();
  const { id } = await store.keep(counter, snapshotOf(bytes));
  const opened = await store.open(id);
  const file = readFileSync(room.path(id));
  writeFileSync(room.path(id), flipped(file, file.length - 1));
  const given: Buffer[] = [];
  const read = async () => {
    for await (const piece of opened.read()) given.push(piece);
  };
  expect(await refusal(read())).toBe('SNAPSHOT_CORRUPT');
  expect(Buffer.concat(given).equals(bytes.subarray(0, 3 * chunk))).toBe(true);
});

test('a newer format is refused by name, and stays for the release that knows it', async () => {
  const store = await room.open();
  const { id } = await store.keep(counter, snapshotOf('a'));
  const file = readFileSync(room.path(id));
  file.writeUInt16BE(9, 8);
  writeFileSync(room.path(id), file);
  await expect(store.open(id)).rejects.toMatchObject({
    code: 'STATE_FORMAT_NEWER',
    facts: { path: room.path(id), format: 9, known: [1] },
  });
  const next = await room.open();
  expect(next.problems).toMatchObject([{ code: 'STATE_FORMAT_NEWER' }]);
  expect(next.list()).toEqual([]);
  expect(existsSync(room.path(id))).toBe(true);
});

test('no error says anything of the content', async () => {
  const secret = 'what nobody else may read';
  const store = await room.open();
  const { id } = await store.keep(counter, snapshotOf(secret));
  const file = readFileSync(room.path(id));
  writeFileSync(room.path(id), flipped(file, file.length - 1));
  const error: unknown = await store.open(id).catch((reason: unknown) => reason);
  expect(JSON.stringify(error) + String(error)).not.toContain(secret);
  expect(error).toMatchObject({ cause: { message: expect.not.stringContaining(secret) } });
});

test('the same content is written differently each time', async () => {
  const store = await room.open();
  const one = await store.keep(counter, snapshotOf('same'));
  const two = await store.keep(counter, snapshotOf('same'));
  const tails = [one, two].map(({ id }) => readFileSync(room.path(id)).subarray(-20).toString('hex'));
  expect(new Set(tails).size).toBe(2);
  expect((await contentOf(await store.open(two.id))).toString()).toBe('same');
});
