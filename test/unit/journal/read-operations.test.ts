import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Journal } from '../../../host/src/journal/journal';
import { readOperations } from '../../../host/src/journal/read-operations';
import { JournalRoom } from './journal-room';

let room: JournalRoom;
beforeEach(() => {
  room = new JournalRoom();
});
afterEach(() => room.remove());

const head = (id: string, plugin = 'counter') => ({ id, plugin, operation: 'upgrade', strategy: 'overlap' });

test('where there is no journal there is nothing to read, and nothing is made', async () => {
  expect(await readOperations(room.directory)).toBeUndefined();
  expect(readdirSync(room.root)).toEqual([]);
});

test('what a host reads of its journal is what the files say, also while it is open', async () => {
  const journal = await room.open();
  await fill(journal, 3);
  const open = await journal.begin(head('open'));
  await open.append({ kind: 'step', step: 'start' });
  await expectSame(journal);
  await open.append({ kind: 'step', step: 'swap' });
  await expectSame(journal);
  const found = await readOperations(room.directory);
  expect(found?.operations.at(-1)).toMatchObject({ outcome: undefined, intact: true });
});

test('what was removed stays removed, however often the files were written anew', async () => {
  let journal = await room.open({ keepPerPlugin: 4 });
  for (let round = 0; round < 4; round++) {
    await fill(journal, 12, 'x'.repeat(40_000));
    await expectSame(journal);
    journal = await room.next({ keepPerPlugin: 4 });
    await expectSame(journal);
  }
});

test('reading changes no file', async () => {
  await fill(await room.open(), 5);
  await room.close();
  const before = pictureOf(room.database);
  await readOperations(room.directory);
  expect(pictureOf(room.database)).toEqual(before);
});

test('of damaged files what can be read is told, and that it may not be all', async () => {
  const journal = await room.open();
  await fill(journal, 3);
  const open = await journal.begin(head('open'));
  await open.append({ kind: 'step', step: 'start' });
  await room.close();
  const log = readdirSync(room.database).find((name) => name.endsWith('.log')) ?? '';
  const bytes = readFileSync(join(room.database, log));
  bytes.writeUInt8(bytes.readUInt8(40) ^ 0xff, 40);
  writeFileSync(join(room.database, log), bytes);
  const found = await readOperations(room.directory);
  expect(found?.damage).toBeDefined();
  expect(found?.operations.every(({ intact }) => !intact)).toBe(true);
});

async function fill(journal: Journal, count: number, ballast = ''): Promise<void> {
  for (let index = 0; index < count; index++) {
    const operation = await journal.begin(head(`of-${index}`));
    await operation.append({ kind: 'step', step: 'start', ballast });
    await operation.end({ kind: 'end', outcome: 'done' });
  }
}

async function expectSame(journal: Journal): Promise<void> {
  const found = await readOperations(room.directory);
  expect(found?.damage).toBeUndefined();
  const read = found?.operations.map(({ intact: _intact, ...operation }) => operation);
  expect(read).toEqual(await journal.operations());
}

function pictureOf(directory: string): unknown {
  return readdirSync(directory).map((name) => {
    const { mtimeMs, size, ino } = statSync(join(directory, name));
    return [name, mtimeMs, size, ino];
  });
}
