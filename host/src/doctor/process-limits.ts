import { readFileSync } from 'node:fs';

/** What the system allows a process, by the names of Linux: `Max open files`. */
export type ProcessLimits = ReadonlyMap<string, { readonly soft: number; readonly hard: number }>;

/** Of this process, or of that one. Empty where the system doesn't tell, or not this user. */
export function readLimits(pid: number | 'self' = 'self', proc = '/proc'): ProcessLimits {
  let text: string;
  try {
    text = readFileSync(`${proc}/${pid}/limits`, 'utf8');
  } catch {
    return new Map();
  }
  return new Map(
    text.split('\n').flatMap((line) => {
      const [, name, soft, hard] = /^(\S.*?) {2,}(\S+) +(\S+)/.exec(line) ?? [];
      if (name === undefined || soft === undefined || hard === undefined || name === 'Limit') return [];
      return [[name, { soft: numberOf(soft), hard: numberOf(hard) }] as const];
    }),
  );
}

function numberOf(text: string): number {
  return text === 'unlimited' ? Number.POSITIVE_INFINITY : Number(text);
}
