import { LONGEST_TIMER_MS } from '@plugd/protocol/longest-timer';
import { InvalidArgumentError } from 'commander';

const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const part = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/gy;

/** `90s`, `1h30m` or `500ms` in milliseconds; undefined where it is nothing of that kind. */
export function durationMs(text: string): number | undefined {
  let total = 0;
  let end = 0;
  for (const match of text.matchAll(part)) {
    total += Number(match[1]) * (isUnit(match[2]) ? unitMs[match[2]] : Number.NaN);
    end = match.index + match[0].length;
  }
  return end > 0 && end === text.length && Number.isSafeInteger(Math.round(total))
    ? Math.round(total)
    : undefined;
}

/** An option's parser for times that are waited. @throws InvalidArgumentError */
export function waitOption(text: string): number {
  const ms = durationMs(text);
  if (ms !== undefined && ms > 0 && ms <= LONGEST_TIMER_MS) return ms;
  throw new InvalidArgumentError(
    'It is a number with a unit, for example 500ms, 30s, 5m or 1h30m; at most 24d.',
  );
}

/** An option's parser for a beginning: so long ago, or a date. Milliseconds since the epoch. @throws InvalidArgumentError */
export function sinceOption(now: () => number): (text: string) => number {
  return (text) => {
    const ago = durationMs(text);
    if (ago !== undefined) return Math.max(1, now() - ago);
    const at = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
    if (!Number.isNaN(at)) return Math.max(1, at);
    throw new InvalidArgumentError(
      'It is a time that has passed, such as 10m or 2h, or a date, such as 2026-05-01T13:00:00Z.',
    );
  };
}

function isUnit(text: string | undefined): text is keyof typeof unitMs {
  return text !== undefined && Object.hasOwn(unitMs, text);
}
