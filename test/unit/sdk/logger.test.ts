import { formatLogRecord, LogLineParser, type LogRecord } from '@plugd/protocol/log-record';
import { createLogger } from '../../../sdk/src/logger';

function logged(use: (log: ReturnType<typeof createLogger>) => void): LogRecord[] {
  const parser = new LogLineParser();
  const records: LogRecord[] = [];
  use(createLogger('kv', (record) => records.push(parser.parse(formatLogRecord(record).trimEnd()))));
  return records;
}

test('each level has its own', () => {
  const records = logged((log) => {
    for (const level of ['trace', 'debug', 'info', 'warn', 'error'] as const) log[level]('hello', { level });
  });
  expect(
    records.map(({ level, message, module, fields }) => [level, message, module, fields['level']]),
  ).toEqual(['trace', 'debug', 'info', 'warn', 'error'].map((level) => [level, 'hello', 'kv', level]));
});

test('fields of a logger stand in each of its records, and those of the record win', () => {
  const [record] = logged((log) => log.with({ a: 1, b: 1 }).with({ c: 1 }).info('hello', { b: 2 }));
  expect(record?.fields).toEqual({ a: 1, b: 2, c: 1 });
});

test.each<[string, unknown, unknown]>([
  ['a message that is no string', { not: 'text' }, undefined],
  ['a message that can’t become one', Object.create(null), undefined],
  ['fields that are none', 'hello', 7],
  [
    'fields that throw',
    'hello',
    Object.defineProperty({}, 'bad', {
      enumerable: true,
      get() {
        throw new Error('no');
      },
    }),
  ],
  ['fields without JSON', 'hello', { big: 1n, nothing: undefined, f() {} }],
])('%s is logged all the same, and as a host can read it', (_name, message, fields) => {
  const records = logged((log) => {
    for (const one of [log, log.with({ common: true })]) Reflect.apply(one.info, one, [message, fields]);
  });
  expect(records).toHaveLength(2);
  for (const record of records) expect(record).toMatchObject({ level: 'info', message: expect.any(String) });
});
