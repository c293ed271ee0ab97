import { checkedDependsOn } from '../../../host/src/instance/dependency-options';
import { type HealthOptions, resolveHealth } from '../../../host/src/instance/health-options';
import { type LimitOptions, resolveLimits } from '../../../host/src/instance/limit-options';
import { type RestartOptions, resolveRestart } from '../../../host/src/instance/restart-options';

const invalid = (option: string) => expect.objectContaining({ code: 'OPTIONS_INVALID', facts: { option } });

describe('restart options', () => {
  test('a plugin without them is restarted, with a budget, and its calls are held', () => {
    expect(resolveRestart()).toEqual({
      policy: 'always',
      backoff: { initialMs: 100, maxMs: 30_000 },
      budget: { crashes: 10, withinMs: 300_000 },
      stableAfterMs: 60_000,
      hold: { limitMs: 2_000, maxCalls: 1_000 },
      strategy: 'one-for-one',
    });
  });

  test('what is given stays, and the rest of its group is filled in', () => {
    const options: RestartOptions = { policy: 'never', budget: { crashes: 0 }, hold: { limitMs: 50 } };
    const before = structuredClone(options);
    expect(resolveRestart(options)).toMatchObject({
      policy: 'never',
      budget: { crashes: 0, withinMs: 300_000 },
      hold: { limitMs: 50, maxCalls: 1_000 },
    });
    expect(options).toEqual(before);
  });

  test('without hold, calls are not held', () => {
    expect(resolveRestart({ hold: false }).hold).toBeUndefined();
  });

  test('a small maximum lowers the default of the first wait', () => {
    expect(resolveRestart({ backoff: { maxMs: 20 } }).backoff).toEqual({ initialMs: 20, maxMs: 20 });
  });

  test.each<[string, unknown]>([
    ['restart', 'always'],
    ['restart.policy', { policy: 'sometimes' }],
    ['restart.backoff', { backoff: 5 }],
    ['restart.backoff.initialMs', { backoff: { initialMs: -1 } }],
    ['restart.backoff.initialMs', { backoff: { initialMs: 11, maxMs: 10 } }],
    ['restart.backoff.maxMs', { backoff: { maxMs: 2 ** 31 } }],
    ['restart.budget', { budget: [] }],
    ['restart.budget.crashes', { budget: { crashes: 1.5 } }],
    ['restart.budget.withinMs', { budget: { withinMs: 0 } }],
    ['restart.stableAfterMs', { stableAfterMs: Number.NaN }],
    ['restart.hold', { hold: true }],
    ['restart.hold.limitMs', { hold: { limitMs: -1 } }],
    ['restart.hold.maxCalls', { hold: { maxCalls: '10' } }],
    ['restart.strategy', { strategy: 'one-for-all' }],
  ])('%s is refused by name', (option, given) => {
    expect(() => resolveRestart(given as RestartOptions)).toThrow(invalid(option));
  });
});

describe('health options', () => {
  test('they can be switched off', () => {
    expect(resolveHealth(false)).toBeUndefined();
  });

  test('they have defaults', () => {
    expect(resolveHealth()).toEqual({
      intervalMs: 5_000,
      idleIntervalMs: 60_000,
      timeoutMs: 2_000,
      failures: 3,
    });
  });

  test('a plugin at rest is never asked more often than one at work', () => {
    expect(resolveHealth({ intervalMs: 70_000 })).toMatchObject({ idleIntervalMs: 70_000 });
  });

  test.each<[string, unknown]>([
    ['health', true],
    ['health.intervalMs', { intervalMs: 1 }],
    ['health.idleIntervalMs', { idleIntervalMs: 4_999 }],
    ['health.timeoutMs', { timeoutMs: 0 }],
    ['health.failures', { failures: 0 }],
  ])('%s is refused by name', (option, given) => {
    expect(() => resolveHealth(given as HealthOptions)).toThrow(invalid(option));
  });
});

describe('limit options', () => {
  test('without a limit nothing is watched', () => {
    expect(resolveLimits()).toBeUndefined();
    expect(resolveLimits({ checkEveryMs: 50 })).toBeUndefined();
  });

  test('one limit is enough', () => {
    expect(resolveLimits({ memoryBytes: 1e9 })).toMatchObject({
      memoryBytes: 1e9,
      descriptors: undefined,
      checkEveryMs: 10_000,
      readings: 3,
    });
  });

  test.each<[string, unknown]>([
    ['limits', null],
    ['limits.memoryBytes', { memoryBytes: '1 GB' }],
    ['limits.descriptors', { descriptors: 0 }],
    ['limits.cpuShare', { cpuShare: -1 }],
    ['limits.ageMs', { ageMs: Number.POSITIVE_INFINITY }],
    ['limits.checkEveryMs', { checkEveryMs: 0 }],
    ['limits.readings', { readings: 0 }],
  ])('%s is refused by name', (option, given) => {
    expect(() => resolveLimits(given as LimitOptions)).toThrow(invalid(option));
  });
});

describe('dependsOn', () => {
  test('names are kept in a list of our own', () => {
    const given = ['b', 'c'];
    const kept = checkedDependsOn('a', given);
    expect(kept).toEqual(['b', 'c']);
    expect(kept).not.toBe(given);
    expect(checkedDependsOn('a')).toEqual([]);
  });

  test.each([[['a']], [['b', 'b']], [['']], ['b'], [[1]]])('%j is refused', (given) => {
    expect(() => checkedDependsOn('a', given as string[])).toThrow(invalid('dependsOn'));
  });
});
