import { check, checkedBoolean, checkGroup } from './option-check';

/** The steps of operations, in the order in which they are usually done: what an expectation of a time may name. */
export const timedSteps = [
  'prepare',
  'make-room',
  'start',
  'health',
  'contract',
  'verify',
  'shift',
  'hold',
  'quiesce',
  'pause',
  'snapshot',
  'release',
  'restore',
  'check',
  'swap',
  'activate',
  'release-calls',
  'bake',
  'drain',
  'stop',
] as const;

export type TimedStep = (typeof timedSteps)[number];

/**
 * What is expected of each upgrade and restart of a plugin: the lines of its report's verdict. Each is the most that is
 * allowed, `availability` the least. What is left out and has no default is measured and not judged; Infinity takes a default away.
 */
export interface ExpectOptions {
  /**
   * From the beginning of its first step to the end of its last one, the drain with it, without the plugin's own start and
   * health checks and without the bake, whose length is an option. Default 3,000.
   */
  readonly wholeBeyondStartMs?: number;
  /** The time of a step, by its name. */
  readonly stepMs?: Readonly<Partial<Record<TimedStep, number>>>;
  /** The longest time for which new calls were held. */
  readonly pauseMs?: number;
  /** How many calls were held. */
  readonly held?: number;
  /** How many calls ended by themselves on the old one after the swap. */
  readonly drained?: number;
  /** How many calls were cut because they outlived the drain, whether they may be or not. */
  readonly cut?: number;
  /**
   * How many calls failed because the operation, or the loss of a process in it, took them their answer: with those that were
   * cut, unless their method is marked as one that may be. Default 0.
   */
  readonly failed?: number;
  /** How many calls were begun again on another process. */
  readonly retried?: number;
  /** The share of the calls in flight during the operation that have not failed, from 0 to 1. */
  readonly availability?: number;
  /** How much more memory the host has afterwards than before. Default 10,000,000. */
  readonly hostDriftBytes?: number;
  /** The most that the host has while it runs. */
  readonly hostBytes?: number;
  /** The most that the old one has while it runs. */
  readonly oldBytes?: number;
  /** The most that the new one has while it runs, and after it. */
  readonly newBytes?: number;
  /** The state that was handed over. */
  readonly snapshotBytes?: number;
  /**
   * Whether a miss is a failure of the new one: within the bake (`bakeMs`) the old one gets the calls back. Later it stands
   * in the report alone. Default false.
   */
  readonly strict?: boolean;
}

/** Expectations with every default filled in and every value checked. Undefined: nothing is expected. */
export interface Expectations {
  readonly wholeBeyondStartMs: number | undefined;
  readonly stepMs: Readonly<Partial<Record<TimedStep, number>>>;
  readonly pauseMs: number | undefined;
  readonly held: number | undefined;
  readonly drained: number | undefined;
  readonly cut: number | undefined;
  readonly failed: number | undefined;
  readonly retried: number | undefined;
  readonly availability: number | undefined;
  readonly hostDriftBytes: number | undefined;
  readonly hostBytes: number | undefined;
  readonly oldBytes: number | undefined;
  readonly newBytes: number | undefined;
  readonly snapshotBytes: number | undefined;
  readonly strict: boolean;
}

/** Throws PluginError OPTIONS_INVALID, naming the option. */
export function checkExpectations(options: ExpectOptions = {}): Expectations {
  checkGroup('expect', options);
  const { stepMs = {} } = options;
  checkGroup('expect.stepMs', stepMs, 'an object with milliseconds by the names of steps');
  for (const [step, value] of Object.entries(stepMs)) {
    const known = timedSteps.some((one) => one === step);
    check(known, `expect.stepMs.${step}`, step, `one of ${timedSteps.join(', ')}`);
    most(`stepMs.${step}`, value, milliseconds);
  }
  const { availability } = options;
  const share = availability === undefined || (isNumber(availability) && availability <= 1);
  check(share, 'expect.availability', availability, 'a number from 0 to 1');
  const ms = (name: 'wholeBeyondStartMs' | 'pauseMs', standard?: number) =>
    most(name, options[name], milliseconds, standard);
  const bytes = (
    name: 'hostDriftBytes' | 'hostBytes' | 'oldBytes' | 'newBytes' | 'snapshotBytes',
    standard?: number,
  ) => most(name, options[name], 'a number of bytes from 0', standard);
  const calls = (name: 'held' | 'drained' | 'cut' | 'failed' | 'retried', standard?: number) =>
    most(name, options[name], 'a number of calls from 0', standard);
  return {
    wholeBeyondStartMs: ms('wholeBeyondStartMs', 3_000),
    stepMs: { ...stepMs },
    pauseMs: ms('pauseMs'),
    held: calls('held'),
    drained: calls('drained'),
    cut: calls('cut'),
    failed: calls('failed', 0),
    retried: calls('retried'),
    availability,
    hostDriftBytes: bytes('hostDriftBytes', 10_000_000),
    hostBytes: bytes('hostBytes'),
    oldBytes: bytes('oldBytes'),
    newBytes: bytes('newBytes'),
    snapshotBytes: bytes('snapshotBytes'),
    strict: checkedBoolean('expect.strict', options.strict, false),
  };
}

const milliseconds = 'a number of milliseconds from 0';

/** Infinity takes a default away. */
function most(
  option: string,
  value: number | undefined,
  wanted: string,
  standard?: number,
): number | undefined {
  check(value === undefined || isNumber(value), `expect.${option}`, value, `${wanted}, or Infinity`);
  return value === Number.POSITIVE_INFINITY ? undefined : (value ?? standard);
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && value >= 0;
}
