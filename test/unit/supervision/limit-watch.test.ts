import { type LimitOptions, resolveLimits } from '../../../host/src/instance/limit-options';
import { LimitWatch, type ResourceReading } from '../../../host/src/supervision/limit-watch';

const everySecond = 1_000;

/** One reading a second of what is given; says at which of them which limits were told of. */
function watched(
  options: LimitOptions,
  readings: readonly Partial<Omit<ResourceReading, 'at'>>[],
  random = () => 0,
): string[] {
  const spec = resolveLimits(options);
  if (!spec) throw new Error('nothing is limited');
  const watch = new LimitWatch(spec, 0, random);
  return readings.flatMap((reading, i) =>
    watch
      .record({
        at: (i + 1) * everySecond,
        memoryBytes: undefined,
        descriptors: undefined,
        cpuMs: undefined,
        ...reading,
      })
      .map(({ limit, allowed, used }) => `${i + 1}: ${limit} ${used} of ${allowed}`),
  );
}

const memory = (...values: (number | undefined)[]) => values.map((memoryBytes) => ({ memoryBytes }));
const cpu = (...values: (number | undefined)[]) => values.map((cpuMs) => ({ cpuMs }));

describe('what a process uses, against its limits', () => {
  test('so many readings in a row are told of, once', () => {
    expect(watched({ memoryBytes: 100 }, memory(101, 102, 103, 104, 105))).toEqual([
      '3: memoryBytes 103 of 100',
    ]);
  });

  test('a peak is no leak, and neither is what lies at the limit', () => {
    expect(watched({ memoryBytes: 100 }, memory(500, 500, 100, 500, 500, 100, 100, 100))).toEqual([]);
  });

  test('it is told again only after the use was well below the limit', () => {
    const swinging = memory(101, 101, 101, 95, 101, 101, 101, 89, 101, 101, 101);
    expect(watched({ memoryBytes: 100 }, swinging)).toEqual([
      '3: memoryBytes 101 of 100',
      '11: memoryBytes 101 of 100',
    ]);
  });

  test('a reading that is missing neither counts nor breaks the row', () => {
    expect(watched({ memoryBytes: 100 }, memory(101, undefined, 101, undefined, 101))).toEqual([
      '5: memoryBytes 101 of 100',
    ]);
  });

  test('processor time is a share of the time that went by', () => {
    expect(watched({ cpuShare: 1.5, readings: 2 }, cpu(0, 1_400, 3_000, 4_600))).toEqual([
      '4: cpuShare 1.6 of 1.5',
    ]);
  });

  test('the first reading and one that goes back say nothing of processor time', () => {
    expect(watched({ cpuShare: 0.1, readings: 1 }, cpu(1e9, undefined, 1e9, 5, 6))).toEqual([]);
  });

  test('descriptors are limited by number', () => {
    expect(watched({ descriptors: 10, readings: 1 }, [{ descriptors: 11 }])).toEqual([
      '1: descriptors 11 of 10',
    ]);
  });

  test('an age is reached by one reading, and up to a tenth earlier by dice', () => {
    const five = [{}, {}, {}, {}, {}];
    expect(watched({ ageMs: 4_100 }, five)).toEqual(['5: ageMs 5000 of 4100']);
    expect(watched({ ageMs: 4_100 }, five, () => 0.999)).toEqual(['4: ageMs 4000 of 4100']);
  });

  test('limits are told of side by side', () => {
    const all = [{ memoryBytes: 2, descriptors: 2 }];
    expect(watched({ memoryBytes: 1, descriptors: 1, readings: 1 }, all)).toHaveLength(2);
  });
});
