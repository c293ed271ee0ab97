import { Grep } from '../../../host/src/logs/grep';
import type { LogBook } from '../../../host/src/logs/log-book';
import { type ReadEntry, readLog } from '../../../host/src/logs/read-log';
import { poll } from '../../support/poll';
import { all, filesOf, LogRoom, messages } from './log-room';

const room = new LogRoom();
afterEach(() => room.clear());

const say = (book: LogBook, count: number, from = 0): void => {
  for (let i = from; i < from + count; i++) book.logger.info(`n${i}`, { pad: 'x'.repeat(100) });
};

test('records are chosen by plugin, level, time and text, and all of these together', async () => {
  const book = await room.open();
  book.logger.debug('kv starts', { plugin: 'kv' });
  book.logger.warn('kv is slow: 12 ms', { plugin: 'kv' });
  book.logger.error('other fails', { plugin: 'other' });
  await new Promise((resolve) => setTimeout(resolve, 5));
  const sinceMs = Date.now();
  book.logger.error('kv fails', { plugin: 'kv' });
  book.logger.warn('of the daemon', {});
  expect(await messages(book.read({ plugin: 'kv' }))).toEqual(['kv starts', 'kv is slow: 12 ms', 'kv fails']);
  expect(await messages(book.read({ level: 'error' }))).toEqual(['other fails', 'kv fails']);
  expect(await messages(book.read({ sinceMs }))).toEqual(['kv fails', 'of the daemon']);
  expect(await messages(book.read({ grep: 'fails' }))).toEqual(['other fails', 'kv fails']);
  expect(await messages(book.read({ grep: '\\d+ ms$' }))).toEqual(['kv is slow: 12 ms']);
  expect(await messages(book.read({ plugin: 'kv', level: 'warn', sinceMs, grep: '^kv' }))).toEqual([
    'kv fails',
  ]);
  // As the admin API says: all.
  expect(await messages(book.read({ plugin: '', grep: '', tail: 0 }))).toHaveLength(5);
  expect(await messages(book.read({ sinceMs: Date.now() + 60_000 }))).toEqual([]);
});

test('the tail is the last of those that are chosen, over as many files as it takes', async () => {
  const directory = room.directory();
  const book = await room.open({ directory, maxBytes: 4_096, maxFiles: 50 });
  say(book, 500);
  expect(filesOf(directory).length).toBeGreaterThan(10);
  expect(await messages(book.read({ tail: 3 }))).toEqual(['n497', 'n498', 'n499']);
  expect(await messages(book.read({ tail: 3, grep: '5$' }))).toEqual(['n475', 'n485', 'n495']);
  expect(await messages(book.read({ tail: 200 }))).toEqual(
    Array.from({ length: 200 }, (_, i) => `n${i + 300}`),
  );
  expect(await messages(book.read({ tail: 2, grep: '^n[01]$' }))).toEqual(['n0', 'n1']);
  expect(await messages(book.read({ tail: 100_000 }))).toHaveLength(500);
});

test('queries that make no sense are refused by name, before anything is read', async () => {
  const book = await room.open();
  const refused = expect.objectContaining({ code: 'OPTIONS_INVALID' });
  const read = (query: object) => () => book.read(query);
  for (const query of [
    { level: 'loud' },
    { tail: -1 },
    { tail: 1e9 },
    { grep: '(' },
    { grep: 'x'.repeat(2_000) },
    { sinceMs: Number.NaN },
  ])
    expect(read(query)).toThrow(refused);
});

test('who follows gets what is there, then what comes, over rotations, each record once', async () => {
  const directory = room.directory();
  const book = await room.open({ directory, maxBytes: 4_096, maxFiles: 100 });
  say(book, 50);
  const found: ReadEntry[] = [];
  const ending = new AbortController();
  const following = (async () => {
    for await (const one of book.read({ follow: true }, ending.signal)) found.push(one);
  })();
  for (let i = 50; i < 1_000; i += 10) {
    say(book, 10, i);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await poll(
    () => found.length,
    (count) => count >= 1_000,
  );
  ending.abort();
  await following;
  expect(found.map(({ entry }) => entry.message)).toEqual(Array.from({ length: 1_000 }, (_, i) => `n${i}`));
  expect(found.every(({ dropped }) => dropped === 0)).toBe(true);
  expect(filesOf(directory).length).toBeGreaterThan(20);
});

test('who follows by a tail and an expression gets the last of them, then those that come', async () => {
  const book = await room.open();
  say(book, 30);
  const ending = new AbortController();
  const found: string[] = [];
  for await (const { entry } of book.read({ follow: true, tail: 1, grep: '^n\\d*5$' }, ending.signal)) {
    found.push(entry.message);
    if (found.length === 1) say(book, 20, 30);
    if (found.length === 3) ending.abort();
  }
  expect(found).toEqual(['n25', 'n35', 'n45']);
});

test('the end of the book ends who follows, when all is read; and a signal one who waits', async () => {
  const book = await room.open();
  say(book, 10);
  const [waiting, ending] = [new AbortController(), book.read({ follow: true })];
  const given = all(book.read({ follow: true, grep: 'never' }, waiting.signal));
  const read = messages(ending);
  await new Promise((resolve) => setTimeout(resolve, 20));
  waiting.abort();
  expect(await given).toEqual([]);
  say(book, 1, 10);
  await book.close();
  expect(await read).toHaveLength(11);
  const early = AbortSignal.abort();
  expect(await all(readLog(room.directory(), {}, early))).toEqual([]);
});

test('who reads more slowly than the log is rotated is told how many records he missed, and holds up nobody', async () => {
  const directory = room.directory();
  const book = await room.open({ directory, maxBytes: 4_096, maxFiles: 3 });
  say(book, 5);
  const reader = book.read({ follow: true })[Symbol.asyncIterator]();
  const found: ReadEntry[] = [];
  const next = async (): Promise<void> => {
    const { value } = await reader.next();
    if (value !== undefined) found.push(value);
  };
  await next();
  // The log is written and rotated many times, and the reader asks for nothing.
  const before = process.memoryUsage.rss();
  for (let i = 5; i < 20_000; i += 500) {
    say(book, 500, i);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1024 * 1024);
  const last = 5 + 40 * 500;
  while (found.at(-1)?.entry.message !== `n${last - 1}`) await next();
  await reader.return?.(undefined);
  const missed = found.reduce((sum, { dropped }) => sum + dropped, 0);
  expect(missed).toBeGreaterThan(15_000);
  expect(found.length + missed).toBe(last);
  // What was left out came before the record that tells of it.
  for (const [i, { entry, dropped }] of found.entries())
    expect(entry.sequence).toBe((found[i - 1]?.entry.sequence ?? 0) + dropped + 1);
});

test('what is read holds no file open after its end, also where its reader goes away', async () => {
  const directory = room.directory();
  const book = await room.open({ directory });
  say(book, 1_000);
  const { readdirSync, readlinkSync } = await import('node:fs');
  const open = () =>
    process.platform === 'linux'
      ? readdirSync('/proc/self/fd').filter((fd) => {
          try {
            return readlinkSync(`/proc/self/fd/${fd}`).startsWith(directory);
          } catch {
            return false;
          }
        }).length
      : 1;
  for await (const _one of book.read({ grep: 'n\\d' })) break;
  for await (const _one of book.read({ follow: true })) break;
  expect(open()).toBe(1);
});

test('an expression that would take for ever is given up, with a code, and the loop runs on meanwhile', async () => {
  const book = await room.open();
  book.logger.info(`${'a'.repeat(60)}!`, {});
  const grep = new Grep('^(a+)+$', 200);
  let turns = 0;
  const timer = setInterval(() => turns++, 5);
  await expect(grep.test([`${'a'.repeat(60)}!`])).rejects.toMatchObject({ code: 'OPTIONS_INVALID' });
  clearInterval(timer);
  expect(turns).toBeGreaterThan(3);
  // And it can be asked again.
  expect(await grep.test(['aaa', 'b'])).toEqual([true, false]);
  grep.close();
});

test('a text without special characters is looked for as it stands', async () => {
  const grep = new Grep('a b/c: "d"');
  expect(await grep.test(['x a b/c: "d" y', 'a b'])).toEqual([true, false]);
});

test('sixty-four may read at a time, one more is refused, and who goes away makes room', async () => {
  const book = await room.open();
  say(book, 1);
  const ending = new AbortController();
  const readers = Array.from({ length: 64 }, () =>
    book.read({ follow: true }, ending.signal)[Symbol.asyncIterator](),
  );
  await Promise.all(readers.map((reader) => reader.next()));
  await expect(all(book.read())).rejects.toMatchObject({ code: 'BUSY' });
  await readers[0]?.return?.(undefined);
  expect(await messages(book.read())).toEqual(['n0']);
  ending.abort();
  await Promise.all(readers.map((reader) => reader.next()));
  expect(await messages(book.read())).toEqual(['n0']);
});

test('the files of a log that nobody writes can be read without a book', async () => {
  const directory = room.directory();
  const book = await room.open({ directory });
  say(book, 3);
  await book.close();
  expect(await messages(readLog(directory, { follow: true }))).toEqual(['n0', 'n1', 'n2']);
  expect(await messages(readLog(room.directory(), {}))).toEqual([]);
});
