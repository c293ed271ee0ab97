/**
 * A writer for as much of DER (X.690) as a certificate needs. Each function returns one encoded element.
 */

/** Tag, length in its shortest form, contents. */
function element(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag, ...encodedLength(body.length)]), body]);
}

function encodedLength(length: number): number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return [0x80 | bytes.length, ...bytes];
}

export const sequence = (...elements: readonly Uint8Array[]): Buffer => element(0x30, ...elements);
/** A set of one; with more, DER would ask for them sorted. */
export const setOf = (member: Uint8Array): Buffer => element(0x31, member);
export const octetString = (bytes: Uint8Array): Buffer => element(0x04, bytes);
export const printableString = (text: string): Buffer => element(0x13, Buffer.from(text, 'latin1'));
export const booleanTrue = (): Buffer => element(0x01, Buffer.from([0xff]));
/** `[number] EXPLICIT`: a whole element inside. */
export const explicit = (number: number, inner: Uint8Array): Buffer => element(0xa0 | number, inner);
/** `[number] IMPLICIT` of a primitive type: only its contents inside. */
export const implicit = (number: number, contents: Uint8Array): Buffer => element(0x80 | number, contents);

export const bitString = (bytes: Uint8Array): Buffer => element(0x03, Buffer.from([0]), bytes);

/** A bit string whose bits have names: DER wants trailing zero bits left out. Bit 0 is the leftmost. */
export function namedBits(...bits: readonly number[]): Buffer {
  const highest = Math.max(-1, ...bits);
  const bytes = Buffer.alloc(Math.ceil((highest + 1) / 8));
  for (const bit of bits) bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (0x80 >> (bit & 7));
  return element(0x03, Buffer.from([bytes.length * 8 - (highest + 1)]), bytes);
}

/** A non-negative integer from its big-endian bytes, in the fewest bytes that keep it non-negative. */
export function unsignedInteger(bigEndian: Uint8Array): Buffer {
  const first = bigEndian.findIndex((byte) => byte !== 0);
  const digits = first < 0 ? Buffer.from([0]) : bigEndian.subarray(first);
  const signed = (digits[0] ?? 0) >= 0x80;
  return element(0x02, signed ? Buffer.from([0]) : Buffer.alloc(0), digits);
}

/** @param dotted such as `2.5.29.15`; the first arc is 0 to 2. */
export function objectIdentifier(dotted: string): Buffer {
  const [root = 0, second = 0, ...arcs] = dotted.split('.').map(Number);
  const bytes = [root * 40 + second, ...arcs].flatMap((arc) => {
    const sevens = [arc % 128];
    for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) {
      sevens.unshift(0x80 | (rest % 128));
    }
    return sevens;
  });
  return element(0x06, Buffer.from(bytes));
}

/**
 * A moment, to the second, in the type that X.509 asks for: UTCTime, with its two digits of year, from 1950 to
 * 2049, GeneralizedTime outside. The year must have four digits.
 */
export function time(moment: Date): Buffer {
  const digits = `${moment.toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`;
  const year = moment.getUTCFullYear();
  return year >= 1950 && year < 2050
    ? element(0x17, Buffer.from(digits.slice(2)))
    : element(0x18, Buffer.from(digits));
}
