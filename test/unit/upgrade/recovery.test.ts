import type { JournalLine, LoopPlan, RecoveryEnvironment } from '../../../host/src/upgrade/loop-environment';
import { runRecovery } from '../../../host/src/upgrade/recovery';
import { strategies } from '../../../host/src/upgrade/step-table';

// What the model has no say in: a world that fails around the recovery, and journals of other releases.

const plan: LoopPlan = { strategy: 'handoff', rows: strategies.handoff };
const line = (step: string): JournalLine => ({ kind: 'step', step: step as never });

function world(change: Partial<RecoveryEnvironment> = {}) {
  const did: string[] = [];
  const environment: RecoveryEnvironment = {
    journal: async (written) => void did.push(JSON.stringify(written)),
    removeLeftovers: async () => void did.push('remove'),
    start: async (version) => void did.push(version),
    ...change,
  };
  return { did, environment };
}

test('beside what can not be removed nothing is started, and the next start finds the operation again', async () => {
  const failure = new Error('a process that does not end');
  const { did, environment } = world({ removeLeftovers: () => Promise.reject(failure) });
  await expect(runRecovery(plan, [line('swap')], environment)).rejects.toBe(failure);
  expect(did).toEqual([]);
});

test('what serves serves, though the journal could not be told', async () => {
  const { did, environment } = world({ journal: () => Promise.reject(new Error('the disk is full')) });
  expect(await runRecovery(plan, [line('release-calls')], environment)).toBe('new');
  expect(did).toEqual(['remove', 'new']);
});

test.each([
  ['release-calls', 'new'],
  ['activate', 'old'],
])('a step of another release after %s is worth what that one is', async (known, version) => {
  const { environment } = world();
  expect(await runRecovery(plan, [line(known), line('warm-up'), line('count')], environment)).toBe(version);
});

test('a journal of which no step is known leads to the old one', async () => {
  const { environment } = world();
  expect(await runRecovery(plan, [line('warm-up')], environment)).toBe('old');
});
