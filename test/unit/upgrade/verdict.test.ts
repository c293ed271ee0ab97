import fc from 'fast-check';
import { checkExpectations, type ExpectOptions } from '../../../host/src/instance/expect-options';
import {
  formatVerdict,
  judge,
  type Measured,
  requireMet,
  type VerdictName,
} from '../../../host/src/upgrade/verdict';
import { testProperty } from '../../support/property-test';

const MB = 1_000_000;

/** A handoff in which all went well. */
const well: Measured = {
  totalMs: 1_500,
  steps: [
    { step: 'prepare', elapsedMs: 10 },
    { step: 'start', elapsedMs: 800 },
    { step: 'health', elapsedMs: 100 },
    { step: 'swap', elapsedMs: 1 },
    { step: 'bake', elapsedMs: 400 },
    { step: 'stop', elapsedMs: 50 },
  ],
  pauseMs: 12.5,
  calls: { all: 1_000, held: 32, drained: 3, cut: 0, failed: 0, retried: 1 },
  memory: {
    host: { before: 100 * MB, during: 130 * MB, after: 105 * MB },
    old: { before: 50 * MB, during: 52 * MB, after: undefined },
    new: { before: undefined, during: 60 * MB, after: 55 * MB },
  },
  snapshotBytes: 4_096,
};

const verdictOn = (measured: Measured, options: ExpectOptions = {}) =>
  judge(measured, checkExpectations(options));
const lineOf = (name: VerdictName, measured: Measured, options: ExpectOptions = {}) =>
  verdictOn(measured, options).lines.find((one) => one.name === name);

test('what went well meets the defaults, and each kind of figure has its line', () => {
  const { verdict, lines } = verdictOn(well);
  expect(verdict).toBe('met');
  expect(lines.map(({ name }) => name)).toEqual([
    'whole beyond start',
    ...['prepare', 'start', 'health', 'swap', 'bake', 'stop'].map((step) => `step ${step}`),
    'pause',
    ...['held', 'drained', 'cut', 'failed', 'retried'].map((kind) => `calls ${kind}`),
    'availability',
    ...['before', 'during', 'after'].map((when) => `memory of host ${when}`),
    'memory drift of host',
    ...['before', 'during', 'after'].map((when) => `memory of old ${when}`),
    ...['before', 'during', 'after'].map((when) => `memory of new ${when}`),
    'snapshot size',
  ]);
  expect(lines.filter((one) => one.verdict === 'met').map(({ name }) => name)).toEqual([
    'whole beyond start',
    'calls failed',
    'memory drift of host',
  ]);
});

test("the whole is without the plugin's own start and without the bake", () => {
  expect(lineOf('whole beyond start', well)).toMatchObject({ measured: 200, unit: 'ms' });
});

test('a step that was done twice is judged by the sum of its times', () => {
  const twice: Measured = { ...well, steps: [...well.steps, { step: 'swap', elapsedMs: 4 }] };
  expect(lineOf('step swap', twice, { stepMs: { swap: 4.5 } })).toMatchObject({
    measured: 5,
    verdict: 'missed',
  });
});

test.each<[VerdictName, Measured]>([
  ['whole beyond start', { ...well, totalMs: 10_000 }],
  ['calls failed', { ...well, calls: { ...well.calls, failed: 1 } }],
  [
    'memory drift of host',
    { ...well, memory: { ...well.memory, host: { before: 1, during: 1, after: 10 * MB + 2 } } },
  ],
])('%s is missed by default where it is too much', (name, measured) => {
  const { lines, verdict } = verdictOn(measured);
  expect(lines.filter((one) => one.verdict === 'missed').map((one) => one.name)).toEqual([name]);
  expect(verdict).toBe('missed');
});

test.each<[VerdictName, ExpectOptions, ExpectOptions]>([
  ['pause', { pauseMs: 12.5 }, { pauseMs: 12.4 }],
  ['step start', { stepMs: { start: 800 } }, { stepMs: { start: 799 } }],
  ['calls held', { held: 32 }, { held: 31 }],
  ['calls drained', { drained: 3 }, { drained: 2 }],
  ['calls retried', { retried: 1 }, { retried: 0 }],
  ['memory of host during', { hostBytes: 130 * MB }, { hostBytes: 129 * MB }],
  ['memory of old during', { oldBytes: 52 * MB }, { oldBytes: 51 * MB }],
  ['memory of new during', { newBytes: 60 * MB }, { newBytes: 59 * MB }],
  ['snapshot size', { snapshotBytes: 4_096 }, { snapshotBytes: 4_095 }],
])('%s is judged where something is expected of it', (name, enough, tooLittle) => {
  expect(lineOf(name, well)?.verdict).toBe('not judged');
  expect(lineOf(name, well, enough)?.verdict).toBe('met');
  expect(lineOf(name, well, tooLittle)?.verdict).toBe('missed');
});

test('availability is the share of calls that have not failed, and has a least', () => {
  const some: Measured = { ...well, calls: { ...well.calls, all: 1_000, cut: 1, failed: 3 } };
  expect(lineOf('availability', some, { availability: 0.997 })).toMatchObject({
    measured: 0.997,
    verdict: 'met',
  });
  expect(lineOf('availability', some, { availability: 0.998 })?.verdict).toBe('missed');
  const none: Measured = { ...well, calls: { ...well.calls, all: 0 } };
  expect(lineOf('availability', none, { availability: 1 })).toMatchObject({ measured: 1, verdict: 'met' });
});

test('what was not measured is not judged, and what is no number meets nothing', () => {
  const { pauseMs: _, ...rest } = well;
  expect(lineOf('pause', { ...rest, pauseMs: undefined }, { pauseMs: 1 })?.verdict).toBe('not judged');
  expect(lineOf('pause', { ...rest, pauseMs: Number.NaN }, { pauseMs: 1 })?.verdict).toBe('missed');
});

test('a strict plugin is refused with every line that was missed', () => {
  expect(() => requireMet(verdictOn(well))).not.toThrow();
  const missed = verdictOn({ ...well, calls: { ...well.calls, failed: 2 } }, { pauseMs: 1 });
  expect(() => requireMet(missed)).toThrow(
    expect.objectContaining({
      code: 'EXPECTATION_MISSED',
      facts: {
        missed: [
          expect.objectContaining({ name: 'pause', expected: 1, measured: 12.5 }),
          expect.objectContaining({ name: 'calls failed', expected: 0, measured: 2 }),
        ],
      },
    }),
  );
});

test('people read a table with aligned columns and the verdict at its end', () => {
  const text = formatVerdict(verdictOn({ ...well, calls: { ...well.calls, failed: 1 } }));
  const rows = text.split('\n');
  expect(rows.at(-1)).toBe('verdict: missed');
  expect(rows.find((row) => row.startsWith('calls failed'))).toMatch(/≤ 0 +1 {2}missed$/);
  expect(rows.find((row) => row.startsWith('snapshot size'))).toMatch(/– +0\.00 MB {2}not judged$/);
  // One failed call of a thousand is never rounded away.
  expect(rows.find((row) => row.startsWith('availability'))).toMatch(/99\.9000 %/);
  const places = rows.slice(0, -1).map((row) => row.search(/verdict$|met$|missed$|not judged$/));
  expect(new Set(places).size).toBe(1);
});

const amount = fc.double({ min: 0, max: 1e12, noNaN: true });
const maybe = fc.option(amount, { nil: undefined });
const readings = fc.record({ before: maybe, during: maybe, after: maybe });
const count = fc.nat(10_000);
const anyMeasured: fc.Arbitrary<Measured> = fc.record({
  totalMs: amount,
  steps: fc.array(fc.record({ step: fc.constantFrom('start', 'swap', 'drain', 'bake'), elapsedMs: amount }), {
    maxLength: 6,
  }),
  pauseMs: maybe,
  calls: fc.record({ all: count, held: count, drained: count, cut: count, failed: count, retried: count }),
  memory: fc.record({ host: readings, old: readings, new: readings }),
  snapshotBytes: maybe,
});
const anyOptions: fc.Arbitrary<ExpectOptions> = fc.record(
  {
    wholeBeyondStartMs: amount,
    pauseMs: amount,
    failed: count,
    cut: count,
    availability: fc.double({ min: 0, max: 1, noNaN: true }),
    hostDriftBytes: amount,
    newBytes: amount,
    stepMs: fc.record({ swap: amount, drain: amount }, { requiredKeys: [] }),
  },
  { requiredKeys: [] },
);

testProperty(
  'a verdict is the sum of its lines, and each line that of its two numbers',
  fc.property(anyMeasured, anyOptions, (measured, options) => {
    const { lines, verdict } = verdictOn(measured, options);
    for (const { expected, measured: is, unit, verdict: judged } of lines) {
      if (expected === undefined || is === undefined) expect(judged).toBe('not judged');
      else expect(judged === 'met').toBe(unit === 'share' ? is >= expected : is <= expected);
    }
    expect(verdict === 'missed').toBe(lines.some((one) => one.verdict === 'missed'));
    expect(new Set(lines.map(({ name }) => name)).size).toBe(lines.length);
    // A report is kept and sent.
    expect(JSON.parse(JSON.stringify(verdict))).toEqual(verdict);
    expect(formatVerdict({ lines, verdict }).split('\n')).toHaveLength(lines.length + 2);
  }),
);

testProperty(
  'who expects less is never told of more misses',
  fc.property(
    anyMeasured,
    anyOptions,
    fc.double({ min: 1, max: 10, noNaN: true }),
    (measured, options, by) => {
      const missed = (given: ExpectOptions) =>
        verdictOn(measured, given).lines.filter((one) => one.verdict === 'missed').length;
      const looser: ExpectOptions = {
        ...options,
        wholeBeyondStartMs: (options.wholeBeyondStartMs ?? 3_000) * by,
        failed: (options.failed ?? 0) * by,
        availability: (options.availability ?? 0) / by,
        hostDriftBytes: (options.hostDriftBytes ?? 10 * MB) * by,
      };
      expect(missed(looser)).toBeLessThanOrEqual(missed(options));
    },
  ),
);
