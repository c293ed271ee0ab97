import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { journalFormats } from '../../../host/src/journal/journal-record';
import { JournalRoom } from './journal-room';

// What a release wrote its successors read. format-1.json is what one wrote, every key with its value: it is never made anew.
// A new format gets a file of its own beside it.

let room: JournalRoom;
beforeEach(() => {
  room = new JournalRoom();
});
afterEach(() => room.remove());

test('every format that this release reads has a file that an older one wrote', () => {
  const files = readdirSync(__dirname).filter((name) => name.startsWith('format-'));
  expect(files).toEqual(journalFormats.map((format) => `format-${format}.json`));
});

test('format 1', async () => {
  const entries: [string, string][] = JSON.parse(readFileSync(join(__dirname, 'format-1.json'), 'utf8'));
  mkdirSync(room.database, { recursive: true, mode: 0o700 });
  const level = new ClassicLevel<string, string>(room.database);
  await level.batch(entries.map(([key, value]) => ({ type: 'put' as const, key, value })));
  await level.close();
  const journal = await room.open();
  expect(journal.problems).toEqual([]);
  const head = {
    id: 'a',
    plugin: 'counter',
    operation: 'upgrade',
    rows: ['start', 'swap'],
    to: { version: '2.0.0' },
  };
  const steps = [
    { kind: 'step', step: 'start' },
    { kind: 'step', step: 'swap' },
  ];
  const other = {
    head: { id: 'b', plugin: 'kv', operation: 'restart' },
    lines: [{ kind: 'step', step: 'größer 😀' }],
  };
  expect(await journal.operations()).toMatchObject([
    { head, lines: steps, outcome: 'done' },
    { ...other, outcome: undefined, endedAt: undefined },
  ]);
  const unfinished = await journal.unfinished();
  expect(unfinished).toMatchObject([{ ...other, intact: true }]);
  await unfinished[0]?.end('undone');
  expect((await room.next()).problems).toEqual([]);
});
