import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { LineSplitter } from '@plugd/protocol/line-splitter';
import fc from 'fast-check';
import { testProperty } from '../../support/property-test';
import { thrown } from './thrown';

function split(chunks: readonly Uint8Array[], limit?: number): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter({
    ...(limit === undefined ? {} : { limit }),
    onLine: (line) => lines.push(line),
  });
  for (const chunk of chunks) splitter.push(Buffer.from(chunk));
  splitter.flush();
  return lines;
}

const whole = (text: string, limit?: number) => split([Buffer.from(text)], limit);

test.each<[string, string[]]>([
  ['', []],
  ['\n', ['']],
  ['a', ['a']],
  ['a\n', ['a']],
  ['a\nb', ['a', 'b']],
  ['a\r\nb\r\n', ['a', 'b']],
  ['a\r\r\n', ['a\r']],
  ['a\rb\n', ['a\rb']],
  ['a\r', ['a']],
  ['\n\n', ['', '']],
  ['\r\n', ['']],
])('%j becomes %j', (text, lines) => {
  expect(whole(text)).toEqual(lines);
});

test.each<[string, string[]]>([
  ['aaaa\n', ['aaaa']],
  ['aaaa\r\n', ['aaaa']],
  ['aaaa\r', ['aaaa']],
  ['aaaa\rb\n', ['aaaa', '\rb']],
  ['aaaab\n', ['aaaa', 'b']],
  ['aaaabbbb\r\nc', ['aaaa', 'bbbb', 'c']],
  ['aaaabbbbc', ['aaaa', 'bbbb', 'c']],
  ['äääää\n', ['ää', 'ää', 'ä']],
  ['aaaä\n', ['aaa', 'ä']],
  ['a🙂b\n', ['a', '🙂', 'b']],
])('with a limit of 4 bytes, %j becomes %j', (text, lines) => {
  expect(whole(text, 4)).toEqual(lines);
});

test('a line is handed on as soon as its end is there, a piece as soon as it is full', () => {
  const lines: string[] = [];
  const splitter = new LineSplitter({ limit: 4, onLine: (line) => lines.push(line) });
  splitter.push(Buffer.from('ab'));
  expect(lines).toEqual([]);
  splitter.push(Buffer.from('c\nd'));
  expect(lines).toEqual(['abc']);
  splitter.push(Buffer.from('efgh'));
  expect(lines).toEqual(['abc', 'defg']);
  splitter.flush();
  expect(lines).toEqual(['abc', 'defg', 'h']);
});

test('after the end of one stream the next one starts afresh', () => {
  const lines: string[] = [];
  const splitter = new LineSplitter({ onLine: (line) => lines.push(line) });
  splitter.push(Buffer.from('one'));
  splitter.flush();
  splitter.flush();
  splitter.push(Buffer.from('two\n'));
  expect(lines).toEqual(['one', 'two']);
});

test('a buffer that is used again after push does not change what was pushed', () => {
  const lines: string[] = [];
  const splitter = new LineSplitter({ onLine: (line) => lines.push(line) });
  const buffer = Buffer.from('good');
  splitter.push(buffer);
  buffer.fill('x');
  splitter.push(Buffer.from('\n'));
  expect(lines).toEqual(['good']);
});

test('bytes that are not UTF-8 become replacement characters, one line stays one line', () => {
  expect(split([Buffer.from([0x61, 0xff, 0x62, 0x0a, 0xc3, 0x0a])])).toEqual(['a\ufffdb', '\ufffd']);
});

test.each([0, 3, -1, 4.5, Number.NaN, Infinity])('a limit of %d is refused', (limit) => {
  expect(thrown(() => new LineSplitter({ limit, onLine: () => {} })).code).toBe('OPTIONS_INVALID');
});

describe('for any bytes', () => {
  // Mostly what lines are made of, so that ends, limits and characters meet.
  const byte = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(0x61, 0x0a, 0x0d) },
    { weight: 2, arbitrary: fc.constantFrom(...Buffer.from('ä🙂')) },
    { weight: 1, arbitrary: fc.nat(255) },
  );
  const stream = fc.array(
    fc.array(byte, { maxLength: 12 }).map((bytes) => Uint8Array.from(bytes)),
    { maxLength: 12 },
  );
  const limit = fc.integer({ min: 4, max: 9 });

  /** The same, said plainly: by lines first, then each line in pieces. */
  function expected(bytes: Buffer, most: number): string[] {
    const lines: Buffer[] = [];
    let rest = bytes;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      lines.push(rest.subarray(0, end));
      rest = rest.subarray(end + 1);
    }
    if (rest.length > 0) lines.push(rest);
    return lines.flatMap((line) => {
      let left = line.at(-1) === 13 ? line.subarray(0, -1) : line;
      const pieces: string[] = [];
      while (left.length > most) {
        const starts = [0, 1, 2, 3].map((back) => most - back).filter((at) => at > 0);
        const cut = starts.find((at) => ((left[at] ?? 0) & 0xc0) !== 0x80) ?? most;
        pieces.push(left.subarray(0, cut).toString());
        left = left.subarray(cut);
      }
      return [...pieces, left.toString()];
    });
  }

  testProperty(
    'the lines don’t depend on how the bytes were chunked',
    fc.property(stream, limit, (chunks, most) => {
      const bytes = Buffer.concat(chunks);
      const lines = split(chunks, most);
      expect(lines).toEqual(expected(bytes, most));
      expect(split([bytes], most)).toEqual(lines);
      expect(
        split(
          [...bytes].map((one) => Uint8Array.of(one)),
          most,
        ),
      ).toEqual(lines);
    }),
    2_000,
  );

  const text = fc.string({ unit: 'grapheme', maxLength: 60 }).map((one) => one.replaceAll('\r', ''));
  testProperty(
    'no line is longer than the limit, and valid text loses nothing',
    fc.property(text, limit, (one, most) => {
      const lines = whole(one, most);
      for (const line of lines) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(most);
      expect(lines.join('')).toBe(one.replaceAll('\n', ''));
    }),
  );
});

test('a flood without a line feed leaves no more than the limit in memory', () => {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  let bytes = 0;
  const splitter = new LineSplitter({
    onLine: (line) => {
      bytes += line.length;
    },
  });
  collect();
  const before = process.memoryUsage().arrayBuffers;
  for (let round = 1; round <= 500; round += 1) {
    splitter.push(Buffer.alloc(100_000, 'x'));
    expect(round * 100_000 - bytes).toBeLessThanOrEqual(65_537);
  }
  collect();
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
  splitter.flush();
  expect(bytes).toBe(50_000_000);
});

test('a byte at a time costs no more than it should', () => {
  const lines: string[] = [];
  const splitter = new LineSplitter({ onLine: (line) => lines.push(line) });
  const byte = Buffer.from('x');
  for (let count = 0; count < 300_000; count += 1) splitter.push(byte);
  splitter.flush();
  expect(lines).toHaveLength(5);
});
