import { OperationHandle, type OperationProgress } from '../../../host/src/upgrade/operation-handle';
import type { UpgradeReport } from '../../../host/src/upgrade/report';
import { Gate } from '../../upgrade/gate';
import { report } from './report-sample';

const progress = (step: OperationProgress['step'], elapsedMs: number): OperationProgress => ({
  step,
  phase: 'started',
  elapsedMs,
  percent: 0,
});

async function all(handle: OperationHandle): Promise<OperationProgress[]> {
  const seen: OperationProgress[] = [];
  for await (const one of handle) seen.push(one);
  return seen;
}

test('the operation runs at once, whether anybody looks or not', () => {
  let ran = false;
  new OperationHandle(async () => {
    ran = true;
    return report();
  });
  expect(ran).toBe(true);
});

test('progress comes as it is made, and from the beginning for those who come late', async () => {
  const gates = [new Gate(), new Gate()] as const;
  const handle = new OperationHandle(async (say) => {
    say(progress('prepare', 0));
    await gates[0].passed;
    say(progress('start', 1));
    say(progress('health', 2));
    await gates[1].passed;
    return report();
  });
  const iterator = handle[Symbol.asyncIterator]();
  expect((await iterator.next()).value).toEqual(progress('prepare', 0));
  const next = iterator.next();
  gates[0].open();
  expect((await next).value).toEqual(progress('start', 1));
  const late = all(handle);
  expect((await iterator.next()).value).toEqual(progress('health', 2));
  gates[1].open();
  expect((await iterator.next()).done).toBe(true);
  expect(await late).toHaveLength(3);
  expect(await all(handle)).toHaveLength(3);
});

test('the report comes as often as it is asked for, through every way of a promise', async () => {
  const expected = report();
  const handle = new OperationHandle(async () => expected);
  expect(await handle).toBe(expected);
  expect(await handle).toBe(expected);
  expect(await handle.then(({ plugin }) => plugin)).toBe('kv');
  expect(await Promise.all([handle, handle])).toEqual([expected, expected]);
  expect(await Promise.resolve(handle)).toBe(expected);
});

test('an error comes as often as it is asked for, and ends the progress silently', async () => {
  const error = new Error('no');
  const handle = new OperationHandle(async (say) => {
    say(progress('prepare', 0));
    throw error;
  });
  expect(await all(handle)).toHaveLength(1);
  for (let i = 0; i < 2; i++) {
    expect(await handle.then(undefined, (thrown: unknown) => thrown)).toBe(error);
  }
});

test('leaving the progress early ends nothing', async () => {
  const gate = new Gate();
  let ended = false;
  const handle = new OperationHandle(async (say): Promise<UpgradeReport> => {
    say(progress('prepare', 0));
    await gate.passed;
    ended = true;
    return report();
  });
  for await (const _ of handle) break;
  gate.open();
  await handle;
  expect(ended).toBe(true);
});
