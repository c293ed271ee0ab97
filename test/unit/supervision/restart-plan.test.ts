import { type RestartOptions, resolveRestart } from '../../../host/src/instance/restart-options';
import { type InstanceEnd, RestartPlan } from '../../../host/src/supervision/restart-plan';

const crash: InstanceEnd = { kind: 'exited', code: null, signal: 'SIGSEGV' };
const plan = (options: RestartOptions = {}) => new RestartPlan(resolveRestart(options), () => 0.5);

describe('whether an instance is started again', () => {
  test('the crash of a plugin that ran well is answered at once', () => {
    expect(plan().ended(crash, 1e6, 0)).toEqual({ action: 'restart', afterMs: 0 });
  });

  test('crashes in a row wait longer and longer, and end in giving up', () => {
    const loop = plan({ budget: { crashes: 3, withinMs: 60_000 } });
    const decisions = [0, 10, 20, 30].map((now) => loop.ended(crash, now, undefined));
    expect(decisions).toEqual([
      { action: 'restart', afterMs: 0 },
      { action: 'restart', afterMs: 50 },
      { action: 'restart', afterMs: 100 },
      { action: 'give-up', crashes: 4 },
    ]);
  });

  test('with the defaults a loop without end is given up, however slow its waits are', () => {
    const loop = new RestartPlan(resolveRestart(), () => 0.999_999);
    let now = 0;
    for (let tries = 0; tries < 50; tries += 1) {
      const decision = loop.ended(crash, now, undefined);
      if (decision.action !== 'restart') {
        expect(decision).toEqual({ action: 'give-up', crashes: 11 });
        return;
      }
      // A slow plugin, too: five seconds for each start.
      now += decision.afterMs + 5_000;
    }
    throw new Error('it would have gone on for ever');
  });

  test('a stable time brings back immediate restarts and the whole budget', () => {
    const steady = plan({ budget: { crashes: 2, withinMs: 300_000 }, stableAfterMs: 60_000 });
    let now = 0;
    for (let i = 0; i < 10; i += 1) {
      expect(steady.ended(crash, now + 60_000, now)).toEqual({ action: 'restart', afterMs: 0 });
      now += 60_000;
    }
  });

  test('a time just short of stable does not', () => {
    const shaky = plan({ budget: { crashes: 1, withinMs: 300_000 }, stableAfterMs: 60_000 });
    shaky.ended(crash, 0, undefined);
    expect(shaky.ended(crash, 59_999, 0).action).toBe('give-up');
  });

  test('what somebody asked for clears the past', () => {
    const cleared = plan({ budget: { crashes: 1, withinMs: 60_000 } });
    cleared.ended(crash, 0, undefined);
    cleared.ended(crash, 1, undefined);
    cleared.reset();
    expect(cleared.crashes(1)).toBe(0);
    expect(cleared.ended(crash, 2, undefined)).toEqual({ action: 'restart', afterMs: 0 });
  });

  const ends: Record<string, InstanceEnd> = {
    'exit 0': { kind: 'exited', code: 0, signal: null },
    'exit 1': { kind: 'exited', code: 1, signal: null },
    SIGTERM: { kind: 'exited', code: null, signal: 'SIGTERM' },
    SIGKILL: { kind: 'exited', code: null, signal: 'SIGKILL' },
    hang: { kind: 'unhealthy' },
    'failed start': { kind: 'start-failed' },
  };
  test.each([
    ['always', ['exit 0', 'exit 1', 'SIGTERM', 'SIGKILL', 'hang', 'failed start']],
    ['on-failure', ['exit 1', 'SIGKILL', 'hang', 'failed start']],
    ['never', []],
  ] as const)('policy %s', (policy, restarted) => {
    const wanted = Object.keys(ends).filter((name) => {
      const end = ends[name];
      return end !== undefined && plan({ policy }).ended(end, 0, undefined).action === 'restart';
    });
    expect(wanted).toEqual(restarted);
  });
});
