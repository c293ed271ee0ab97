import { guardedLogger, type Logger, logPluginRecord, stderrLogger } from '../../../host/src/events/logger';
import { RecordingLogger } from '../../support/recording-logger';

const levels = ['trace', 'debug', 'info', 'warn', 'error'] as const;

/** What is written to stderr meanwhile. */
function written(use: () => void): string[] {
  const lines: string[] = [];
  const spy = jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
    lines.push(String(text));
    return true;
  });
  try {
    use();
  } finally {
    spy.mockRestore();
  }
  return lines;
}

test('a host writes warnings and errors to stderr, unless it is told otherwise', () => {
  const all = (logger: Logger) => () => {
    for (const level of levels) logger[level](`at ${level}`, {});
  };
  expect(written(all(stderrLogger())).map((line) => line.split(' ').slice(1).join(' '))).toEqual([
    'WARN at warn\n',
    'ERROR at error\n',
  ]);
  expect(written(all(stderrLogger('trace')))).toHaveLength(5);
  expect(written(all(stderrLogger('error')))).toHaveLength(1);
});

test('fields follow the message, whatever they are', () => {
  const circular: Record<string, unknown> = {};
  circular['self'] = circular;
  const [line = ''] = written(() => {
    const fields = { plugin: 'kv', exit: { code: 1 }, nothing: undefined, big: 1n, circular, null: null };
    stderrLogger().warn('it left', fields);
  });
  const [time = '', ...rest] = line.split(' ');
  expect(new Date(time).toISOString()).toBe(time);
  expect(rest.join(' ')).toBe(
    'WARN it left plugin=kv exit={"code":1} big=1 circular=[object Object] null=null\n',
  );
});

test('a record is one line: what a plugin says can’t look like another record', () => {
  const lines = written(() => {
    stderrLogger().warn('first\n2026-01-01T00:00:00.000Z ERROR forged', { text: 'a\nb\r\u001b[31m' });
  });
  expect(lines.join('').trimEnd()).not.toMatch(/[\n\r\u001b]/);
});

test('a logger that throws fails nobody', () => {
  const broken = new Proxy(new RecordingLogger(), {
    get: () => () => {
      throw new Error('the disk is full');
    },
  });
  const logger = guardedLogger(broken);
  for (const level of levels) expect(() => logger[level]('hello', {})).not.toThrow();
});

test('a guarded logger passes everything on', () => {
  const inner = new RecordingLogger();
  const logger = guardedLogger(inner);
  for (const level of levels) logger[level]('hello', { level });
  expect(inner.records).toEqual(levels.map((level) => ({ level, message: 'hello', fields: { level } })));
});

test('a plugin’s record carries where it came from, and can’t claim to come from elsewhere', () => {
  const logger = new RecordingLogger();
  logPluginRecord(
    logger,
    { plugin: 'kv', instance: 'kv-1-1' },
    {
      level: 'info',
      message: 'hello',
      module: 'store',
      timestamp: '2026-01-01T00:00:00.000000Z',
      fields: { key: 'k', plugin: 'another', instance: 'another' },
    },
  );
  logPluginRecord(
    logger,
    { plugin: 'kv', instance: 'kv-1-1' },
    { level: 'warn', message: 'bare', fields: {} },
  );
  expect(logger.records).toEqual([
    {
      level: 'info',
      message: 'hello',
      fields: {
        key: 'k',
        plugin: 'kv',
        instance: 'kv-1-1',
        module: 'store',
        timestamp: '2026-01-01T00:00:00.000000Z',
      },
    },
    { level: 'warn', message: 'bare', fields: { plugin: 'kv', instance: 'kv-1-1' } },
  ]);
});
