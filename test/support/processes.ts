import { readdirSync, readFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';

// Looked for without the code under test.

/** Live processes whose environment holds a text. */
export function processesWith(text: string): number[] {
  return all().filter((pid) => isRunning(pid) && environmentOf(pid).includes(text));
}

/** The same, for a program whose own loop is watched: others have their turns in between. */
export async function processesWithInTurns(text: string): Promise<number[]> {
  const found: number[] = [];
  for (const pid of all()) {
    if (isRunning(pid) && environmentOf(pid).includes(text)) found.push(pid);
    await nextTurn();
  }
  return found;
}

/** Live processes that a process has started itself. */
export function childrenOf(parent: number): number[] {
  return all().filter((pid) => isRunning(pid) && Number(statOf(pid)?.[1]) === parent);
}

/** Whether a process is there and no zombie. */
export function isRunning(pid: number): boolean {
  const [state = 'X'] = statOf(pid) ?? [];
  return !/^[ZX]/.test(state);
}

function all(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** What stands behind the name in its stat: state, parent … */
function statOf(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1');
  } catch {
    return '';
  }
}

/** Polls until something holds; fails after `limitMs`. */
export async function eventually(holds: () => boolean, limitMs: number, what: string): Promise<void> {
  const end = performance.now() + limitMs;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not within ${limitMs} ms: ${what}`);
    await new Promise((next) => setTimeout(next, 20));
  }
}
