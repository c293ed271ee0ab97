const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/**
 * Reads a decimal integer as Go's `strconv.Atoi` does on a 64-bit machine, because that is what the other
 * end of the wire does: an optional sign and digits, nothing else; leading zeros are fine; what does not
 * fit 64 bits is an error.
 *
 * @returns undefined where Atoi returns an error. A value beyond 2^53 comes back rounded; it is then no safe
 * integer and can't be mistaken for one.
 */
export function atoi(text: string): number | undefined {
  if (!/^[+-]?[0-9]+$/.test(text)) return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value)) {
    const exact = BigInt(text.replace(/^\+/, ''));
    if (exact > INT64_MAX || exact < INT64_MIN) return undefined;
  }
  // `-0` is an ordinary zero in Go.
  return value === 0 ? 0 : value;
}
