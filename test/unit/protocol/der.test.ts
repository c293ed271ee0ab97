import * as der from '@plugd/protocol/der';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const bytes = (text: string) => Buffer.from(text, 'hex');

test.each([
  ['', '020100'],
  ['00', '020100'],
  ['000000', '020100'],
  ['01', '020101'],
  ['0001', '020101'],
  ['7f', '02017f'],
  ['80', '02020080'],
  ['0080', '02020080'],
  ['00007f', '02017f'],
  ['ff00', '020300ff00'],
  ['00ff00', '020300ff00'],
])('the number 0x%s is written positive and in as few bytes as can be', (text, encoded) => {
  expect(hex(der.unsignedInteger(bytes(text)))).toBe(encoded);
});

test.each([
  ['1949-12-31T23:59:59.999Z', 0x18, '19491231235959Z'],
  ['1950-01-01T00:00:00Z', 0x17, '500101000000Z'],
  ['1999-12-31T23:59:59Z', 0x17, '991231235959Z'],
  ['2000-01-01T00:00:00Z', 0x17, '000101000000Z'],
  ['2049-12-31T23:59:59.999Z', 0x17, '491231235959Z'],
  ['2050-01-01T00:00:00Z', 0x18, '20500101000000Z'],
  ['0001-01-01T00:00:00Z', 0x18, '00010101000000Z'],
  ['9999-12-31T23:59:59Z', 0x18, '99991231235959Z'],
])('%s stands in the type of its century', (moment, tag, text) => {
  const encoded = der.time(new Date(moment));
  expect([encoded[0], encoded[1], encoded.subarray(2).toString()]).toEqual([tag, text.length, text]);
});

test.each([
  ['1.2.840.10045.4.3.4', '06082a8648ce3d040304'],
  ['2.5.29.15', '0603551d0f'],
  ['2.5.29.127', '0603551d7f'],
  ['2.5.29.128', '0604551d8100'],
  ['0.9', '060109'],
])('the object identifier %s', (dotted, encoded) => {
  expect(hex(der.objectIdentifier(dotted))).toBe(encoded);
});

test.each([
  [127, '047f'],
  [128, '048180'],
  [255, '0481ff'],
  [256, '04820100'],
  [65_536, '0483010000'],
])('a length of %d takes its shortest form', (length, prefix) => {
  const encoded = der.octetString(Buffer.alloc(length));
  expect(hex(encoded.subarray(0, prefix.length / 2))).toBe(prefix);
  expect(encoded).toHaveLength(length + prefix.length / 2);
});

test.each<[number[], string]>([
  [[], '030100'],
  [[0], '03020780'],
  [[7], '03020001'],
  [[8], '0303070080'],
  [[0, 2, 4, 5], '030202ac'],
])('named bits %j leave trailing zeros out', (bits, encoded) => {
  expect(hex(der.namedBits(...bits))).toBe(encoded);
});

test('the other types carry their tags', () => {
  expect(hex(der.sequence(der.booleanTrue(), der.explicit(3, der.implicit(2, bytes('61')))))).toBe(
    '30080101ffa303820161',
  );
  expect(hex(der.setOf(der.printableString('ab')))).toBe('310413026162');
  expect(hex(der.bitString(bytes('0102')))).toBe('0303000102');
});
