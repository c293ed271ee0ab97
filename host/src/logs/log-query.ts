import type { LogLevel } from '@plugd/protocol/log-record';
import { PluginError } from '@plugd/protocol/plugin-error';
import { logLevels } from '../events/logger';
import { check, checkGroup, isText } from '../instance/option-check';
import { atLeast, type LogEntry } from './log-entry';

/** Which records are asked for. */
export interface LogQuery {
  /** Default: all, and the daemon's own. */
  readonly plugin?: string;
  /** The lowest level. Default: all. */
  readonly level?: LogLevel;
  /** Only what is not older, in milliseconds since the epoch. Default: as far as they are kept. */
  readonly sinceMs?: number;
  /** A regular expression in JavaScript's form, on the message, at most 1000 characters. Default: all. */
  readonly grep?: string;
  /** Goes on with what is logged. Default false. */
  readonly follow?: boolean;
  /** Only so many of the latest before it goes on, at most 100,000. Default: all. */
  readonly tail?: number;
}

const longestPattern = 1_000;
const longestTail = 100_000;

/** Throws PluginError OPTIONS_INVALID, also where the expression is none. */
export function checkQuery(query: LogQuery): void {
  checkGroup('query', query);
  const { plugin, level, sinceMs, grep, follow, tail } = query;
  check(plugin === undefined || isText(plugin), 'plugin', plugin, 'the name of a plugin');
  check(level === undefined || logLevels.includes(level), 'level', level, `one of ${logLevels.join(', ')}`);
  check(
    sinceMs === undefined || Number.isFinite(sinceMs),
    'sinceMs',
    sinceMs,
    'milliseconds since the epoch',
  );
  check(follow === undefined || typeof follow === 'boolean', 'follow', follow, 'true or false');
  const counts = tail === undefined || (Number.isSafeInteger(tail) && tail >= 0 && tail <= longestTail);
  check(counts, 'tail', tail, `a whole number from 0 to ${longestTail}`);
  if (grep === undefined) return;
  const fits = typeof grep === 'string' && grep.length <= longestPattern;
  check(fits, 'grep', grep, `a regular expression of at most ${longestPattern} characters`);
  try {
    new RegExp(grep);
  } catch (cause) {
    throw new PluginError('OPTIONS_INVALID', `Option grep is no regular expression: ${String(cause)}.`, {
      facts: { option: 'grep' },
      cause,
    });
  }
}

/** Whether a record is one of those that are asked for, as far as that can be told without the expression. */
export function matches(entry: LogEntry, { plugin, level, sinceMs }: LogQuery): boolean {
  if (plugin !== undefined && plugin !== '' && entry.plugin !== plugin) return false;
  if (level !== undefined && !atLeast(entry.level, level)) return false;
  return sinceMs === undefined || entry.time >= sinceMs;
}
