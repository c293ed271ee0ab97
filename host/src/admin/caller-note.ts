import { userInfo } from 'node:os';
import { basename } from 'node:path';
import { isRecord } from '../instance/option-check';

/** The key of a call's metadata under which a client says who it is, for the daemon's record of changes. */
export const CLIENT_KEY = 'plugd-client';

/** Who asks, as it says of itself. */
export interface CallerNote {
  readonly program: string;
  readonly user: string;
  readonly pid: number;
}

/** This process. */
export function ownNote(program = basename(process.argv[1] ?? process.execPath)): CallerNote {
  return { program, user: userName(), pid: process.pid };
}

/** As metadata takes it: in ASCII alone. */
export function noteText(note: CallerNote): string {
  return JSON.stringify(note).replaceAll(/[^\x20-\x7e]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** What a client wrote, with nothing of what isn't of a note; undefined for what is none. */
export function readNote(text: string): CallerNote | undefined {
  let note: unknown;
  try {
    note = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(note)) return undefined;
  const { program, user, pid } = note;
  if (typeof program !== 'string' || typeof user !== 'string' || typeof pid !== 'number') return undefined;
  return { program, user, pid };
}

/** A user without an entry in the system's list has a number only. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? '');
  }
}
