/** The text from here to the next zero byte. Throws RangeError where there is none. */
export function textAt(bytes: Buffer, at: number): string {
  const end = at > bytes.length ? -1 : bytes.indexOf(0, at);
  if (end < 0) throw new RangeError('a text without an end');
  return bytes.toString('utf8', at, end);
}

/** By its name: an error of another realm is no instance of this one's RangeError. */
export function isRangeError(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'name' in error && error.name === 'RangeError';
}
