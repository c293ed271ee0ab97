import type { Outcome } from '../../canary/run';
import { scenarios } from '../../canary/scenario';
import { judgeRuns, spread } from '../../canary/verdict';

const outcome = (over: Partial<Outcome> = {}): Outcome => ({
  outcome: 'refused',
  code: 'CANARY_REFUSED',
  elapsedMs: 1_000,
  sharedMs: 800,
  callsNew: 100,
  callsOld: 100,
  p99Ms: { old: 10, new: 20 },
  ownFailures: 2,
  said: [],
  wrong: [],
  ...over,
});

function bad() {
  const found = scenarios.find(({ expected }) => expected === 'refused');
  if (found === undefined) throw new Error('no version is bad');
  return found;
}

test('bad versions that were all refused, and harmed nobody else, are no fault', () => {
  const figures = judgeRuns(bad(), [outcome(), outcome({ callsNew: 300, callsOld: 300 })]);
  expect(figures).toMatchObject({ refused: 2, promoted: 0, percentNew: 50, percentFailed: 0.5, faults: [] });
});

test.each([
  ['was promoted', outcome({ outcome: 'promoted', code: undefined })],
  ['failed otherwise', outcome({ outcome: 'failed', code: 'BAKE_FAILED' })],
  ['harmed others', outcome({ wrong: ['2 times: single: lost'] })],
])('one that %s is a fault', (_, one) => {
  expect(judgeRuns(bad(), [outcome(), one]).faults).toHaveLength(1);
});

test('where nothing was tried nothing is shown', () => {
  expect(judgeRuns(bad(), []).faults).toEqual(['nothing was tried']);
});

test('the middle is the one that a half does not exceed', () => {
  expect(spread([5, 1, 4, 2, 3])).toEqual({ p50: 3, p95: 5, max: 5 });
});
