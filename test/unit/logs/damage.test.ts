import { appendFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ManualClock } from '../supervision/manual-clock';
import { all, filesOf, LogRoom, messages, onDisk } from './log-room';

const room = new LogRoom();
afterEach(() => room.clear());

/** A directory with a log of these records in one file; the file's path. */
async function logged(...said: readonly string[]): Promise<{ directory: string; file: string }> {
  const directory = room.directory();
  const book = await room.open({ directory });
  for (const message of said) book.logger.info(message, {});
  await book.close();
  return { directory, file: join(directory, filesOf(directory)[0]?.name ?? '') };
}

test('a last record that was cut off anywhere is left out and told, and nothing is lost with it', async () => {
  const { directory, file } = await logged('one', 'two', 'three');
  const whole = readFileSync(file);
  const begin = whole.lastIndexOf('\n', whole.length - 2) + 1;
  // Behind its last brace all of it is there.
  for (let length = begin + 1; length < whole.length - 1; length += 7) {
    writeFileSync(file, whole.subarray(0, length));
    const book = await room.open({ directory });
    book.logger.info('four', {});
    const read = await all(book.read());
    await book.close();
    expect(read.map(({ entry }) => entry.message)).toEqual([
      'one',
      'two',
      expect.stringMatching(/cut off/),
      'four',
    ]);
    expect(read.map(({ dropped }) => dropped)).toEqual([0, 0, 1, 0]);
    expect(read[2]?.entry).toMatchObject({ level: 'warn', plugin: '' });
  }
});

test('a last record that lacks nothing but its line feed is there', async () => {
  const { directory, file } = await logged('one', 'two');
  truncateSync(file, readFileSync(file).length - 1);
  const book = await room.open({ directory });
  book.logger.info('three', {});
  expect(await messages(book.read())).toEqual(['one', 'two', 'three']);
});

test('lines that are no records are left out, whatever they are, and reading goes on behind them', async () => {
  const { directory, file } = await logged('one');
  const wrong = [
    '',
    'text',
    '{}',
    '[]',
    'null',
    '{"time":"2026-01-01T00:00:00.000Z","sequence":2,"level":"loud","message":"x"}',
    '{"time":"never","sequence":2,"level":"info","message":"x"}',
    '{"time":"2026-01-01T00:00:00.000Z","sequence":"2","level":"info","message":"x"}',
    '{"time":"2026-01-01T00:00:00.000Z","sequence":2,"level":"info"}',
    'y'.repeat(3_000_000),
    `${'['.repeat(100_000)}`,
  ];
  appendFileSync(file, `${wrong.join('\n')}\n`);
  appendFileSync(file, Buffer.from([0xff, 0xfe, 0x00, 0x0a]));
  const book = await room.open({ directory });
  book.logger.info('two', {});
  expect(await messages(book.read())).toEqual(['one', 'two']);
  expect((await all(book.read())).map(({ entry }) => entry.sequence)).toEqual([1, 2]);
});

test('an empty last file, as a kill between two writes leaves it, is gone on with', async () => {
  const { directory } = await logged('one', 'two');
  writeFileSync(join(directory, 'plugd-00000002.log'), '');
  const book = await room.open({ directory });
  book.logger.info('three', {});
  expect((await all(book.read())).map(({ entry }) => [entry.message, entry.sequence])).toEqual([
    ['one', 1],
    ['two', 2],
    ['three', 3],
  ]);
});

test('a log that is taken away while it is written is begun anew', async () => {
  const clock = new ManualClock();
  const directory = room.directory();
  const book = await room.open({ directory, clock });
  book.logger.error('one', {});
  rmSync(directory, { recursive: true });
  await clock.run(6_000);
  book.logger.error('two', {});
  expect(await onDisk(directory)).toEqual(['two']);
  expect(book.problem).toBeUndefined();
});

test('who follows when all files have been taken away gets what comes, and the end of the book ends him', async () => {
  const clock = new ManualClock();
  const directory = room.directory();
  const book = await room.open({ directory, clock });
  book.logger.error('one', {});
  rmSync(directory, { recursive: true });
  const following = messages(book.read({ follow: true, tail: 3 }));
  await new Promise((resolve) => setTimeout(resolve, 20));
  // It goes into the file that has no name any more.
  book.logger.error('two', {});
  await clock.run(6_000);
  book.logger.error('three', {});
  book.logger.error('four', {});
  await book.close();
  expect(await following).toEqual(['three', 'four']);
});
