import { LONGEST_TIMER_MS } from '@plugd/protocol/longest-timer';
import { PluginError } from '@plugd/protocol/plugin-error';

/** Throws PluginError OPTIONS_INVALID, naming the option, unless its value is good. */
export function check(good: boolean, option: string, value: unknown, wanted: string): asserts good {
  if (!good) refuse(option, value, wanted);
}

/** Throws PluginError OPTIONS_INVALID, naming the option. */
export function refuse(option: string, value: unknown, wanted: string): never {
  throw new PluginError(
    'OPTIONS_INVALID',
    `Option ${option} is ${describe(value)}; it has to be ${wanted}.`,
    { facts: { option } },
  );
}

/** Without NUL, which ends a text for the system: what stands behind it would be lost. */
export function isText(value: unknown): value is string {
  return typeof value === 'string' && !value.includes('\0');
}

export function isVariableName(value: unknown): value is string {
  return isText(value) && value !== '' && !value.includes('=');
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** For a group of options. It narrows nothing: what an object holds is checked field by field. */
export function checkGroup(option: string, value: unknown, wanted = 'an object'): void {
  check(isRecord(value), option, value, wanted);
}

export function checkedBoolean(option: string, value: boolean | undefined, standard: boolean): boolean {
  check(value === undefined || typeof value === 'boolean', option, value, 'true or false');
  return value ?? standard;
}

/** A limit of time; fractions are allowed. */
export function checkedWaitMs(
  option: string,
  value: number | undefined,
  standard: number,
  minimum: number,
): number {
  if (value === undefined) return standard;
  const good = Number.isFinite(value) && value >= minimum && value <= LONGEST_TIMER_MS;
  check(good, option, value, `a number of milliseconds from ${minimum} to ${LONGEST_TIMER_MS}`);
  return value;
}

export function checkedCount(
  option: string,
  value: number | undefined,
  standard: number,
  minimum: number,
  maximum: number = Number.MAX_SAFE_INTEGER,
): number {
  if (value === undefined) return standard;
  const range = maximum === Number.MAX_SAFE_INTEGER ? `at least ${minimum}` : `from ${minimum} to ${maximum}`;
  const good = Number.isSafeInteger(value) && value >= minimum && value <= maximum;
  check(good, option, value, `a whole number, ${range}`);
  return value;
}

export function checkedChoice<Choice extends string>(
  option: string,
  value: Choice | undefined,
  choices: readonly Choice[],
  standard: Choice,
): Choice {
  if (value === undefined) return standard;
  check(choices.includes(value), option, value, choices.map((choice) => `'${choice}'`).join(' or '));
  return value;
}

export function checkPort(option: string, value: number | undefined): void {
  const good = value === undefined || (Number.isInteger(value) && value > 0 && value < 65536);
  check(good, option, value, 'a port from 1 to 65535');
}

function describe(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (typeof value === 'function') return 'a function';
  try {
    return (JSON.stringify(value) ?? String(value)).slice(0, 200);
  } catch {
    return 'an object that JSON can’t show';
  }
}
