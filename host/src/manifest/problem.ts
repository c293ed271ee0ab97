import type { ErrorCode } from '@plugd/protocol/error-codes';
import { PluginError } from '@plugd/protocol/plugin-error';
import { printable } from '@plugd/protocol/printable';

/** One thing that is wrong in a file that a person wrote. */
export interface SourceProblem {
  /** Both from 1; the column counts UTF-16 units, as editors do. */
  readonly line: number;
  readonly column: number;
  /** Where in the data: `restart.backoff.maxMs`, `smoke[0].method`; empty for the file as a whole. */
  readonly path: string;
  /** What is wrong there. On one line, whatever the file holds. */
  readonly message: string;
  /** What was probably meant. */
  readonly suggestion?: string;
}

/** As many as a reader looks at. */
const mostShown = 20;

/** The error for all that is wrong in one file. Its facts: `path` and `problems`. */
export function problemsError(
  code: ErrorCode,
  path: string,
  problems: readonly SourceProblem[],
): PluginError {
  const inOrder = [...problems].sort((a, b) => a.line - b.line || a.column - b.column);
  const shown = inOrder.slice(0, mostShown).map(formatProblem);
  if (inOrder.length > mostShown) shown.push(`and ${inOrder.length - mostShown} more`);
  const file = printable(path, 1_000);
  const summary =
    shown.length === 1
      ? `${file}:${shown[0]}.`
      : `${file} has ${inOrder.length} problems: ${shown.join('; ')}.`;
  return new PluginError(code, summary, { facts: { path, problems: inOrder } });
}

/** `3:1: unknown key "instancse": did you mean "instances"?` */
export function formatProblem({ line, column, message, suggestion }: SourceProblem): string {
  return `${line}:${column}: ${message}${suggestion === undefined ? '' : ` (did you mean ${suggestion}?)`}`;
}

export type DataPath = readonly (string | number)[];

/** `smoke[0].method`; a key that is no plain word stands in quotes. */
export function formatPath(path: DataPath): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    if (!/^[\w-]{1,64}$/.test(step)) return `${text}[${quoted(step)}]`;
    return text === '' ? step : `${text}.${step}`;
  }, '');
}

/** A text of the file as a message may show it. */
export function quoted(text: string): string {
  return `"${printable(text, 60)}"`;
}

/** What a value is, in few words. */
export function describeValue(value: unknown): string {
  if (value === null) return 'empty';
  if (typeof value === 'string') return quoted(value);
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  return printable(String(value), 60);
}

/** The sentence of another error, in the middle of a message. */
export function printableSentence(sentence: string): string {
  const text = printable(sentence.replace(/[.:]\s*$/, ''), 300);
  return text.charAt(0).toLowerCase() + text.slice(1);
}
