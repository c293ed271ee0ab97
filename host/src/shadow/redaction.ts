import { createHmac, randomBytes } from 'node:crypto';

const MOST_SHOWN = 100;

/** Texts about values, by which equal values can be recognised without being shown. */
export class Redaction {
  // Else whoever reads a report could try values until one fits.
  readonly #salt: Uint8Array;

  constructor(salt: Uint8Array = randomBytes(32)) {
    this.#salt = salt;
  }

  /** `string of 5 bytes ~1f2e3d4c`; the value itself where it is revealed. */
  text(kind: string, bytes: Uint8Array, revealed: boolean): string {
    if (!revealed) return `${kind} of ${counted(bytes.length, 'byte')} ${this.mark(bytes)}`;
    const shown = Buffer.from(bytes.subarray(0, MOST_SHOWN));
    const text = kind === 'string' ? JSON.stringify(shown.toString('utf8')) : `0x${shown.toString('hex')}`;
    return bytes.length > MOST_SHOWN ? `${text}… (${counted(bytes.length, 'byte')})` : text;
  }

  /** `int32 ~1f2e3d4c`: a number, a truth, a name. */
  short(kind: string, value: string, revealed: boolean): string {
    return revealed ? value : `${kind} ${this.mark(value)}`;
  }

  mark(value: Uint8Array | string): string {
    return `~${createHmac('sha256', this.#salt).update(value).digest('hex').slice(0, 8)}`;
  }
}

export function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}
