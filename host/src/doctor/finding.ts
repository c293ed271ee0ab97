import { PluginError } from '@plugd/protocol/plugin-error';
import { printable } from '@plugd/protocol/printable';
import type { CheckName } from './checks';

export type Verdict = 'ok' | 'warn' | 'fail';

/** One thing that was looked at. All texts are fit for a terminal. */
export interface Finding {
  /** What it belongs to: `machine`, `config`, `daemon`, `kv 2.0.0`. */
  readonly subject: string;
  /** What was looked at. */
  readonly check: CheckName;
  /** `fail`: it can't work like this. `warn`: it may not, or not for long. */
  readonly verdict: Verdict;
  /** What was seen, in a sentence. */
  readonly seen: string;
  /** What to do about it; always there when it is not `ok`. */
  readonly fix?: string;
  /** The code of the error by which plugd refuses it, where it does. */
  readonly code?: string;
  /** What belongs to it, a line each: what stood on stderr, the mistakes of a manifest. */
  readonly details?: readonly string[];
}

const longestSeen = 600;
const longestDetail = 300;

/** Makes the findings about one thing. */
export class Findings {
  readonly subject: string;
  readonly list: Finding[] = [];

  constructor(subject: string) {
    this.subject = printable(subject);
  }

  get failed(): boolean {
    return this.list.some(({ verdict }) => verdict === 'fail');
  }

  ok(check: CheckName, seen: string): void {
    this.list.push({ subject: this.subject, check, verdict: 'ok', seen: printable(seen, longestSeen) });
  }

  warn(check: CheckName, seen: string, fix: string, details: readonly string[] = []): void {
    this.#wrong('warn', check, seen, fix, details);
  }

  fail(check: CheckName, seen: string, fix: string, details: readonly string[] = []): void {
    this.#wrong('fail', check, seen, fix, details);
  }

  /** What an error says, with its own hint as the fix. What is no PluginError is a mistake, and is thrown again. */
  error(
    check: CheckName,
    error: unknown,
    { details = [], fix }: { readonly details?: readonly string[]; readonly fix?: string } = {},
  ): void {
    if (!(error instanceof PluginError)) throw error;
    const { cause } = error;
    const why = cause instanceof Error ? [`cause: ${cause.message}`] : [];
    this.#wrong('fail', check, error.summary, fix ?? error.hint, [...details, ...why], error.code);
  }

  #wrong(
    verdict: Verdict,
    check: CheckName,
    seen: string,
    fix: string,
    details: readonly string[],
    code?: string,
  ): void {
    this.list.push({
      subject: this.subject,
      check,
      verdict,
      seen: printable(seen, longestSeen),
      fix: printable(fix, longestSeen),
      ...(code === undefined ? {} : { code }),
      ...(details.length === 0 ? {} : { details: details.map((line) => printable(line, longestDetail)) }),
    });
  }
}
