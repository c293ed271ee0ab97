import { statSync } from 'node:fs';
import { join } from 'node:path';
import { Redactor } from '../../../host/src/config/redactor';
import type { InstanceEvent } from '../../../host/src/events/host-event';
import { logPluginRecord } from '../../../host/src/events/logger';
import { all, filesOf, LogRoom, messages } from './log-room';

const room = new LogRoom();
afterEach(() => room.clear());

function instanceEvent(instance: string, version: string, generation: number): InstanceEvent {
  const cause = { reason: 'asked' };
  const about = { instance, version, generation, pid: 1, from: undefined, to: 'starting', cause } as const;
  return { type: 'instance', plugin: 'kv', sequence: 1, time: 0, ...about };
}

test('what is logged is read again, with its time, level, fields and where it came from', async () => {
  const book = await room.open();
  book.observe(instanceEvent('kv-2-7', '1.1.0', 2));
  const before = Date.now();
  logPluginRecord(
    book.logger,
    { plugin: 'kv', instance: 'kv-2-7' },
    { level: 'warn', message: 'hot', fields: { version: 'mine', at: 80 } },
  );
  book.logger.info('a version has to wait', { plugin: 'kv', version: '2.0.0', nothing: undefined });
  book.logger.error('of the daemon', {});
  const [plugin, host, own] = await all(book.read());
  expect(plugin).toEqual({
    dropped: 0,
    entry: {
      sequence: 1,
      time: expect.any(Number),
      level: 'warn',
      message: 'hot',
      plugin: 'kv',
      version: '1.1.0',
      generation: 2,
      instance: 'kv-2-7',
      fields: { version: 'mine', at: 80 },
    },
  });
  expect(plugin?.entry.time).toBeGreaterThanOrEqual(before);
  expect(host?.entry).toMatchObject({
    plugin: 'kv',
    version: '2.0.0',
    instance: '',
    fields: { nothing: null },
  });
  expect(own?.entry).toMatchObject({ plugin: '', version: '', generation: 0, instance: '', fields: {} });
});

test('what an instance says last has its version, also after it has ended', async () => {
  const book = await room.open();
  const begun = instanceEvent('kv-1-1', '1.0.0', 1);
  book.observe(begun);
  book.observe({ ...begun, from: 'serving', to: 'failed' });
  for (let i = 2; i < 900; i++) book.observe({ ...instanceEvent(`kv-1-${i}`, '1.0.0', 1), to: 'stopped' });
  book.logger.error('panic', { plugin: 'kv', instance: 'kv-1-1' });
  const [read] = await all(book.read());
  expect(read?.entry).toMatchObject({ version: '1.0.0', generation: 1 });
});

test('records below the level are not kept, and it can be changed while the book is open', async () => {
  const book = await room.open({ level: 'info' });
  book.logger.debug('first', {});
  book.level = 'debug';
  book.logger.debug('second', {});
  book.level = 'error';
  book.logger.warn('third', {});
  expect(await messages(book.read())).toEqual(['second']);
  await expect(room.open({ level: 'loud' as never })).rejects.toMatchObject({ code: 'OPTIONS_INVALID' });
});

test('secrets are taken out of messages, fields and their names before they are written', async () => {
  const directory = room.directory();
  const book = await room.open({ directory, redact: new Redactor(['hunter"2', '271828']) });
  book.logger.error('login with hunter"2 failed', { key: 'hunter"2', deep: [{ 'hunter"2': 'x' }] });
  book.logger.error('wrong pin', { pin: 271828, tried: [{ pin: 271828 }] });
  // One at the place where a long field is cut.
  book.logger.error('long', { text: `${'x'.repeat(4090)}hunter"2`, more: 'y'.repeat(300_000) });
  const [{ text } = { text: '' }] = filesOf(directory);
  expect(text).not.toMatch(/hunter|271828/);
  expect(text).toContain('login with *** failed');
});

test('a record is its plugin’s also where a secret is the word plugin', async () => {
  const book = await room.open({ redact: new Redactor(['plugin', 'version']) });
  book.logger.error('no plugin', { plugin: 'kv', version: '1.0.0', plugins: 2 });
  expect(await all(book.read())).toMatchObject([
    { entry: { message: 'no ***', plugin: 'kv', version: '1.0.0', fields: { '***s': 2 } } },
  ]);
});

test('any value is written: nothing that a host logs can make a record unreadable', async () => {
  const book = await room.open();
  const circular: Record<string, unknown> = { big: 1n, error: new Error('bad') };
  circular['self'] = circular;
  book.logger.info('circular', circular);
  book.logger.info('hostile', {
    toJSON() {
      throw new Error('no');
    },
  });
  book.logger.info('half a pair \ud800 and a zero \0', {});
  book.logger.info('large', { text: 'x'.repeat(1_000_000), other: 'kept' });
  book.logger.info('y'.repeat(2_000_000), {});
  const read = await all(book.read());
  expect(read).toHaveLength(5);
  expect(read[0]?.entry.fields).toMatchObject({ big: '1', error: 'bad' });
  expect(read[3]?.entry.fields).toMatchObject({ other: 'kept', truncated: expect.any(Number) });
  expect(read.map(({ dropped }) => dropped)).toEqual([0, 0, 0, 0, 0]);
});

test('a file shows nothing that drives a terminal', async () => {
  const directory = room.directory();
  const book = await room.open({ directory });
  book.logger.error('\u001b[31m red \u009b2J \u202e back \u007f \u061c\u180e\ufff9\ufffa\ufffb \n next', {
    '\u009b': '\u2066',
  });
  const [{ text } = { text: '' }] = filesOf(directory);
  expect(text.trimEnd()).not.toMatch(
    /[\u0000-\u001f\u007f-\u009f\u061c\u180e\u202a-\u202e\u2066-\u2069\ufff9-\ufffb]/,
  );
  const [read] = await all(book.read());
  expect(read?.entry.message).toBe(
    '\u001b[31m red \u009b2J \u202e back \u007f \u061c\u180e\ufff9\ufffa\ufffb \n next',
  );
  expect(read?.entry.fields).toEqual({ '\u009b': '\u2066' });
});

test('files and their directory are their user’s alone', async () => {
  const directory = room.directory();
  const book = await room.open({ directory });
  book.logger.error('private', {});
  const [{ name } = { name: '' }] = filesOf(directory);
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
});

test('an urgent record is on disk when its method returns, with all before it; others at the end of the turn', async () => {
  const directory = room.directory();
  const book = await room.open({ directory });
  const written = () =>
    filesOf(directory)[0]
      ?.text.trimEnd()
      .split('\n')
      .filter((line) => line !== '').length;
  book.logger.info('first', {});
  expect(written()).toBe(0);
  book.logger.error('second', {});
  expect(written()).toBe(2);
  book.logger.debug('third', {});
  expect(written()).toBe(2);
  await new Promise((resolve) => setImmediate(resolve));
  expect(written()).toBe(3);
});
