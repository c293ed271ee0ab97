import { PluginError } from '@plugd/protocol/plugin-error';
import type { Expectations } from '../instance/expect-options';
import type { StepName } from './step-table';

/** Resident memory in bytes around an operation. Undefined where there is no process, or the system doesn't tell. */
export interface MemoryReadings {
  readonly before: number | undefined;
  /** The highest of the readings that were taken while it ran. */
  readonly during: number | undefined;
  readonly after: number | undefined;
}

/** What was measured of an operation. */
export interface Measured {
  /** From the beginning of its first step, in milliseconds. */
  readonly totalMs: number;
  /** The steps that were done, in their order. A step may occur more than once. */
  readonly steps: readonly { readonly step: StepName; readonly elapsedMs: number }[];
  /** How long new calls were held, in milliseconds; undefined where they were not. */
  readonly pauseMs: number | undefined;
  readonly calls: {
    /** Calls that were in flight at any moment of it. */
    readonly all: number;
    readonly held: number;
    readonly drained: number;
    readonly cut: number;
    /** With those that were cut, unless their method may be. */
    readonly failed: number;
    readonly retried: number;
  };
  readonly memory: {
    readonly host: MemoryReadings;
    readonly old: MemoryReadings;
    readonly new: MemoryReadings;
  };
  /** Undefined where no state was handed over. */
  readonly snapshotBytes: number | undefined;
}

export type VerdictUnit = 'ms' | 'calls' | 'share' | 'bytes';

/** What a line is about. */
export type VerdictName =
  | 'whole beyond start'
  | `step ${StepName}`
  | 'pause'
  | `calls ${'held' | 'drained' | 'cut' | 'failed' | 'retried'}`
  | 'availability'
  | `memory of ${'host' | 'old' | 'new'} ${'before' | 'during' | 'after'}`
  | 'memory drift of host'
  | 'snapshot size';

export interface VerdictLine {
  readonly name: VerdictName;
  /** The most that is allowed, of `availability` the least. Undefined: nothing is expected. */
  readonly expected: number | undefined;
  /** Undefined: there was nothing to measure. */
  readonly measured: number | undefined;
  readonly unit: VerdictUnit;
  readonly verdict: 'met' | 'missed' | 'not judged';
}

/** What was expected of an operation, what was measured, and whether the one is met by the other. Plain data. */
export interface Verdict {
  readonly lines: readonly VerdictLine[];
  /** `missed` if any line is. */
  readonly verdict: 'met' | 'missed';
}

/** Holds what was measured against what is expected. May be asked in the middle of an operation too. */
export function judge(measured: Measured, expected: Expectations): Verdict {
  const { calls, memory } = measured;
  const lines: VerdictLine[] = [
    line('whole beyond start', 'ms', wholeBeyondStart(measured), expected.wholeBeyondStartMs),
  ];
  for (const [step, elapsedMs] of timesOf(measured)) {
    lines.push(line(`step ${step}`, 'ms', elapsedMs, expected.stepMs[step]));
  }
  lines.push(line('pause', 'ms', measured.pauseMs, expected.pauseMs));
  for (const kind of ['held', 'drained', 'cut', 'failed', 'retried'] as const) {
    lines.push(line(`calls ${kind}`, 'calls', calls[kind], expected[kind]));
  }
  lines.push(line('availability', 'share', availabilityOf(measured), expected.availability));
  const { host, old, new: next } = memory;
  lines.push(
    line('memory of host before', 'bytes', host.before, undefined),
    line('memory of host during', 'bytes', host.during, expected.hostBytes),
    line('memory of host after', 'bytes', host.after, undefined),
    line('memory drift of host', 'bytes', difference(host.before, host.after), expected.hostDriftBytes),
    line('memory of old before', 'bytes', old.before, undefined),
    line('memory of old during', 'bytes', old.during, expected.oldBytes),
    line('memory of old after', 'bytes', old.after, undefined),
    line('memory of new before', 'bytes', next.before, undefined),
    line('memory of new during', 'bytes', next.during, expected.newBytes),
    line('memory of new after', 'bytes', next.after, expected.newBytes),
    line('snapshot size', 'bytes', measured.snapshotBytes, expected.snapshotBytes),
  );
  return { lines, verdict: lines.some(({ verdict }) => verdict === 'missed') ? 'missed' : 'met' };
}

/** Throws PluginError EXPECTATION_MISSED, naming what was, unless all that is expected is met. For `strict`. */
export function requireMet(verdict: Verdict): void {
  const missed = verdict.lines.filter((one) => one.verdict === 'missed');
  if (missed.length === 0) return;
  const said = missed.map((one) => `${one.name} is ${shown(one.measured, one.unit)}, expected ${bound(one)}`);
  throw new PluginError(
    'EXPECTATION_MISSED',
    `The new version does not meet its expectations: ${said.join('; ')}.`,
    {
      facts: { missed },
    },
  );
}

/** A table for people, a line each and the verdict at its end. */
export function formatVerdict({ lines, verdict }: Verdict): string {
  const rows = lines.map((one) => [one.name, bound(one), shown(one.measured, one.unit), one.verdict]);
  const all = [['', 'expected', 'measured', 'verdict'], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const text = all.map(([name = '', expected = '', measured = '', judged = '']) =>
    [
      name.padEnd(widths[0] ?? 0),
      expected.padStart(widths[1] ?? 0),
      measured.padStart(widths[2] ?? 0),
      judged,
    ].join('  '),
  );
  return [...text, `verdict: ${verdict}`].join('\n');
}

function line(
  name: VerdictName,
  unit: VerdictUnit,
  measured: number | undefined,
  expected: number | undefined,
): VerdictLine {
  return { name, expected, measured, unit, verdict: verdictOf(unit, measured, expected) };
}

function verdictOf(
  unit: VerdictUnit,
  measured: number | undefined,
  expected: number | undefined,
): VerdictLine['verdict'] {
  if (measured === undefined || expected === undefined) return 'not judged';
  // A number that is none meets nothing.
  return (unit === 'share' ? measured >= expected : measured <= expected) ? 'met' : 'missed';
}

/** The plugin's own start, which no host can shorten, and the waits that shift and bake are. */
const apart: readonly StepName[] = ['start', 'health', 'shift', 'bake'];

function wholeBeyondStart({ totalMs, steps }: Measured): number {
  const without = steps.filter(({ step }) => apart.includes(step));
  return Math.max(
    0,
    without.reduce((left, { elapsedMs }) => left - elapsedMs, totalMs),
  );
}

/** A step that was done more than once has taken the sum of its times. */
function timesOf({ steps }: Measured): Map<StepName, number> {
  const times = new Map<StepName, number>();
  for (const { step, elapsedMs } of steps) times.set(step, (times.get(step) ?? 0) + elapsedMs);
  return times;
}

function availabilityOf({ calls: { all, failed } }: Measured): number {
  return all > 0 ? Math.max(0, 1 - failed / all) : 1;
}

function difference(before: number | undefined, after: number | undefined): number | undefined {
  return before === undefined || after === undefined ? undefined : after - before;
}

function bound({ expected, unit }: VerdictLine): string {
  if (expected === undefined) return '–';
  return `${unit === 'share' ? '≥' : '≤'} ${shown(expected, unit)}`;
}

function shown(value: number | undefined, unit: VerdictUnit): string {
  if (value === undefined) return '–';
  switch (unit) {
    case 'ms':
      return `${value.toFixed(1)} ms`;
    case 'calls':
      return String(value);
    case 'share':
      return `${percentOf(value)} %`;
    case 'bytes':
      return `${(value / 1e6).toFixed(2)} MB`;
  }
}

/** Never rounded up to all: one failed call in a million has to be seen. */
function percentOf(share: number): string {
  return share === 1 ? '100' : (Math.floor(share * 1e6) / 1e4).toFixed(4);
}
