import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ProcessIdentity, ProcessUsage } from './platform';

// Everything here is read synchronously: these files are made by the kernel on the spot, and a round trip through
// the thread pool costs ten times the read.

export interface ProcStat {
  /** One letter; Z is a zombie, X one that is just going. */
  readonly state: string;
  /** Clock ticks since boot. */
  readonly startTime: string;
  /** Clock ticks, user and system, of all threads. */
  readonly cpuTicks: number;
}

/** What /proc counts in has been a hundredth of a second on every architecture that Node runs on. */
const TICK_MS = 10;

/** Undefined if there is no such process. */
export function readStat(pid: number, proc = '/proc'): ProcStat | undefined {
  const text = readText(`${proc}/${pid}/stat`);
  if (text === undefined) return undefined;
  // The second field is the program's name in parentheses and may hold anything, parentheses too.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const state = fields[0];
  const startTime = fields[19];
  if (state === undefined || startTime === undefined) return undefined;
  return { state, startTime, cpuTicks: Number(fields[11]) + Number(fields[12]) };
}

/** Undefined if there is no such process, or nothing of it runs any more. */
export function readUsage(pid: number, proc = '/proc'): ProcessUsage | undefined {
  const stat = readStat(pid, proc);
  if (stat === undefined || isEnded(stat)) return undefined;
  return {
    startTime: stat.startTime,
    // Not of `stat`, which counts in pages: nothing here knows their size.
    memoryBytes: readMemory(pid, proc),
    descriptors: countDescriptors(`${proc}/${pid}/fd`),
    cpuMs: stat.cpuTicks * TICK_MS,
  };
}

function readMemory(pid: number, proc: string): number | undefined {
  const kilobytes = /^VmRSS:\s*(\d+) kB/m.exec(readText(`${proc}/${pid}/status`) ?? '')?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

/** Undefined where the directory may not be read: a process of another user, or one that changed its own. */
function countDescriptors(directory: string): number | undefined {
  try {
    // Since Linux 6.2 the kernel tells their number as the size, whatever it is; before, the size is 0.
    return statSync(directory).size || readdirSync(directory).length;
  } catch {
    return undefined;
  }
}

/** Undefined if it can't be read. For files that the kernel makes on the spot. */
export function readText(path: string): string | undefined {
  return readBytes(path)?.toString('latin1');
}

const room = Buffer.allocUnsafeSlow(16 * 1024);

/**
 * What a file holds, valid until the next read; undefined if it can't be read. These files don't tell their size,
 * and Node makes a buffer of 64 KiB for each such file: garbage that a search would leave by the mebibyte.
 */
function readBytes(path: string): Buffer | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    let buffer = room;
    let length = 0;
    for (;;) {
      const read = readSync(file, buffer, length, buffer.length - length, null);
      if (read === 0) return buffer.subarray(0, length);
      length += read;
      if (length === buffer.length) buffer = Buffer.concat([buffer], 2 * length);
    }
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** A walk over all processes lets others have their turn after so many: about a millisecond's worth. */
const PORTION = 32;

/**
 * Looks for processes by a text in their environment. Who asks at the same time shares one walk over /proc: a host
 * that stops a hundred plugins at once would else walk it a hundred times.
 */
export class EnvironmentSearch {
  readonly #proc: string;
  #waiting: { token: string; resolve: (found: ProcessIdentity[]) => void }[] = [];

  constructor(proc = '/proc') {
    this.#proc = proc;
  }

  find(token: string): Promise<ProcessIdentity[]> {
    return new Promise((resolve) => {
      this.#waiting.push({ token, resolve });
      if (this.#waiting.length === 1) setImmediate(() => void this.#walk());
    });
  }

  async #walk(): Promise<void> {
    const asked = this.#waiting.map(({ token, resolve }) => ({
      bytes: Buffer.from(token),
      found: [] as ProcessIdentity[],
      resolve,
    }));
    this.#waiting = [];
    for (const [index, name] of this.#names().entries()) {
      if (index % PORTION === PORTION - 1) await nextTurn();
      const pid = Number(name);
      if (!Number.isInteger(pid) || pid === process.pid) continue;
      // Undefined for processes of other users, and for those that have just ended.
      const environment = readBytes(`${this.#proc}/${pid}/environ`);
      if (environment === undefined) continue;
      const carried = asked.filter(({ bytes }) => environment.includes(bytes));
      for (const { found } of carried) {
        const stat = readStat(pid, this.#proc);
        if (stat !== undefined && !isEnded(stat)) found.push({ pid, startTime: stat.startTime });
      }
    }
    for (const { found, resolve } of asked) resolve(found);
  }

  #names(): string[] {
    try {
      return readdirSync(this.#proc);
    } catch {
      return [];
    }
  }
}

/** A zombie answers signals although nothing of it runs any more. */
export function isEnded(stat: ProcStat): boolean {
  return stat.state === 'Z' || stat.state === 'X' || stat.state === 'x';
}
