import { PluginError } from '@plugd/host';
import type { HostEventDraft } from '../../../host/src/events/host-event';
import type { OperationProgress } from '../../../host/src/upgrade/operation-handle';
import { OperationSteps } from '../../../host/src/upgrade/operation-steps';
import { failureOf } from '../../support/host-room';

function newSteps() {
  const events: HostEventDraft[] = [];
  const progress: OperationProgress[] = [];
  const steps = new OperationSteps(
    { plugin: 'kv', operation: 'upgrade', fromVersion: '1.0.0', toVersion: '2.0.0' },
    (event) => events.push(event),
    (one) => progress.push(one),
  );
  return { steps, events, progress };
}

test('a step is said when it begins and when it is done, and stands in the report', async () => {
  const { steps, events, progress } = newSteps();
  expect(await steps.run('start', async () => 7, 30)).toBe(7);
  expect(await steps.run('swap', () => 8, 80)).toBe(8);
  expect(steps.done).toEqual([
    { step: 'start', elapsedMs: expect.any(Number) },
    { step: 'swap', elapsedMs: expect.any(Number) },
  ]);
  expect(progress.map(({ step, phase }) => `${step} ${phase}`)).toEqual([
    'start started',
    'start done',
    'swap started',
    'swap done',
  ]);
  // How far it is when a step begins is how far it was when the one before was done.
  expect(progress.map(({ percent }) => percent)).toEqual([0, 30, 30, 80]);
  const identity = { type: 'operation', operation: 'upgrade', fromVersion: '1.0.0', toVersion: '2.0.0' };
  for (const event of events) expect(event).toMatchObject({ ...identity, cause: { reason: 'asked' } });
});

test('a step that fails puts its name into the error, beside what was known, and is not done', async () => {
  const { steps, events, progress } = newSteps();
  const cause = new Error('why');
  const thrown = new PluginError('CONNECT_FAILED', 'It is gone.', {
    facts: { pid: 7 },
    hint: 'Look.',
    cause,
  });
  const error = await failureOf(steps.run('health', () => Promise.reject(thrown), 40));
  expect(error).toMatchObject({
    code: 'CONNECT_FAILED',
    summary: 'It is gone.',
    hint: 'Look.',
    facts: { pid: 7, step: 'health' },
  });
  expect(error.cause).toBe(cause);
  expect(steps.done).toEqual([]);
  expect(progress.at(-1)).toMatchObject({ step: 'health', phase: 'failed' });
  expect(events.at(-1)).toMatchObject({
    phase: 'failed',
    cause: { reason: 'error', code: 'CONNECT_FAILED', message: 'It is gone.' },
  });
});

test('a defect of the host is thrown as it is, and said', async () => {
  const { steps, events } = newSteps();
  const defect = new TypeError('x is undefined');
  await expect(
    steps.run(
      'swap',
      () => {
        throw defect;
      },
      80,
    ),
  ).rejects.toBe(defect);
  expect(events.at(-1)).toMatchObject({ phase: 'failed', cause: { reason: 'error' } });
});
