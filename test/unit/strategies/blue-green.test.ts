import { status } from '@grpc/grpc-js';
import { type BlueGreenOptions, blueGreenStrategy } from '../../../host/src/strategies/blue-green';
import { TwoVersions } from './two-versions';

interface Behaviour {
  readonly failsEvery?: number;
  readonly slowEvery?: number;
}

/** Each ten milliseconds a call, at 1 ms, or 100 ms where it is slow. */
function calls(traffic: TwoVersions, old: Behaviour, fresh: Behaviour): { swapped: boolean } {
  const state = { swapped: false };
  let count = 0;
  traffic.onWait = (ms) => {
    const { failsEvery = 0, slowEvery = 0 } = state.swapped ? fresh : old;
    for (let call = 0; call < ms / 10; call++) {
      count++;
      const fails = failsEvery > 0 && count % failsEvery === 0;
      const slow = slowEvery > 0 && count % slowEvery === 0;
      const side = state.swapped ? traffic.new : traffic.old;
      side.answer(fails ? status.INTERNAL : status.OK, slow ? 100 : 1);
    }
  };
  return state;
}

async function run(
  old: Behaviour,
  fresh: Behaviour,
  options: BlueGreenOptions = {},
  bakeMs?: number,
): Promise<TwoVersions> {
  const traffic = new TwoVersions(1);
  const state = calls(traffic, old, fresh);
  const strategy = blueGreenStrategy(options, { now: () => traffic.now, bakeMs });
  await strategy.run(traffic);
  expect(traffic.percent).toBe(0);
  state.swapped = true;
  await strategy.bake?.(traffic);
  return traffic;
}

test('one that does as is usual bakes for its time', async () => {
  const { now, told } = await run({ failsEvery: 50, slowEvery: 40 }, { failsEvery: 50, slowEvery: 40 });
  expect(now).toBe(70_000);
  expect(told.at(0)).toMatchObject({ percentNew: 0 });
  expect(told.at(-1)).toMatchObject({ percentNew: 100 });
});

test('it bakes for as long as its operation says, or its own options, where both do', async () => {
  expect((await run({}, {}, {}, 5_000)).now).toBe(15_000);
  expect((await run({}, {}, { bakeMs: 2_000 }, 5_000)).now).toBe(12_000);
});

test.each<[string, Behaviour, Behaviour]>([
  ['fails calls', {}, { failsEvery: 10 }],
  ['fails more calls than is usual', { failsEvery: 50 }, { failsEvery: 5 }],
  ['is slower than is usual', {}, { slowEvery: 10 }],
])('one that %s is refused', async (_, old, fresh) => {
  await expect(run(old, fresh)).rejects.toMatchObject({ code: 'BAKE_FAILED', facts: { version: '2.0.0' } });
});

test('what the old one was never asked before is judged by absolute values alone', async () => {
  const rule = { metrics: [{ metric: 'errors', against: 'absolute', threshold: 0.02 } as const] };
  await expect(run({}, { failsEvery: 10 }, { baselineMs: 0, rule })).rejects.toMatchObject({
    code: 'BAKE_FAILED',
  });
  await run({}, { slowEvery: 2 }, { baselineMs: 0 });
});

test.each<[BlueGreenOptions, string]>([
  [{ bakeMs: -1 }, 'blueGreen.bakeMs'],
  [{ baselineMs: Number.POSITIVE_INFINITY }, 'blueGreen.baselineMs'],
  [{ rule: { alpha: 2 } }, 'blueGreen.rule.alpha'],
])('%j is refused', (options, option) => {
  expect(() => blueGreenStrategy(options)).toThrow(
    expect.objectContaining({ code: 'OPTIONS_INVALID', facts: { option } }),
  );
});
