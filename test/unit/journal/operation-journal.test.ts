import { chmodSync, statSync } from 'node:fs';
import type { Journal } from '../../../host/src/journal/journal';
import { MemoryJournal } from '../../../host/src/journal/memory-journal';
import { OperationJournal } from '../../../host/src/journal/operation-journal';
import { JournalRoom } from './journal-room';

let room: JournalRoom;
beforeEach(() => {
  room = new JournalRoom();
});
afterEach(() => room.remove());

const head = (id: string, plugin = 'counter') => ({
  id,
  plugin,
  operation: 'upgrade',
  strategy: 'handoff',
  rows: ['start', 'hold', 'swap'],
  from: { version: '1.0.0', generation: 1 },
  to: { version: '2.0.0', generation: 2 },
});
const step = (name: string) => ({ kind: 'step', step: name });

test('what has no end is there for the next host, which can go on with it', async () => {
  const first = await room.open();
  const operation = await first.begin(head('a'));
  await operation.append(step('start'));
  await operation.append(step('hold'));
  expect(await first.unfinished()).toEqual([]);

  const second = await room.next();
  expect(second.problems).toEqual([]);
  const [found, ...others] = await second.unfinished();
  expect(others).toEqual([]);
  expect(found).toMatchObject({ head: head('a'), lines: [step('start'), step('hold')], intact: true });
  expect(found?.beganAt).toBeGreaterThan(Date.now() - 60_000);
  await found?.append({ kind: 'undo', undo: 'release' });

  const third = await room.next();
  const [again] = await third.unfinished();
  expect(again?.lines).toHaveLength(3);
  await again?.end('undone');
  expect(await third.unfinished()).toEqual([]);

  const fourth = await room.next();
  expect(await fourth.unfinished()).toEqual([]);
  expect(await fourth.operations()).toMatchObject([{ head: head('a'), outcome: 'undone' }]);
});

test('several plugins have operations at a time, the oldest comes first', async () => {
  const journal = await room.open();
  const a = await journal.begin(head('a', 'one'));
  const b = await journal.begin(head('b', 'two'));
  await Promise.all([a.append(1), b.append(2), a.append(3), b.append(4)]);
  const found = await (await room.next()).unfinished();
  expect(found.map(({ head: { id }, lines, intact }) => [id, lines, intact])).toEqual([
    ['a', [1, 3], true],
    ['b', [2, 4], true],
  ]);
});

test('lines that are not waited for keep their order, and a line is kept as it was when it was given', async () => {
  const journal = await room.open();
  const operation = await journal.begin(head('a'));
  const line = { number: 0 };
  const appends: Promise<void>[] = [];
  for (; line.number < 50; line.number++)
    appends.push(operation.append(line, { sync: line.number % 2 === 0 }));
  await journal.close();
  await Promise.all(appends);
  const [found] = await (await room.next()).unfinished();
  expect(found?.lines).toEqual(Array.from({ length: 50 }, (_, number) => ({ number })));
});

test('nobody else can come to it', async () => {
  await room.open();
  expect(statSync(room.directory).mode & 0o777).toBe(0o700);
  await room.close();
  chmodSync(room.directory, 0o750);
  await expect(room.open()).rejects.toMatchObject({ code: 'STATE_DIR_UNUSABLE' });
});

test('a second one on the same directory is refused, and harms nothing', async () => {
  const journal = await room.open();
  const operation = await journal.begin(head('a'));
  await expect(OperationJournal.open({ directory: room.directory })).rejects.toMatchObject({
    code: 'STATE_DIR_IN_USE',
    facts: { path: room.directory },
  });
  await operation.append('line');
  expect((await (await room.next()).unfinished())[0]?.lines).toEqual(['line']);
});

const journals: [string, (keep: { keepPerPlugin?: number; keepInAll?: number }) => Promise<Journal>][] = [
  ['on disk', (keep) => room.open(keep)],
  ['in memory', async (keep) => new MemoryJournal(keep)],
];

describe.each(journals)('%s', (_, open) => {
  test('what was done can be read, of one plugin or all', async () => {
    const journal = await open({});
    const a = await journal.begin(head('a'));
    await a.append(step('start'));
    await a.end({ outcome: 'done' });
    const b = await journal.begin(head('b', 'other'));
    await b.append(step('swap'));
    expect(await journal.operations()).toEqual([
      {
        head: head('a'),
        lines: [step('start')],
        outcome: { outcome: 'done' },
        beganAt: expect.any(Number),
        endedAt: expect.any(Number),
      },
      {
        head: head('b', 'other'),
        lines: [step('swap')],
        outcome: undefined,
        beganAt: expect.any(Number),
        endedAt: undefined,
      },
    ]);
    expect(await journal.operations('other')).toHaveLength(1);
    expect(await journal.operations('nobody')).toEqual([]);
    await b.end(null);
    expect((await journal.operations('other'))[0]).toMatchObject({ outcome: null });
    expect(await journal.unfinished()).toEqual([]);
    expect(journal.problems).toEqual([]);
  });

  test('of those that ended a number is kept, and none that is under way goes', async () => {
    const journal = await open({ keepPerPlugin: 3, keepInAll: 5 });
    const under = await journal.begin(head('under way'));
    for (const plugin of ['counter', 'two', 'three']) {
      for (let number = 0; number < 5; number++) {
        const operation = await journal.begin(head(`${plugin} ${number}`, plugin));
        await operation.append(number);
        await operation.end('done');
      }
    }
    const ids = (await journal.operations()).map(({ head: { id } }) => id);
    expect(ids).toEqual(['under way', 'two 3', 'two 4', 'three 2', 'three 3', 'three 4']);
    await under.end('done');
    expect((await journal.operations('counter')).map(({ head: { id } }) => id)).toEqual(['under way']);
  });

  test('after its end an operation takes nothing, and after its close a journal', async () => {
    const journal = await open({});
    const operation = await journal.begin(head('a'));
    const other = await journal.begin(head('b', 'other'));
    await operation.end('done');
    const refused = { code: 'JOURNAL_FAILED' };
    await expect(operation.append('late')).rejects.toMatchObject(refused);
    await expect(operation.end('again')).rejects.toMatchObject(refused);
    expect(await journal.operations('counter')).toMatchObject([{ lines: [], outcome: 'done' }]);
    await journal.close();
    await journal.close();
    await expect(other.append('late')).rejects.toMatchObject(refused);
    await expect(journal.begin(head('c'))).rejects.toMatchObject(refused);
  });
});

test('what was pruned does not count as lost', async () => {
  const journal = await room.open({ keepPerPlugin: 2 });
  for (let number = 0; number < 6; number++) {
    const operation = await journal.begin(head(`${number}`));
    for (let line = 0; line < number; line++) await operation.append(line);
    await operation.end('done');
  }
  const next = await room.next({ keepPerPlugin: 2 });
  expect(next.problems).toEqual([]);
  expect((await next.operations()).map(({ head: { id }, lines }) => [id, lines.length])).toEqual([
    ['4', 4],
    ['5', 5],
  ]);
});
