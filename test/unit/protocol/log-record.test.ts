import { formatLogRecord, LOG_LINE_LIMIT, LogLineParser, type LogRecord } from '@plugd/protocol/log-record';
import { isLogTimestamp } from '@plugd/protocol/log-timestamp';
import fc from 'fast-check';
import { testProperty } from '../../support/property-test';

const parse = (line: string) => new LogLineParser().parse(line);
const timestamp = '2026-11-23T05:44:00.123456Z';
const verbatim = (message: string, level = 'debug') => ({ level, message, fields: {} });

describe('a written record', () => {
  test("is one line of hclog's JSON, keys in its order", () => {
    const line = formatLogRecord({
      level: 'warn',
      message: 'two\nlines',
      module: 'kv',
      timestamp,
      caller: 'kv.ts:7',
      fields: { key: 'value', count: 3 },
    });
    expect(line).toBe(
      `{"@level":"warn","@message":"two\\nlines","@module":"kv","@timestamp":"${timestamp}","@caller":"kv.ts:7","key":"value","count":3}\n`,
    );
  });

  test('has the time of now, in six digits, where none is given', () => {
    const before = Date.now();
    const written = JSON.parse(formatLogRecord({ level: 'info', message: 'x', fields: {} }));
    expect(Object.keys(written)).toEqual(['@level', '@message', '@timestamp']);
    expect(isLogTimestamp(written['@timestamp'])).toBe(true);
    expect(Date.parse(written['@timestamp'])).toBeGreaterThanOrEqual(before);
    expect(Date.parse(written['@timestamp'])).toBeLessThanOrEqual(Date.now());
  });

  test('keeps its own keys, whatever the fields are named', () => {
    const line = formatLogRecord({
      level: 'info',
      message: 'real',
      timestamp,
      fields: { '@message': 7, '@level': 'off', '@timestamp': 'never' },
    });
    expect(parse(line)).toEqual({
      level: 'info',
      message: 'real',
      timestamp,
      fields: { '@message_': 7, '@level_': 'off', '@timestamp_': 'never' },
    });
  });

  test.each<[string, unknown]>([
    ['no object for fields', { level: 'info', message: 'x', fields: null }],
    ['a list for fields', { level: 'info', message: 'x', fields: [1, 2] }],
    ['a message that is no string', { level: 'info', message: { toString: null }, fields: {} }],
    ['no message', { level: 'info' }],
    ['a level that does not exist', { level: 'off', message: 'x', fields: {} }],
    [
      'a module and a caller of other types',
      { level: 'info', message: 'x', module: 1, caller: {}, fields: {} },
    ],
  ])('of a caller without types is still one that Go takes: %s', (_, record) => {
    const line = formatLogRecord(record as LogRecord);
    const written = JSON.parse(line);
    expect([typeof written['@message'], written['@level'], typeof written['@timestamp']]).toEqual([
      'string',
      'info',
      'string',
    ]);
    expect(parse(line).level).toBe('info');
  });

  test.each<[string, Omit<LogRecord, 'level'>]>([
    ['a long field', { message: 'kept', fields: { small: 1, long: 'ä'.repeat(90_000) } }],
    [
      'a large object',
      { message: 'kept', fields: { small: 1, large: { list: Array(9_000).fill('xxxxxxxx') } } },
    ],
  ])('that is too long for a Go host gives up only %s', (_, record) => {
    const line = formatLogRecord({ level: 'error', ...record });
    expect(Buffer.byteLength(line)).toBeLessThanOrEqual(LOG_LINE_LIMIT);
    const read = parse(line.trimEnd());
    expect(read).toMatchObject({ level: 'error', message: 'kept', fields: { small: 1 } });
    expect(read.fields['truncated']).toBeGreaterThan(LOG_LINE_LIMIT);
  });

  test.each<[string, Omit<LogRecord, 'level'>]>([
    ['a long message', { message: '\u0001'.repeat(100_000), fields: {} }],
    [
      'thousands of fields',
      { message: 'm', fields: Object.fromEntries(Array.from({ length: 9_000 }, (_, n) => [`field${n}`, n])) },
    ],
    ['a long name of a field', { message: 'm', fields: { ['k'.repeat(70_000)]: 1 } }],
    [
      'everything',
      {
        message: '\u0001'.repeat(9_000),
        module: '\u0001'.repeat(9_000),
        caller: '世'.repeat(9_000),
        fields: {},
      },
    ],
  ])('stays within a Go host’s limit with %s', (_, record) => {
    const line = formatLogRecord({ level: 'error', ...record });
    expect(Buffer.byteLength(line)).toBeLessThanOrEqual(LOG_LINE_LIMIT);
    expect(parse(line.trimEnd()).level).toBe('error');
  });

  test('just within the limit is written whole', () => {
    const empty = Buffer.byteLength(formatLogRecord({ level: 'info', message: '', timestamp, fields: {} }));
    const message = 'm'.repeat(LOG_LINE_LIMIT - empty);
    const line = formatLogRecord({ level: 'info', message, timestamp, fields: {} });
    expect(Buffer.byteLength(line)).toBe(LOG_LINE_LIMIT);
    expect(parse(line).message).toBe(message);
    const longer = formatLogRecord({ level: 'info', message: `${message}m`, timestamp, fields: {} });
    expect(parse(longer).fields['truncated']).toBe(LOG_LINE_LIMIT + 1);
  });
});

describe('a line that is no JSON', () => {
  test.each([
    ['[TRACE] x', 'trace'],
    ['[DEBUG] x', 'debug'],
    ['[INFO] x', 'info'],
    ['[WARN] x', 'warn'],
    ['[ERROR]x', 'error'],
    ['[ERR] x', 'debug'],
    ['[info] x', 'debug'],
    [' [ERROR] x', 'debug'],
    ['plain', 'debug'],
    ['', 'debug'],
    ['not a panic: x', 'debug'],
  ])('%j has the level %s and stays whole', (line, level) => {
    expect(parse(line)).toEqual(verbatim(line, level));
  });

  test.each(['panic: runtime error', 'fatal error: all goroutines are asleep'])(
    'after %j every line without a level of its own is an error, to the end',
    (first) => {
      const parser = new LogLineParser();
      expect(parser.parse('before').level).toBe('debug');
      const levels = [first, '', 'goroutine 1 [running]:', '[INFO] x', '{"a":1', '[1]', 'last'].map(
        (line) => parser.parse(line).level,
      );
      expect(levels).toEqual(['error', 'error', 'error', 'info', 'error', 'error', 'error']);
      expect(parser.parse(`{"@level":"info","@message":"m"}`).level).toBe('info');
      expect(new LogLineParser().parse('another plugin').level).toBe('debug');
    },
  );
});

describe('a line of JSON', () => {
  test('gives level, message, module, caller, time and fields', () => {
    const line = `{"@level":" WARN ","@message":"m","@module":"kv.store","@timestamp":"${timestamp}","@caller":"a.go:1","n":1,"nested":{"a":[null]}}`;
    expect(parse(line)).toEqual({
      level: 'warn',
      message: 'm',
      module: 'kv.store',
      timestamp,
      caller: 'a.go:1',
      fields: { n: 1, nested: { a: [null] } },
    });
  });

  test('may lack message and time', () => {
    expect(parse(' {"@level":"error"}')).toEqual({ level: 'error', message: '', fields: {} });
  });

  test('keeps module and caller of other types as fields', () => {
    expect(parse('{"@level":"info","@module":1,"@caller":[2]}').fields).toEqual({
      '@module': 1,
      '@caller': [2],
    });
  });

  test.each([
    'null',
    '{}',
    '{"foo":1}',
    '[{"@level":"error"}]',
    '"text"',
    '{"@level":"off","@message":"m"}',
    '{"@level":"fatal","@message":"m"}',
    '{"@level":"","@message":"m"}',
    '{"@level":"error","@message":"m"',
    '{"@level":"error","@message":"m"} trailing',
    `{"@level":"error","@message":"m","@timestamp":"2026-11-23T05:44:00Z"}`,
    '{"@level":"error","@message":"m","@timestamp":""}',
  ])('%s is nothing of hclog’s: whole, at debug', (line) => {
    expect(parse(line)).toEqual(verbatim(line));
  });

  const wrong = ['null', '7', 'true', '{}', '[]', '["x"]'];
  test.each(
    ['@message', '@level', '@timestamp'].flatMap((key) =>
      wrong.map((value): [string, string] => [key, value]),
    ),
  )('where go-plugin’s host would crash (%s is %s) is taken whole, at debug', (key, value) => {
    const members = { '@level': '"error"', '@message': '"m"', '@timestamp': `"${timestamp}"`, [key]: value };
    const line = `{${Object.entries(members)
      .map(([name, json]) => `"${name}":${json}`)
      .join(',')}}`;
    expect(JSON.parse(line)).toHaveProperty([key]);
    expect(parse(line)).toEqual(verbatim(line));
  });

  test.each([
    ['objects', '{"a":', '1', '}'],
    ['lists', '[', '1', ']'],
  ])(
    'nested in 100,000 %s neither ends the host nor whoever writes the record on',
    (_, open, core, close) => {
      const deep = open.repeat(100_000) + core + close.repeat(100_000);
      const line = `{"@level":"error","@message":"m","deep":${deep}}`;
      const record = parse(line);
      expect(record).toEqual(verbatim(line));
      expect(() => JSON.stringify(record)).not.toThrow();
    },
  );

  test('nested as people nest it is read', () => {
    const deep = '['.repeat(60) + ']'.repeat(60);
    expect(parse(`{"@level":"error","@message":"m","deep":${deep}}`).level).toBe('error');
  });

  test('of megabytes is read', () => {
    const line = `{"@level":"error","@message":"m","list":[${'1,'.repeat(2_000_000)}1]}`;
    expect(parse(line).level).toBe('error');
  });

  test('can’t change the prototype of what it is copied into', () => {
    const record = parse('{"@level":"error","@message":"m","__proto__":{"polluted":true}}');
    const copy: object = Object.assign({}, record.fields);
    expect(copy).not.toHaveProperty('polluted');
    expect(record).toEqual({ level: 'error', message: 'm', fields: { __proto___: { polluted: true } } });
  });
});

describe('for any input', () => {
  const level = fc.constantFrom('trace', 'debug', 'info', 'warn', 'error');
  const isRecord = (record: LogRecord): void => {
    expect(['trace', 'debug', 'info', 'warn', 'error']).toContain(record.level);
    expect(typeof record.message).toBe('string');
    expect(() => JSON.stringify(record)).not.toThrow();
  };

  const key = fc.oneof(
    fc.constantFrom('@message', '@level', '@timestamp', '@module', '@caller', '__proto__'),
    fc.string(),
  );
  const value = fc.oneof(level, fc.constant(timestamp), fc.jsonValue());
  const json = fc.dictionary(key, value).map((object) => JSON.stringify(object));
  const broken = fc.tuple(json, fc.nat(200)).map(([text, at]) => text.slice(0, at) + text.slice(at + 1));
  const prefixed = fc
    .tuple(fc.constantFrom('[INFO]', 'panic: ', '{', '[ERROR', ''), fc.string({ unit: 'binary' }))
    .map((parts) => parts.join(''));
  testProperty(
    'the parser gives a record',
    fc.property(fc.array(fc.oneof(json, broken, prefixed)), (lines) => {
      const parser = new LogLineParser();
      for (const line of lines) isRecord(parser.parse(line));
    }),
    500,
  );

  const name = fc.string({ minLength: 1 }).filter((text) => !/^@|^__proto__$/.test(text));
  const record = fc.record(
    {
      level,
      message: fc.string({ unit: 'grapheme' }),
      module: fc.string({ minLength: 1 }),
      caller: fc.string(),
      timestamp: fc.constant(timestamp),
      fields: fc.dictionary(name, fc.jsonValue()),
    },
    { requiredKeys: ['level', 'message', 'timestamp', 'fields'] },
  );
  testProperty(
    'what is written is one line, and read back as the same record',
    fc.property(record, (written) => {
      const line = formatLogRecord(written as LogRecord);
      expect(line.indexOf('\n')).toBe(line.length - 1);
      expect(parse(line.slice(0, -1))).toEqual(JSON.parse(JSON.stringify(written)));
    }),
  );

  testProperty(
    'the writer writes a line that Go takes',
    fc.property(level, fc.anything(), fc.anything(), (one, message, fields) => {
      const line = formatLogRecord({ level: one, message, fields } as LogRecord);
      expect(line.indexOf('\n')).toBe(line.length - 1);
      expect(parse(line).level).toBe(one);
    }),
  );
});
