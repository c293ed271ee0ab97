import { type LimitOptions, resolveLimits } from '../../../host/src/instance/limit-options';
import { LimitMonitor } from '../../../host/src/supervision/limit-monitor';
import { ManualClock } from './manual-clock';

function monitored(options: LimitOptions, read: () => Promise<{ descriptors: number } | undefined>) {
  const spec = resolveLimits({ checkEveryMs: 100, ...options });
  if (!spec) throw new Error('nothing is limited');
  const clock = new ManualClock();
  const told: string[] = [];
  let readings = 0;
  const monitor = new LimitMonitor({
    spec,
    clock,
    startedAt: clock.now(),
    read: async () => {
      readings++;
      const usage = await read();
      return usage && { memoryBytes: undefined, cpuMs: undefined, ...usage };
    },
    onExceeded: ({ limit, used }) => told.push(`${limit} ${used}`),
  });
  return { clock, told, monitor, readings: () => readings };
}

describe('a process that uses too much', () => {
  test('is told of after so many readings in a row, and again after as many for as long as it does', async () => {
    let descriptors = 5;
    const { clock, told } = monitored({ descriptors: 10, readings: 3 }, async () => ({ descriptors }));
    await clock.run(1_000);
    expect(told).toEqual([]);
    descriptors = 11;
    await clock.run(200);
    expect(told).toEqual([]);
    await clock.run(100);
    expect(told).toEqual(['descriptors 11']);
    descriptors = 12;
    await clock.run(300);
    expect(told).toEqual(['descriptors 11', 'descriptors 12']);
    descriptors = 5;
    await clock.run(1_000);
    expect(told).toHaveLength(2);
  });

  test('is not told of by what nobody can read', async () => {
    let fails = false;
    const { clock, told, readings } = monitored({ descriptors: 10 }, async () => {
      if (fails) throw new Error('no such process');
      return undefined;
    });
    await clock.run(500);
    fails = true;
    await clock.run(500);
    expect([told, readings()]).toEqual([[], 10]);
  });

  test('is told of by its age, whether or not anything can be read', async () => {
    const { clock, told } = monitored({ ageMs: 1_000 }, async () => undefined);
    // Up to a tenth earlier.
    await clock.run(800);
    expect(told).toEqual([]);
    await clock.run(300);
    expect(told.length).toBeGreaterThan(0);
  });
});

test('a monitor that is stopped reads and tells nothing, also of what it was just reading', async () => {
  let answer: (usage: { descriptors: number }) => void = () => {};
  const { clock, told, monitor, readings } = monitored(
    { descriptors: 10, readings: 1 },
    () =>
      new Promise((resolve) => {
        answer = resolve;
      }),
  );
  await clock.run(100);
  expect(readings()).toBe(1);
  // One reading at a time, however long it takes.
  await clock.run(1_000);
  expect(readings()).toBe(1);
  monitor.stop();
  answer({ descriptors: 100 });
  await clock.run(1_000);
  expect([told, readings(), clock.pending]).toEqual([[], 1, 0]);
});
