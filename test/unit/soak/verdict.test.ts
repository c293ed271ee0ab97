import type { End } from '../../soak/host-program';
import type { Reading } from '../../soak/reading';
import { judge, medianSlope } from '../../soak/verdict';

const MIB = 1024 * 1024;

const reading = (restarts: number, over: Partial<Reading> = {}): Reading => ({
  seconds: restarts,
  restarts,
  rssBytes: 100 * MIB,
  heapBytes: 15 * MIB,
  codeBytes: 3 * MIB,
  externalBytes: 2 * MIB,
  descriptors: 30,
  handles: { PipeWrap: 10 },
  timers: 0,
  children: 5,
  files: 10,
  ...over,
});

const end: End = {
  tally: { calls: {}, lost: {}, wrong: {} },
  acts: {},
  events: 0,
  plugins: {},
  descriptors: { before: 20, after: 20 },
  left: { children: 0, files: [] },
};

const several = (over: (restarts: number, index: number) => Partial<Reading>): Reading[] =>
  Array.from({ length: 50 }, (_, index) => reading(40 * index, over(40 * index, index)));

const faults = (readings: readonly Reading[], ended: End = end): readonly string[] =>
  judge(readings, ended).faults;

test('what wavers without growing holds', () => {
  const wavering = several((_, i) => ({
    heapBytes: 15 * MIB + (i % 5) * 100_000,
    rssBytes: 100 * MIB + (i % 7) * MIB,
    timers: i % 3,
  }));
  expect(faults(wavering)).toEqual([]);
});

test('growth in the warm-up is no leak', () => {
  const growing = several((restarts) => ({
    heapBytes: (restarts < 380 ? 10 : 15) * MIB,
    descriptors: restarts < 380 ? 28 : 30,
  }));
  expect(faults(growing)).toEqual([]);
});

test.each([
  [
    'a KiB of heap',
    (restarts: number) => ({ heapBytes: 15 * MIB + 1024 * restarts }),
    /^the heap grows by 1024/,
  ],
  [
    'resident memory',
    (restarts: number) => ({ rssBytes: 100 * MIB + 16_384 * restarts }),
    /^resident memory/,
  ],
  ['external memory', (restarts: number) => ({ externalBytes: 4096 * restarts }), /^external memory/],
  ['timers', (restarts: number) => ({ timers: restarts }), /timers after/],
])('%s for each restart is a leak', (_, over, expected) => {
  expect(faults(several(over))).toEqual(expect.arrayContaining([expect.stringMatching(expected)]));
});

test.each([
  ['descriptor', { descriptors: 31 }, '31 descriptors after 1960 restarts, 30 after 400'],
  ['handle', { handles: { PipeWrap: 10, TCPWRAP: 1 } }, '1 handles TCPWRAP after 1960 restarts, 0 after 400'],
  ['child', { children: 6 }, '6 children after 1960 restarts, 5 after 400'],
  ['file', { files: 11 }, '11 files after 1960 restarts, 10 after 400'],
])('one %s more is a fault', (_, over, expected) => {
  expect(faults(several((_restarts, index) => (index === 49 ? over : {})))).toEqual([expected]);
});

test('a slope from few restarts is not told', () => {
  const few = [0, 10, 20, 30].map((restarts) => reading(restarts, { heapBytes: restarts * MIB }));
  expect(judge(few, end)).toEqual({ faults: [], bytesPerRestart: undefined });
});

test('what is left, and what callers must not see, are faults', () => {
  const bad: End = {
    ...end,
    tally: { calls: {}, lost: {}, wrong: { 'get: lost': 2 } },
    descriptors: { before: 20, after: 21 },
    left: { children: 1, files: ['plugd-x'] },
  };
  expect(
    faults(
      several(() => ({})),
      bad,
    ),
  ).toEqual([
    '2 times: get: lost',
    '1 descriptors are left after the host was closed',
    '1 children are left after the host was closed',
    'left after the host was closed: plugd-x',
  ]);
  expect(faults([])).toEqual(['nothing was measured']);
});

test('the slope is not moved by single outliers', () => {
  const points = Array.from({ length: 21 }, (_, x): [number, number] => [x, x === 20 ? 10_000 : 3 * x]);
  expect(medianSlope(points)).toBe(3);
});
