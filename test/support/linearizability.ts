import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { linearizabilityTool } from './samples';

/** One call of a counter, as its caller saw it. */
export interface CounterEntry {
  /** Who called: one that makes one call at a time. */
  readonly client: number;
  readonly op: 'add' | 'get';
  readonly key: string;
  /** What was to be added; for an add. */
  readonly value?: number;
  /** What the key holds, after the add; null where no answer came. */
  readonly answer: number | null;
  /** `unknown`: it may have been executed, then or later, or not at all. `failed`: it surely was not. */
  readonly status: 'ok' | 'unknown' | 'failed';
  /** In nanoseconds, whole, of one monotonic clock. */
  readonly begin: number;
  /** Null for a call that never ended. */
  readonly end: number | null;
}

/** What is wrong with a key: the call with whose answer there was no order any more. */
export interface Misfit {
  readonly key: string;
  /** Its number in the ledger, from 1 on; 0 where the time was over before it was found. */
  readonly entry: number;
  readonly call?: CounterEntry;
}

export interface Verdict {
  /** One counter, with nothing lost, doubled or stale, explains all answers. */
  readonly linearizable: boolean;
  readonly operations: number;
  readonly keys: number;
  readonly unknown: number;
  readonly failed: number;
  /** One for each key that no order explains. */
  readonly wrong: readonly Misfit[];
  /** Keys for which the time was over: only where others are wrong. */
  readonly undecided: readonly string[];
  readonly elapsedMs: number;
}

/** What the tool may take for its search for the call that is wrong, and to read and to print. */
const graceMs = 30_000;

/**
 * Whether there is an order of the calls, each at one moment between its begin and its end, in which one counter would
 * have given these answers. Every key begins at 0.
 *
 * Memory grows with the square of the calls of a key: 20,000 take 70 MB. Adds of 0 or less make it slow, since answers tell
 * nothing of their order then.
 *
 * @throws Error where the entries are no ledger, or the time was over before it could be said
 */
export async function checkLinearizable(
  entries: readonly CounterEntry[],
  { timeoutMs = 60_000 } = {},
): Promise<Verdict> {
  const tool = spawn(linearizabilityTool(), ['-limit', `${Math.ceil(timeoutMs)}ms`], {
    timeout: timeoutMs + graceMs,
    killSignal: 'SIGKILL',
  });
  let said = '';
  let problems = '';
  tool.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  tool.stderr.setEncoding('utf8').on('data', (text: string) => {
    problems += text;
  });
  // It says itself why it reads no further.
  tool.stdin.on('error', () => {});
  const closed = once(tool, 'close');
  tool.stdin.end(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
  const [code, signal] = await closed;
  if (code === 0 || code === 1) return JSON.parse(said) as Verdict;
  throw new Error(`no verdict, exit ${code ?? signal}: ${problems || said}`);
}
