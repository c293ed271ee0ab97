import type { RunRecovery } from '../../../host/src/upgrade/loop-environment';
import { type RecoveryCase, recoveryCases, referenceRecovery, replayRecovery } from '../../model/recovery';
import { traceSettings } from '../../model/settings';
import { tracesOf } from '../../model/traces';

const cases = recoveryCases(traceSettings(2).flatMap(tracesOf));
const recoveries: [string, RunRecovery][] = [["the model's own", referenceRecovery]];

const expected = ({ version }: RecoveryCase, broken: readonly string[]) => {
  if (version === 'nothing') return { did: [], outcome: 'nothing' };
  const tried = version === 'new' ? ['new', 'old'] : ['old'];
  const works = tried.findIndex((candidate) => !broken.includes(candidate));
  const outcome = tried[works] ?? 'down';
  const starts = tried
    .slice(0, works < 0 ? tried.length : works + 1)
    .map((candidate) => `start ${candidate}`);
  const end = { new: 'end done', old: 'end undone' }[outcome] ?? 'end down';
  return { did: ['remove leftovers', ...starts, end], outcome };
};

test.each(recoveries)(
  '%s recovery takes up each journal of a killed host as the model does',
  async (_, recovery) => {
    for (const one of cases) {
      for (const broken of [[], ['new'], ['old'], ['old', 'new']] as const) {
        expect(await replayRecovery(one, broken, recovery)).toEqual(expected(one, broken));
      }
    }
  },
);

test('there are journals to be finished, to be undone and to be left alone, in each strategy', () => {
  for (const strategy of ['overlap', 'handoff', 'recreate']) {
    const versions = cases.filter((one) => one.strategy === strategy).map(({ version }) => version);
    expect(new Set(versions)).toEqual(new Set(['nothing', 'old', 'new']));
  }
});
