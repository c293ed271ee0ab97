import type { LogRecord } from '@plugd/protocol/log-record';
import fc from 'fast-check';
import { OutputBudget, SharedBudget } from '../../../host/src/launch/output-budget';
import { OutputPump } from '../../../host/src/launch/output-pump';
import { OutputTail } from '../../../host/src/launch/output-tail';

const plain = (message: string): LogRecord => ({ level: 'debug', message, fields: {} });

function pump(now: () => number = () => 0, shared = new SharedBudget(now)) {
  const records: LogRecord[] = [];
  const tail = new OutputTail();
  const output = new OutputPump({
    stream: 'stderr',
    budget: new OutputBudget(now, shared),
    parse: plain,
    onRecord: (record) => records.push(record),
    tail,
  });
  const messages = (): string[] =>
    records.filter(({ level }) => level === 'debug').map(({ message }) => message);
  const dropped = (): LogRecord[] => records.filter(({ level }) => level === 'warn');
  return { output, tail, messages, dropped };
}

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test('every line becomes one record however the bytes are cut', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme' })), fc.array(fc.nat()), (texts, cuts) => {
      const lines = texts.map((text) => text.replaceAll(/[\r\n]/g, ''));
      const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
      const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
      const { output, messages } = pump();
      [0, ...places].forEach((start, i) => {
        output.push(bytes.subarray(start, places[i] ?? bytes.length));
      });
      output.end();
      expect(messages()).toEqual(lines);
    }),
  );
});

test('the last words without a line feed are a record when the stream ends', () => {
  const { output, messages } = pump();
  output.push(Buffer.from('one\ntwo'));
  expect(messages()).toEqual(['one']);
  output.end();
  expect(messages()).toEqual(['one', 'two']);
});

test('beyond the budget lines are counted, reported once a second, and none is cut in half', () => {
  let now = 0;
  const { output, messages, dropped } = pump(() => now);
  const line = (n: number): string => `line ${n}\n`;
  output.push(Buffer.from(Array.from({ length: 6_000 }, (_, n) => line(n)).join('')));
  expect(messages()).toHaveLength(5_000);
  expect(messages().at(-1)).toBe('line 4999');
  // In the middle of a dropped line the budget comes back: that line stays dropped to its end.
  output.push(Buffer.from('dropped, and '));
  now += 1_000;
  output.push(Buffer.from('this with it\nkept\n'));
  expect(messages().at(-1)).toBe('kept');
  expect(messages()).toHaveLength(5_001);
  expect(dropped()).toEqual([]);
  jest.advanceTimersByTime(1_000);
  expect(dropped()).toMatchObject([{ fields: { stream: 'stderr', lines: 1_001 } }]);
  jest.advanceTimersByTime(10_000);
  expect(dropped()).toHaveLength(1);
});

test('bytes have a budget too, so that lines without an end cost no more', () => {
  const { output, messages, dropped } = pump();
  const megabyte = Buffer.alloc(1024 * 1024, 'x');
  for (let i = 0; i < 40; i++) output.push(megabyte);
  output.end();
  expect(messages().join('').length).toBeLessThanOrEqual(16 * 1024 * 1024);
  expect(dropped()).toMatchObject([{ fields: { lines: 1, bytes: 24 * 1024 * 1024 } }]);
});

test('where even dropping would keep the host busy, reading pauses', () => {
  let now = 0;
  const { output } = pump(() => now);
  const chunk = Buffer.alloc(16 * 1024 * 1024, 'x');
  expect([output.push(chunk), output.push(chunk)]).toEqual([0, 0]);
  expect(output.push(chunk)).toBeCloseTo(250);
  now += 10_000;
  expect(output.push(chunk)).toBe(0);
});

test('many plugins that flood share what the host can read, and one that is quiet waits hardly longer', () => {
  let now = 0;
  const shared = new SharedBudget(() => now);
  const loud = Array.from({ length: 20 }, () => ({ budget: new OutputBudget(() => now, shared), due: 0 }));
  let chunks = 0;
  for (; now < 10_000; now += 1) {
    for (const one of loud) {
      if (now < one.due) continue;
      one.due = now + one.budget.arrived(65_536);
      chunks++;
    }
  }
  const megabytes = chunks / 16;
  // For these ten seconds, what may come at once, and what was on its way.
  expect(megabytes).toBeLessThan(10 * 128 + 64 + 2);
  expect(megabytes).toBeGreaterThan(10 * 100);
  expect(new OutputBudget(() => now, shared).arrived(100)).toBeLessThan(50);
});

test('pieces without a byte in them are slowed down too', () => {
  const { output } = pump();
  const nothing = Buffer.alloc(0);
  let pauseMs = 0;
  let pieces = 0;
  for (; pauseMs === 0 && pieces < 1_000_000; pieces++) pauseMs = output.push(nothing);
  expect(pieces).toBeLessThan(500_000);
  expect(output.counters).toMatchObject({ lines: 0, droppedBytes: 0, heldMs: pauseMs });
});

test('what became records and what was dropped is counted, from the start to the end', () => {
  const { output } = pump();
  expect(output.counters).toEqual({ lines: 0, bytes: 0, droppedLines: 0, droppedBytes: 0, heldMs: 0 });
  output.push(Buffer.from('a\n'.repeat(7_000)));
  output.push(Buffer.from('no end'));
  jest.advanceTimersByTime(5_000);
  output.push(Buffer.from(', but here\n'));
  output.end();
  expect(output.counters).toEqual({
    lines: 5_000,
    bytes: 10_000,
    droppedLines: 2_001,
    droppedBytes: 4_000 + 'no end, but here\n'.length,
    heldMs: 0,
  });
});

test('the tail has the last lines, whether they were kept or dropped, in order', () => {
  let now = 0;
  const { output, tail } = pump(() => now);
  output.push(Buffer.from('a\n'.repeat(5_000)));
  output.push(Buffer.from('b\n'.repeat(30)));
  now += 10;
  output.push(Buffer.from('c\nd\n'));
  expect(tail.lines()).toEqual([...Array(8).fill('a'), ...Array(30).fill('b'), 'c', 'd']);
});
