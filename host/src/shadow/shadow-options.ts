import { PluginError } from '@plugd/protocol/plugin-error';
import { check, checkedBoolean, checkedCount, checkedWaitMs, checkGroup } from '../instance/option-check';
import { isFieldPath } from './field-paths';

/**
 * What is mirrored to a new version before it is promoted, and what it takes to be promoted.
 *
 * Mirrored are unary calls of methods that the contract says have no side effects (`NO_SIDE_EFFECTS`), each after its caller has
 * the old version's answer.
 */
export interface ShadowOptions {
  /**
   * Methods, as `/package.Service/Method`, that are mirrored too: they have side effects, which you declare harmless when the new
   * version executes the same call once more. Each has to be `IDEMPOTENT` by the contract, and unary. Default: none.
   */
  readonly harmless?: readonly string[];
  /** Which share of the calls that could be mirrored is, in percent; more than 0, at most 100. Default 100. */
  readonly samplePercent?: number;
  /** How many calls are under way to the new version at a time, from 1 to 64. Default 4. */
  readonly maxInFlight?: number;
  /** How many calls are mirrored in a second, from 1 to 10 000. Default 50. */
  readonly maxPerSecond?: number;
  /**
   * While the host is busy for more than half of its time: which share of the calls that could be mirrored is at most, in percent, up
   * to 100. Default 1.
   */
  readonly busyPercent?: number;
  /** The largest request or answer of a mirrored call, in bytes, up to 64 MiB. Default 1 MiB. */
  readonly maxBytes?: number;
  /**
   * How long the new version may take for one call, in milliseconds. Default: ten times what the old one took, at least five
   * seconds and at most ten.
   */
  readonly callTimeoutMs?: number;
  /**
   * Fields of answers that may differ: by the way to them, `items.*.id`, where an element of a list and an entry of a map are steps
   * as well, and `*` is any step; or by their full name, `sample.v1.Item.id`, wherever that message occurs. Default: none.
   */
  readonly ignore?: readonly string[];
  /** Fields of answers, named as in `ignore`, whose values the report may show. Default: none. */
  readonly reveal?: readonly string[];
  /** Fields of requests, by their own name or full name, whose values the report may show. Default: none. */
  readonly revealRequest?: readonly string[];
  /** Whether errors have to agree in their details, not only in their status. Default false. */
  readonly compareDetails?: boolean;
  /** How many answers have to be compared before the new version is promoted. Default 100. */
  readonly minCalls?: number;
  /** How many of each mirrored method that was called meanwhile. Default 1. */
  readonly minPerMethod?: number;
  /** How many may disagree; one more, and the upgrade fails with SHADOW_DISAGREES. Default 0. */
  readonly maxDisagreements?: number;
  /** How long calls are mirrored at least, in milliseconds. Default 0. */
  readonly durationMs?: number;
  /**
   * How long they are mirrored at most, in milliseconds; if not enough answers could be compared in that time, the upgrade
   * fails with SHADOW_INCONCLUSIVE. Default 600 000.
   */
  readonly timeoutMs?: number;
  /** How many disagreements the report tells one by one, up to 1000. Default 20. */
  readonly maxReported?: number;
}

/** The options with all that they leave out. */
export type CheckedShadowOptions = Required<Omit<ShadowOptions, 'callTimeoutMs'>> & {
  readonly callTimeoutMs: number | undefined;
};

/** @throws PluginError OPTIONS_INVALID */
export function checkShadowOptions(options: ShadowOptions = {}): CheckedShadowOptions {
  checkGroup('shadow', options);
  const count = (name: CountName, standard: number, minimum: number, maximum?: number): number =>
    checkedCount(`shadow.${name}`, options[name], standard, minimum, maximum);
  const { callTimeoutMs } = options;
  const percent = (name: 'samplePercent' | 'busyPercent', standard: number): number => {
    const value = options[name] ?? standard;
    const good = typeof value === 'number' && value > 0 && value <= 100;
    check(good, `shadow.${name}`, value, 'a number above 0, up to 100');
    return value;
  };
  const checked = {
    harmless: checkedList('harmless', options.harmless, isMethodPath, 'methods as /package.Service/Method'),
    samplePercent: percent('samplePercent', 100),
    busyPercent: percent('busyPercent', 1),
    maxInFlight: count('maxInFlight', 4, 1, 64),
    maxPerSecond: count('maxPerSecond', 50, 1, 10_000),
    maxBytes: count('maxBytes', MIB, 1, 64 * MIB),
    callTimeoutMs:
      callTimeoutMs === undefined ? undefined : checkedWaitMs('shadow.callTimeoutMs', callTimeoutMs, 0, 1),
    ignore: fields('ignore', options.ignore),
    reveal: fields('reveal', options.reveal),
    revealRequest: fields('revealRequest', options.revealRequest),
    compareDetails: checkedBoolean('shadow.compareDetails', options.compareDetails, false),
    minCalls: count('minCalls', 100, 1),
    minPerMethod: count('minPerMethod', 1, 0),
    maxDisagreements: count('maxDisagreements', 0, 0),
    durationMs: checkedWaitMs('shadow.durationMs', options.durationMs, 0, 0),
    timeoutMs: checkedWaitMs('shadow.timeoutMs', options.timeoutMs, 600_000, 1),
    maxReported: count('maxReported', 20, 0, 1000),
  };
  if (checked.timeoutMs < checked.durationMs) {
    throw new PluginError(
      'OPTIONS_INVALID',
      `Option shadow.timeoutMs is ${checked.timeoutMs}; it has to be at least shadow.durationMs, ${checked.durationMs}.`,
      { facts: { option: 'shadow.timeoutMs' } },
    );
  }
  return checked;
}

type CountName =
  | 'maxInFlight'
  | 'maxPerSecond'
  | 'maxBytes'
  | 'minCalls'
  | 'minPerMethod'
  | 'maxDisagreements'
  | 'maxReported';

const MIB = 2 ** 20;

function fields(name: string, value: readonly string[] | undefined): readonly string[] {
  return checkedList(name, value, isFieldPath, 'fields such as `items.*.id` or `sample.v1.Item.id`');
}

function checkedList(
  name: string,
  value: readonly string[] | undefined,
  isGood: (one: unknown) => boolean,
  wanted: string,
): readonly string[] {
  check(
    value === undefined || (Array.isArray(value) && value.every((one) => isGood(one))),
    `shadow.${name}`,
    value,
    `a list of ${wanted}`,
  );
  return [...(value ?? [])];
}

function isMethodPath(value: unknown): boolean {
  return typeof value === 'string' && /^\/[^/]+\/[^/]+$/.test(value);
}
