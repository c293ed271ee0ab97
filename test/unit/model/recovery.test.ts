import type { RunRecovery } from '../../../host/src/upgrade/loop-environment';
import { runRecovery as realRecovery } from '../../../host/src/upgrade/recovery';
import { strategies } from '../../../host/src/upgrade/step-table';
import { recoveryCases, recoveryDifferences, referenceRecovery } from '../../model/recovery';
import { spoiledRecoveries } from '../../model/recovery-mutations';
import { shiftTraceSettings, traceSettings } from '../../model/settings';
import { tracesOf } from '../../model/traces';

const cases = recoveryCases([...traceSettings(2), ...shiftTraceSettings(1, false)].flatMap(tracesOf));

test.each<[string, RunRecovery]>([
  ["the model's own", referenceRecovery],
  ['the real', realRecovery],
])('%s recovery takes up each journal of a killed host as the model does', async (_, recovery) => {
  expect((await recoveryDifferences(recovery, cases)).slice(0, 3)).toEqual([]);
});

test.each(spoiledRecoveries)('a recovery that $name is found by the replay', async ({ spoil }) => {
  expect((await recoveryDifferences(spoil(referenceRecovery), cases)).length).toBeGreaterThan(0);
  expect((await recoveryDifferences(spoil(realRecovery), cases)).length).toBeGreaterThan(0);
});

test('there are journals to be finished, to be undone and to be left alone, in each strategy', () => {
  for (const strategy of Object.keys(strategies)) {
    const versions = cases.filter((one) => one.strategy === strategy).map(({ version }) => version);
    expect(new Set(versions)).toEqual(new Set(['nothing', 'old', 'new']));
  }
});
