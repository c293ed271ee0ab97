/** Bytes are not what they should be. */
export class Malformed extends Error {}

/** What a reading gives. Undefined: it was Malformed. */
export function unlessMalformed<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}
