import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseEntry } from '../../../host/src/logs/log-entry';
import { filesOf, LogRoom, messages, onDisk } from './log-room';

const room = new LogRoom();
afterEach(() => room.clear());

const numbers = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, i) => `n${from + i}`);

test('files are rotated by size, the oldest go, and each record is whole, in one file, in its order', async () => {
  const directory = room.directory();
  const book = await room.open({ directory, maxBytes: 8_192, maxFiles: 4 });
  for (const message of numbers(3_000)) {
    book.logger[Number(message.slice(1)) % 3 === 0 ? 'error' : 'info'](message, { pad: 'x'.repeat(50) });
  }
  await book.close();
  const files = filesOf(directory);
  expect(files).toHaveLength(4);
  for (const { text } of files) expect(text.length).toBeLessThanOrEqual(8_192);
  const lines = files.flatMap(({ text }) => text.trimEnd().split('\n'));
  const sequences = lines.map((line) => parseEntry(line)?.sequence);
  expect(sequences).toEqual(sequences.map((_, i) => 3_000 - sequences.length + 1 + i));
});

test('a record longer than a file has one of its own', async () => {
  const directory = room.directory();
  const book = await room.open({ directory, maxBytes: 4_096, maxFiles: 5 });
  book.logger.info('before', {});
  book.logger.info('long', { text: 'x'.repeat(20_000) });
  book.logger.info('after', {});
  expect(await messages(book.read())).toEqual(['before', 'long', 'after']);
  await book.close();
  expect(filesOf(directory)).toHaveLength(3);
});

test('with one file it begins anew when that is full', async () => {
  const directory = room.directory();
  const book = await room.open({ directory, maxBytes: 4_096, maxFiles: 1 });
  for (const message of numbers(200)) book.logger.info(message, {});
  await book.close();
  expect(filesOf(directory)).toHaveLength(1);
  expect((await onDisk(directory)).at(-1)).toBe('n199');
});

test('a later book goes on where the earlier one ended, in its last file, with its numbers', async () => {
  const directory = room.directory();
  for (let i = 0; i < 3; i++) {
    const book = await room.open({ directory });
    book.logger.info(`of book ${i}`, {});
    await book.close();
  }
  const files = filesOf(directory);
  expect(files).toHaveLength(1);
  const entries = files[0]?.text.trimEnd().split('\n').map(parseEntry);
  expect(entries?.map((entry) => entry?.sequence)).toEqual([1, 2, 3]);
});

test('fewer files or other sizes than before are brought about with the next rotation', async () => {
  const directory = room.directory();
  const first = await room.open({ directory, maxBytes: 4_096, maxFiles: 9 });
  for (const message of numbers(1_000)) first.logger.info(message, {});
  await first.close();
  expect(filesOf(directory)).toHaveLength(9);
  const second = await room.open({ directory, maxBytes: 4_096, maxFiles: 2 });
  for (const message of numbers(100)) second.logger.info(message, {});
  await second.close();
  expect(filesOf(directory)).toHaveLength(2);
});

test('files that are no log files are left alone', async () => {
  const directory = room.directory();
  const book = await room.open({ directory, maxBytes: 4_096, maxFiles: 1 });
  const { writeFileSync } = await import('node:fs');
  const others = ['notes.txt', 'plugd-1.log', 'plugd-00000001.log.gz', 'plugd.log'];
  for (const name of others) writeFileSync(join(directory, name), 'mine\n');
  for (const message of numbers(200)) book.logger.info(message, {});
  await book.close();
  const names = filesOf(directory).map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(others));
  expect(names).toHaveLength(5);
});

test('options that make no sense are refused by name', async () => {
  const refused = { code: 'OPTIONS_INVALID' };
  await expect(room.open({ maxBytes: 100 })).rejects.toMatchObject(refused);
  await expect(room.open({ maxFiles: 0 })).rejects.toMatchObject(refused);
  await expect(room.open({ maxFiles: 1.5 })).rejects.toMatchObject(refused);
  await expect(room.open({ directory: '' })).rejects.toMatchObject(refused);
});

test('a directory that can’t be one is told by a code, and nothing is left open', async () => {
  const directory = room.directory();
  const { writeFileSync } = await import('node:fs');
  writeFileSync(directory, 'a file');
  await expect(room.open({ directory })).rejects.toMatchObject({
    code: 'LOGS_UNUSABLE',
    facts: { path: directory },
    cause: { code: expect.stringMatching(/EEXIST|ENOTDIR/) },
  });
  await expect(room.open({ directory: join(directory, 'below') })).rejects.toMatchObject({
    code: 'LOGS_UNUSABLE',
  });
  rmSync(directory);
});

(process.platform === 'win32' ? test.skip : test)(
  'a directory that everybody can write to is refused, and one of a group is not',
  async () => {
    const { chmodSync, mkdirSync, readdirSync } = await import('node:fs');
    const directory = room.directory();
    mkdirSync(directory);
    for (const mode of [0o777, 0o702]) {
      chmodSync(directory, mode);
      await expect(room.open({ directory })).rejects.toMatchObject({
        code: 'LOGS_UNUSABLE',
        facts: { path: directory, mode: mode.toString(8) },
      });
    }
    expect(readdirSync(directory)).toEqual([]);
    chmodSync(directory, 0o775);
    const book = await room.open({ directory });
    book.logger.error('one', {});
    expect(await onDisk(directory)).toEqual(['one']);
  },
);
