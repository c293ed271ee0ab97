import fc from 'fast-check';
import { HandshakeReader, type HandshakeResult } from '../../../host/src/launch/handshake-reader';
import { testProperty } from '../../support/property-test';

function read(chunks: readonly (string | Uint8Array)[]): {
  results: HandshakeResult[];
  rest: string;
  reader: HandshakeReader;
} {
  const results: HandshakeResult[] = [];
  const reader = new HandshakeReader((result) => results.push(result));
  const rest = chunks.map((chunk) => reader.push(Buffer.from(chunk as Uint8Array)).toString()).join('');
  return { results, rest, reader };
}

testProperty(
  'the first line is one result however it is cut, and the rest is handed on',
  fc.property(fc.string(), fc.string(), fc.array(fc.nat()), (before, rest, cuts) => {
    const line = `1|${before.replaceAll('\n', '')}`;
    const bytes = Buffer.from(`${line}\n${rest}`);
    const places = [...new Set(cuts.map((cut) => cut % bytes.length))].sort((a, b) => a - b);
    const chunks = [0, ...places].map((start, i) => bytes.subarray(start, places[i] ?? bytes.length));
    const seen = read(chunks);
    expect(seen.results).toEqual([{ kind: 'line', text: bytes.subarray(0, bytes.indexOf(10)).toString() }]);
    expect(seen.rest).toBe(bytes.subarray(bytes.indexOf(10) + 1).toString());
  }),
);

test('an empty first line is a line', () => {
  expect(read(['\n1|1|unix|/x|grpc|\n']).results).toEqual([{ kind: 'line', text: '' }]);
});

test('a line of 64 KiB passes, one byte more does not', () => {
  expect(read(['x'.repeat(65_536), '\n']).results).toMatchObject([{ kind: 'line' }]);
  expect(read(['x'.repeat(65_536), 'x']).results).toEqual([{ kind: 'too long' }]);
  expect(read(['x'.repeat(65_537), '\nmore\n']).results).toEqual([{ kind: 'too long' }]);
});

test('what is not UTF-8 is no line', () => {
  expect(read([Buffer.from([0x31, 0xff, 0x0a])]).results).toEqual([{ kind: 'not UTF-8' }]);
});

test('it knows whether half a line stands there and what it looks like', () => {
  expect(read([]).reader).toMatchObject({ halfLine: false, looksLikeHandshake: false, head: '' });
  expect(read(['1|1|un']).reader).toMatchObject({ halfLine: true, looksLikeHandshake: true, head: '1|1|un' });
  expect(read(['Usage: ']).reader).toMatchObject({ halfLine: true, looksLikeHandshake: false });
  expect(read(['1|x\n']).reader).toMatchObject({ halfLine: false });
});

test('its head is fit for a message: escaped and short', () => {
  const { head } = read(['\x1b[31mred\x1b[0m\n', 'y'.repeat(10_000)]).reader;
  expect(head.startsWith('\\x1b[31mred')).toBe(true);
  expect(head.length).toBeLessThan(1_200);
});
