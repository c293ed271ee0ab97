import {
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { encode, endKey, headKey, lineKey } from '../../../host/src/journal/journal-record';
import { OperationJournal } from '../../../host/src/journal/operation-journal';
import { SeededRandom } from '../../support/seeded-random';
import { JournalRoom } from './journal-room';

// What becomes of a journal whose files were changed, cut or removed: the host starts, knows that it can't believe all of
// it, and what it says was done was done.

let room: JournalRoom;
beforeEach(() => {
  room = new JournalRoom();
});
afterEach(() => room.remove());

const ended = ['a', 'b', 'c'];
const lines = Array.from({ length: 40 }, (_, number) => ({
  kind: 'step',
  step: `step ${number}`,
  fill: 'x'.repeat(number),
}));

/** A journal with operations that ended and two that did not, in a table and in a log. */
async function written(): Promise<void> {
  const first = await room.open();
  for (const id of ended) {
    const operation = await first.begin({ id, plugin: `plugin ${id}` });
    for (const line of lines) await operation.append(line, { sync: false });
    await operation.end('done');
  }
  const early = await first.begin({ id: 'early', plugin: 'early' });
  for (const line of lines) await early.append(line, { sync: false });
  const second = await room.next();
  const late = await second.begin({ id: 'late', plugin: 'late' });
  for (const line of lines) await late.append(line, { sync: false });
  await room.close();
}

const fileOf = (kind: RegExp): string => {
  const name = readdirSync(room.database).find((file) => kind.test(file));
  if (name === undefined) throw new Error(`there is no ${kind} among ${readdirSync(room.database)}`);
  return join(room.database, name);
};
const current = () => fileOf(/^CURRENT$/);
const manifest = () => fileOf(/^MANIFEST-/);
const log = () => fileOf(/^\d+\.log$/);
const table = () => fileOf(/^\d+\.ldb$/);

function flip(file: string, at: number): void {
  const bytes = readFileSync(file);
  const place = at < 0 ? bytes.length + at : at;
  bytes.writeUInt8(bytes.readUInt8(place) ^ 0x10, place);
  writeFileSync(file, bytes);
}

/** What must hold whatever was found: nothing is made up, and the journal can be used from now on. */
async function expectUsable(journal: OperationJournal): Promise<void> {
  for (const { lines: found } of await journal.operations())
    expect(found).toEqual(lines.slice(0, found.length));
  for (const operation of await journal.unfinished()) {
    await operation.append('recovered');
    await operation.end('recovered');
  }
  const fresh = await journal.begin({ id: 'new', plugin: 'new' });
  await fresh.append('line');
  const next = await room.next();
  expect(next.problems).toEqual([]);
  expect(await next.unfinished()).toMatchObject([{ head: { id: 'new' }, lines: ['line'], intact: true }]);
}

test.each<[string, () => void]>([
  ['CURRENT is missing', () => rmSync(current())],
  ['CURRENT is empty', () => truncateSync(current())],
  ['CURRENT names another file', () => writeFileSync(current(), 'MANIFEST-000099\n')],
  ['the manifest is missing', () => rmSync(manifest())],
  ['the manifest is empty', () => truncateSync(manifest())],
  ['the manifest is rubbish', () => writeFileSync(manifest(), Buffer.alloc(200, 7))],
  ['a table is missing', () => rmSync(table())],
  ['a table is cut', () => truncateSync(table(), 500)],
  ['a table is rubbish', () => writeFileSync(table(), Buffer.alloc(5000, 7))],
])('%s: the files are repaired or begun anew, and kept as they were', async (_, damage) => {
  await written();
  damage();
  const tables = readdirSync(room.database).filter((name) => name.endsWith('.ldb'));
  const before = tables.map((name) => readFileSync(join(room.database, name)));
  const journal = await room.open();
  expect(journal.problems).toMatchObject([
    { code: 'JOURNAL_DAMAGED', facts: { path: room.directory, copy: join(room.directory, 'damaged') } },
  ]);
  expect(tables.map((name) => readFileSync(join(room.directory, 'damaged', name)))).toEqual(before);
  for (const { intact } of await journal.unfinished()) expect(intact).toBe(false);
  // The doubt stays until somebody has dealt with it.
  const next = await room.next();
  expect(next.problems).toEqual([]);
  for (const { intact } of await next.unfinished()) expect(intact).toBe(false);
  await expectUsable(next);
});

test('a file is in its place: it is put aside', async () => {
  mkdirSync(room.directory, { mode: 0o700 });
  writeFileSync(room.database, 'something else');
  const journal = await room.open();
  expect(journal.problems).toMatchObject([{ code: 'JOURNAL_DAMAGED' }]);
  expect(readFileSync(join(room.directory, 'damaged'), 'utf8')).toBe('something else');
  await expectUsable(journal);
});

test('after a repair what was whole is still there', async () => {
  await written();
  rmSync(current());
  const journal = await room.open();
  expect((await journal.operations()).map(({ head: { id } }) => id)).toEqual([...ended, 'early', 'late']);
  expect((await journal.unfinished()).map(({ lines: { length } }) => length)).toEqual([40, 40]);
});

test.each<[string, () => void]>([
  ['a bit in the first half of the log is another', () => flip(log(), 1000)],
  ['a bit in the last line of the log is another', () => flip(log(), -20)],
  [
    'a stretch of the log is empty',
    () => {
      const bytes = readFileSync(log());
      writeFileSync(log(), bytes.fill(0, 700, 900));
    },
  ],
])('%s: it is noticed', async (_, damage) => {
  await written();
  damage();
  const journal = await room.open();
  expect(journal.problems).toMatchObject([{ code: 'JOURNAL_DAMAGED', facts: { path: room.directory } }]);
  for (const { intact } of await journal.unfinished()) expect(intact).toBe(false);
  await expectUsable(journal);
});

test.each<[string, (level: ClassicLevel<string, string>) => Promise<void>]>([
  ['a line is missing', (level) => level.del(lineKey(4, 7))],
  ['the last line is missing', (level) => level.del(lineKey(5, 39))],
  ['an end is missing', (level) => level.del(endKey(2))],
  ['a head is missing', (level) => level.del(headKey(3))],
  ['the number of records is missing', (level) => level.del('meta')],
  ['a line is another', (level) => level.put(lineKey(4, 7), '00000000{"line":{"kind":"step"}}')],
  ['an outcome is another', (level) => level.put(endKey(1), 'rubbish')],
  [
    'a line is there twice',
    async (level) => level.put(lineKey(5, 40), (await level.get(lineKey(5, 39))) ?? ''),
  ],
  ['something else is there', (level) => level.put('operation/x', 'rubbish')],
])('%s: it is noticed', async (_, damage) => {
  await written();
  const level = new ClassicLevel<string, string>(room.database);
  await damage(level);
  await level.close();
  const journal = await room.open();
  expect(journal.problems).toMatchObject([{ code: 'JOURNAL_DAMAGED', facts: { path: room.directory } }]);
  for (const { intact } of await journal.unfinished()) expect(intact).toBe(false);
  await expectUsable(journal);
});

// LevelDB, were it given these, would end the process: its keys are out of order, or there twice.
describe('files that LevelDB must not be given', () => {
  test('a bit at any of many places of a table is another: what its other blocks say is kept', async () => {
    await written();
    const pristine = join(room.root, 'pristine');
    cpSync(room.database, pristine, { recursive: true });
    for (const place of [
      330,
      654,
      673,
      692,
      ...Array.from({ length: 14 }, (_, count) => 700 + 500 * count),
    ]) {
      rmSync(room.directory, { recursive: true });
      mkdirSync(room.directory, { mode: 0o700 });
      cpSync(pristine, room.database, { recursive: true });
      flip(table(), place);
      const journal = await room.open();
      expect(journal.problems).toMatchObject([{ code: 'JOURNAL_DAMAGED' }]);
      const found = await journal.operations();
      // A block has one head at most.
      expect(found.length).toBeGreaterThanOrEqual(4);
      for (const { lines: read } of found) expect(read).toEqual(lines.slice(0, read.length));
      for (const { intact } of await journal.unfinished()) expect(intact).toBe(false);
      await room.close();
    }
  });

  test('a table is another one of its length', async () => {
    await written();
    const path = join(room.root, 'another');
    const level = new ClassicLevel<string, string>(path);
    await level.put('a', 'b');
    await level.compactRange('', '~');
    await level.close();
    const other = readdirSync(path).find((name) => name.endsWith('.ldb')) ?? '';
    copyFileSync(join(path, other), table());
    await expectDamaged();
  });

  test('a stretch of the log is there twice', async () => {
    await written();
    const bytes = readFileSync(log());
    writeFileSync(log(), Buffer.concat([bytes, bytes]));
    await expectDamaged();
  });

  async function expectDamaged(): Promise<void> {
    const journal = await room.open();
    expect(journal.problems).toMatchObject([{ code: 'JOURNAL_DAMAGED', facts: { path: room.directory } }]);
    for (const { intact } of await journal.unfinished()) expect(intact).toBe(false);
    await expectUsable(journal);
  }
});

test('a length in the log that goes beyond its end is no end of it', async () => {
  await written();
  const bytes = readFileSync(log());
  bytes.writeUInt8(0x7f, 5);
  writeFileSync(log(), bytes);
  const journal = await room.open();
  expect(journal.problems).toMatchObject([{ code: 'JOURNAL_DAMAGED' }]);
  await expectUsable(journal);
});

test('what a host that was killed left of a table that nothing names is no damage', async () => {
  await written();
  writeFileSync(join(room.database, '000099.ldb'), readFileSync(table()).subarray(0, 3000));
  writeFileSync(join(room.database, '000001.log'), 'rubbish');
  const journal = await room.open();
  expect(journal.problems).toEqual([]);
  expect((await journal.unfinished()).map(({ intact }) => intact)).toEqual([true, true]);
  await expectUsable(journal);
});

test('one that another host uses is not salvaged, however its files look', async () => {
  await written();
  const journal = await room.open();
  flip(manifest(), 20);
  await expect(OperationJournal.open({ directory: room.directory })).rejects.toMatchObject({
    code: 'STATE_DIR_IN_USE',
    facts: { path: room.directory },
  });
  expect(readdirSync(room.directory)).toEqual(['db']);
  expect(await journal.operations()).toHaveLength(5);
});

test('a log that was cut off, as by a loss of power, is believed up to there', async () => {
  await written();
  truncateSync(log(), 3000);
  const journal = await room.open();
  expect(journal.problems).toEqual([]);
  const [early, late] = await journal.unfinished();
  expect([early?.lines.length, early?.intact, late?.intact]).toEqual([40, true, true]);
  expect(late?.lines.length).toBeGreaterThan(0);
  await expectUsable(journal);
});

test('an operation without an end, though a later one of its plugin was begun, is not believed', async () => {
  await written();
  const journal = await room.open();
  const second = await journal.begin({ id: 'early, again', plugin: 'early' });
  await second.append('line');
  const next = await room.next();
  expect((await next.unfinished()).map(({ head: { id }, intact }) => [id, intact])).toEqual([
    ['early', false],
    ['late', true],
    ['early, again', true],
  ]);
});

describe('a host that was killed while it salvaged one', () => {
  test('before it exchanged the two: what it had begun goes, and it is done again', async () => {
    await written();
    rmSync(current());
    cpSync(room.database, join(room.directory, 'new'), { recursive: true });
    const journal = await room.open();
    expect(journal.problems).toMatchObject([{ code: 'JOURNAL_DAMAGED' }]);
    expect(readdirSync(room.directory).sort()).toEqual(['damaged', 'db']);
    expect(await journal.operations()).toHaveLength(5);
  });

  test('between the two names: the new one takes its place', async () => {
    await written();
    cpSync(room.database, join(room.directory, 'new'), { recursive: true });
    renameSync(room.database, join(room.directory, 'damaged'));
    const journal = await room.open();
    expect(journal.problems).toEqual([]);
    expect(readdirSync(room.directory).sort()).toEqual(['damaged', 'db']);
    expect(await journal.operations()).toHaveLength(5);
    await expectUsable(journal);
  });
});

test('a newer format is refused by name, and nothing is changed', async () => {
  await written();
  const level = new ClassicLevel<string, string>(room.database);
  await level.put('meta', encode('meta', '{"format":2,"records":1}'));
  await level.close();
  for (let time = 0; time < 2; time++) {
    await expect(room.open()).rejects.toMatchObject({
      code: 'STATE_FORMAT_NEWER',
      facts: { path: room.directory, format: 2, known: [1] },
    });
  }
});

test('whichever bit of whichever file is another: what is missing is told of, and what is there is right', async () => {
  const random = new SeededRandom();
  await random.during(async () => {
    await written();
    const pristine = join(room.root, 'pristine');
    cpSync(room.database, pristine, { recursive: true });
    const names = readdirSync(pristine).filter(
      (name) => readFileSync(join(pristine, name)).length > 0 && !name.startsWith('LOG'),
    );
    for (let time = 0; time < 30; time++) {
      rmSync(room.directory, { recursive: true });
      mkdirSync(room.database, { recursive: true, mode: 0o700 });
      for (const name of readdirSync(pristine)) copyFileSync(join(pristine, name), join(room.database, name));
      const file = join(room.database, names[random.below(names.length)] ?? '');
      flip(file, random.below(readFileSync(file).length));
      const journal = await room.open();
      const found = await journal.operations();
      const whole = found.length === 5 && found.every((operation) => operation.lines.length === 40);
      const ends = found.filter(({ outcome }) => outcome === 'done').length;
      if (!whole || ends !== 3) expect(journal.problems).toMatchObject([{ code: 'JOURNAL_DAMAGED' }]);
      await expectUsable(journal);
      await room.close();
    }
  });
}, 60_000);
