import fc from 'fast-check';
import { type MemoryOptions, resolveMemory } from '../../../host/src/instance/memory-options';
import { admitOverlap, type MemoryQuestion } from '../../../host/src/upgrade/memory-admission';
import { testProperty } from '../../support/property-test';

const question = (over: Partial<MemoryQuestion> = {}): MemoryQuestion => ({
  plugin: 'kv',
  oldBytes: 100,
  oldInstances: 1,
  newInstances: 1,
  expectedBytes: undefined,
  availableBytes: 1_000,
  reserveBytes: 50,
  budgets: [],
  ifShort: 'refuse',
  ...over,
});
const short = (facts: object) =>
  expect.objectContaining({ code: 'MEMORY_SHORT', facts: expect.objectContaining(facts) });
const budget = (of: string, limitBytes: number, usedBytes: number) => ({ of, limitBytes, usedBytes });

test('both fit where the machine has room for as much again as the old one has', () => {
  expect(admitOverlap(question())).toBe('beside');
  expect(admitOverlap(question({ availableBytes: 150 }))).toBe('beside');
});

test('one byte too few, and it is refused before anything starts', () => {
  expect(() => admitOverlap(question({ availableBytes: 149 }))).toThrow(
    short({ limit: 'machine', neededBytes: 100, roomBytes: 99, availableBytes: 149, reserveBytes: 50 }),
  );
});

test('or it becomes a recreate, as declared: what the old one has becomes free', () => {
  expect(admitOverlap(question({ availableBytes: 149, ifShort: 'recreate' }))).toBe('recreate');
  expect(admitOverlap(question({ availableBytes: 50, ifShort: 'recreate' }))).toBe('recreate');
});

test('what does not fit in the place of the old one either is refused in any case', () => {
  const large = question({ availableBytes: 50, expectedBytes: 101 });
  for (const ifShort of ['refuse', 'recreate'] as const) {
    expect(() => admitOverlap({ ...large, ifShort })).toThrow(
      expect.objectContaining({ code: 'MEMORY_SHORT', hint: expect.stringMatching(/not fit in the place/) }),
    );
  }
});

test.each([
  [[budget('host', 1_000, 901)], 'host'],
  [[budget('host', 1_000, 800), budget('plugin', 150, 100)], 'plugin'],
])('a budget is held as the machine is: %j', (budgets, limit) => {
  expect(() => admitOverlap(question({ budgets }))).toThrow(short({ limit }));
  expect(admitOverlap(question({ budgets, ifShort: 'recreate' }))).toBe('recreate');
});

test('what it is said to need counts more than what the old one has', () => {
  expect(admitOverlap(question({ availableBytes: 100, expectedBytes: 50 }))).toBe('beside');
  expect(() => admitOverlap(question({ availableBytes: 200, expectedBytes: 151 }))).toThrow(short({}));
});

test('a generation of several processes needs as often as much', () => {
  const three = question({ oldBytes: 200, oldInstances: 2, newInstances: 3, availableBytes: 349 });
  expect(() => admitOverlap(three)).toThrow(short({ neededBytes: 300, roomBytes: 299 }));
  expect(() => admitOverlap({ ...three, expectedBytes: 100 })).toThrow(short({ neededBytes: 300 }));
  expect(admitOverlap({ ...three, availableBytes: 350 })).toBe('beside');
});

test('nothing is refused for want of knowledge', () => {
  expect(admitOverlap(question({ oldBytes: undefined, oldInstances: 0, availableBytes: 0 }))).toBe('beside');
  expect(admitOverlap(question({ availableBytes: undefined }))).toBe('beside');
});

const bytes = fc.nat(1_000);
const maybe = fc.option(bytes, { nil: undefined });
testProperty(
  'whatever is let in stays within every limit, and whoever has more room is let in too',
  fc.property(
    fc.record({
      oldBytes: maybe,
      newInstances: fc.integer({ min: 1, max: 4 }),
      expectedBytes: maybe,
      availableBytes: maybe,
      reserveBytes: bytes,
      budgets: fc.array(fc.record({ of: fc.constant('host'), limitBytes: bytes, usedBytes: bytes }), {
        maxLength: 2,
      }),
      ifShort: fc.constantFrom('refuse' as const, 'recreate' as const),
    }),
    bytes,
    (over, more) => {
      const asked = question(over);
      const decide = (one: MemoryQuestion) => {
        try {
          return admitOverlap(one);
        } catch {
          return 'refused';
        }
      };
      const decision = decide(asked);
      const { oldBytes, newInstances, expectedBytes, availableBytes, reserveBytes, budgets, ifShort } = asked;
      const needed = (expectedBytes ?? oldBytes ?? 0) * newInstances;
      const freed = decision === 'recreate' ? (oldBytes ?? 0) : 0;
      if (decision !== 'refused') {
        if (availableBytes !== undefined && needed > 0 && (expectedBytes ?? oldBytes) !== undefined) {
          expect(needed).toBeLessThanOrEqual(availableBytes + freed - reserveBytes);
        }
        for (const { limitBytes, usedBytes } of budgets) {
          if (needed > 0) expect(usedBytes - freed + needed).toBeLessThanOrEqual(limitBytes);
        }
      }
      if (ifShort === 'refuse') expect(decision).not.toBe('recreate');
      const roomier: MemoryQuestion = {
        ...asked,
        availableBytes: availableBytes === undefined ? undefined : availableBytes + more,
        budgets: budgets.map((one) => ({ ...one, limitBytes: one.limitBytes + more })),
      };
      if (decision === 'beside') expect(decide(roomier)).toBe('beside');
      if (decision === 'recreate') expect(decide(roomier)).not.toBe('refused');
    },
  ),
);

test('the options have defaults, and what is wrong is named', () => {
  expect(resolveMemory()).toEqual({
    expectedBytes: undefined,
    budgetBytes: undefined,
    reserveBytes: 64 * 1024 * 1024,
    ifShort: 'refuse',
  });
  const wrong: [string, unknown][] = [
    ['memory', 64],
    ['memory.expectedBytes', { expectedBytes: 0 }],
    ['memory.budgetBytes', { budgetBytes: '1 GiB' }],
    ['memory.reserveBytes', { reserveBytes: -1 }],
    ['memory.ifShort', { ifShort: 'stop' }],
  ];
  for (const [option, given] of wrong) {
    expect(() => resolveMemory(given as MemoryOptions)).toThrow(
      expect.objectContaining({ code: 'OPTIONS_INVALID', facts: { option } }),
    );
  }
});
