/** The units of `grpc-timeout`, in milliseconds. */
const units: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };

/** Beyond this grpc-js can't write a deadline down again. */
const longestMs = 100 * 365 * 24 * 3_600_000;

/**
 * The value of `grpc-timeout` in milliseconds: Infinity where there is none, or none that anybody will see pass; undefined
 * where it can't be read.
 */
export function readTimeout(value: string | readonly string[] | undefined): number | undefined {
  if (value === undefined) return Number.POSITIVE_INFINITY;
  const [, digits, unit] = typeof value === 'string' ? (/^(\d{1,8})([HMSmun])$/.exec(value) ?? []) : [];
  const factor = unit === undefined ? undefined : units[unit];
  if (digits === undefined || factor === undefined) return undefined;
  const timeoutMs = Number(digits) * factor;
  return timeoutMs > longestMs ? Number.POSITIVE_INFINITY : timeoutMs;
}

/** A status' details as `grpc-message` carries them. */
export function encodeDetails(details: string): string {
  if (/^[ -$&-~]*$/.test(details)) return details;
  let text = '';
  for (const byte of Buffer.from(details, 'utf8')) {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    text += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return text;
}

/** A message as it stands on the wire: not compressed, with its length before it. */
export function frameHeader(length: number): Buffer {
  const header = Buffer.allocUnsafe(5);
  header.writeUInt8(0, 0);
  header.writeUInt32BE(length, 1);
  return header;
}
