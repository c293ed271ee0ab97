import fc from 'fast-check';
import { MarkDecoder, plainDecoder } from '../../../host/src/platform/output-decoder';

const decode = (chunks: readonly Uint8Array[]): string => {
  const decoder = new MarkDecoder();
  return Buffer.concat(chunks.map((chunk) => decoder.decode(Buffer.from(chunk)))).toString('utf8');
};

const inChunks = (bytes: Buffer, cuts: readonly number[]): Buffer[] => {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((start, i) => bytes.subarray(start, places[i] ?? bytes.length));
};

test('the mark of UTF-8 is dropped, that of UTF-16 says how to read the rest, however it is cut', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 2 }), fc.array(fc.nat()), (text, cuts) => {
      const utf8 = Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(text)]);
      const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')]);
      expect(decode(inChunks(utf8, cuts))).toBe(text);
      expect(decode(inChunks(utf16, cuts))).toBe(text);
      expect(decode(inChunks(Buffer.from(`1${text}`), cuts))).toBe(`1${text}`);
    }),
  );
});

test('bytes without a mark stay as they are', () => {
  const bytes = Buffer.from([0xef, 0xbb, 0x31, 0xff]);
  const decoder = new MarkDecoder();
  expect(Buffer.concat([decoder.decode(bytes.subarray(0, 2)), decoder.decode(bytes.subarray(2))])).toEqual(
    bytes,
  );
  expect(plainDecoder.decode(bytes)).toBe(bytes);
});
