import type { LogLevel } from '@plugd/protocol/log-record';

/** So much is written at once. */
export const batchBytes = 64 * 1024;
/** What waits for a disk that takes nothing. */
const mostBytes = 4 * 1024 * 1024;
/** What of it is kept for what is urgent. */
const reservedBytes = mostBytes / 4;

/** What must not be lost with the process, and has a place where others have none any more. */
export const isUrgent = (level: LogLevel): boolean => level === 'warn' || level === 'error';

/** Lines that are not on disk yet: bounded, the newest are dropped, and those that are not urgent first. */
export class LogBacklog {
  #lines: { readonly line: string; readonly bytes: number }[] = [];
  #bytes = 0;
  #dropped = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** How many lines have been thrown away. */
  get dropped(): number {
    return this.#dropped;
  }

  add(line: string, level: LogLevel): void {
    const bytes = Buffer.byteLength(line);
    const limit = isUrgent(level) ? mostBytes : mostBytes - reservedBytes;
    if (this.#bytes + bytes > limit) {
      this.#dropped++;
      return;
    }
    this.#lines.push({ line, bytes });
    this.#bytes += bytes;
  }

  /**
   * The oldest lines, a batch at most, and no more bytes than there is room for; undefined: not even for one.
   *
   * @param atLeastOne also where there is no room for it
   */
  take(room: number, atLeastOne: boolean): { readonly bytes: Buffer; readonly lines: number } | undefined {
    let bytes = 0;
    let count = 0;
    for (const line of this.#lines) {
      const more = bytes + line.bytes;
      if (count === 0 ? more > room && !atLeastOne : more > Math.min(room, batchBytes)) break;
      bytes += line.bytes;
      count++;
    }
    if (count === 0) return undefined;
    const taken = this.#lines.slice(0, count);
    this.#lines = this.#lines.slice(count);
    this.#bytes -= bytes;
    return { bytes: Buffer.from(taken.map(({ line }) => line).join('')), lines: count };
  }
}
