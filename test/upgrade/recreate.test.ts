import type { LoadOptions, UpgradeReport } from '@plugd/host';
import { CounterDefinition } from '@plugd/protocol/gen/samples/counter/v1/counter';
import { roomsWith } from '../support/at-once';
import { failureOf, killNow, reaches, servingPid } from '../support/host-room';
import { checkLinearizable } from '../support/linearizability';
import { poll } from '../support/poll';
import { Callers, Handed } from './handed';
import type { HandedOrder } from './handed-plugin';

// What can't run twice at a time is ended before its next version is started, and callers only wait.

// What has a limit of its own asserts it; this one is only for tests that hang.
jest.setTimeout(120_000);

const { atOnce, room, plugins: handed } = roomsWith(() => new Handed());

const full = process.env['PLUGD_FULL'] === '1';
const times = full ? 10 : 1;
const patience: Partial<LoadOptions> = {
  drainTimeoutMs: 2000,
  stopTimeoutMs: 300,
  // A start on a busy machine may take longer than calls wait by default.
  restart: { hold: { limitMs: 15_000 } },
};
const single = { single: true } as const;
const at = (version: string, over: HandedOrder = {}) =>
  handed().options(room(), { version, schema: 2, ...single, ...over });

/** The most processes of the plugin that there were at a time, until it is asked. */
function watchProcesses(): () => number {
  let most = 0;
  const timer = setInterval(() => {
    most = Math.max(most, room().processes().length);
  }, 20);
  return () => {
    clearInterval(timer);
    return most;
  };
}

atOnce.each([
  ['with state', {}],
  ['without state', { keepsNothing: true }],
])('calls of one that can’t run twice wait while it is recreated, %s', async (_what, order) => {
  const plugin = await handed().load(room(), { ...single, ...order }, patience);
  const callers = new Callers(plugin);
  await callers.more();
  const processes = watchProcesses();
  const reports: UpgradeReport[] = [];
  for (let i = 0; i < times; i++) {
    reports.push(await plugin.upgrade(at(`${i + 2}.0.0`, order)));
    if ('keepsNothing' in order) callers.turnThePage();
    await callers.more();
  }
  expect(processes()).toBe(1);
  const { entries, errors } = await callers.end();
  expect(errors).toEqual([]);
  for (const { strategy, outcome, calls } of reports) {
    expect({ strategy, outcome, cut: calls.cut, failed: calls.failed }).toEqual({
      strategy: 'recreate',
      outcome: 'swapped',
      cut: 0,
      failed: 0,
    });
    expect(calls.held).toBeGreaterThan(0);
  }
  if ('keepsNothing' in order) return;
  expect(await checkLinearizable(entries)).toMatchObject({ linearizable: true, unknown: 0 });
});

type Misdeeds = Parameters<Handed['tell']>[0];
const failures: [string, HandedOrder, Misdeeds, string, string][] = [
  ['does not start', { start: 'exit' }, {}, 'EXITED_BEFORE_HANDSHAKE', 'start'],
  ['does not take over the state', {}, { '2.0.0': { restore: 'error' } }, 'HANDOFF_FAILED', 'restore'],
  ['has another state', {}, { '2.0.0': { restore: 'spoil' } }, 'STATE_DIFFERS', 'check'],
  ['leaves when it is to begin', {}, { '2.0.0': { activate: 'exit' } }, 'HANDOFF_FAILED', 'activate'],
];

atOnce.each(failures.filter((_, i) => full || i % 3 === 0))(
  'where the new one %s, the old one is started again with its state',
  async (_what, next, misdeeds, code, step) => {
    const plugin = await handed().load(room(), single, patience);
    const before = servingPid(plugin);
    const callers = new Callers(plugin);
    await callers.more();
    handed().tell(misdeeds);
    const processes = watchProcesses();
    expect(await failureOf(plugin.upgrade(at('2.0.0', next)))).toMatchObject({ code, facts: { step } });
    expect(processes()).toBe(1);
    await callers.more();
    expect(plugin.status().version).toBe('1.0.0');
    expect(servingPid(plugin)).not.toBe(before);
    handed().tell({});
    expect(await plugin.upgrade(at('3.0.0'))).toMatchObject({ strategy: 'recreate', outcome: 'swapped' });
    await callers.more();
    const { entries, errors } = await callers.end();
    expect(errors).toEqual([]);
    expect(await checkLinearizable(entries)).toMatchObject({ linearizable: true, unknown: 0 });
  },
);

atOnce('an old one that does not stop is ended, and the new one has its state', async () => {
  const plugin = await handed().load(room(), single, patience);
  const before = servingPid(plugin);
  const callers = new Callers(plugin);
  await callers.more();
  const upgrade = plugin.upgrade(at('2.0.0'));
  await reaches(upgrade, 'stop');
  process.kill(before, 'SIGSTOP');
  expect(await upgrade).toMatchObject({ strategy: 'recreate', outcome: 'swapped' });
  await callers.more();
  expect(room().processes()).toEqual([servingPid(plugin)]);
  const { entries, errors } = await callers.end();
  expect(errors).toEqual([]);
  expect(await checkLinearizable(entries)).toMatchObject({ linearizable: true, unknown: 0 });
});

atOnce(
  'neither starts: calls fail with a code, and a good version takes over the state that was kept',
  async () => {
    const plugin = await handed().load(room(), single, patience);
    const callers = new Callers(plugin);
    await callers.more();
    handed().tell({ '1.0.0': { restore: 'error' }, '2.0.0': { restore: 'error' } });
    const failure = await failureOf(plugin.upgrade(at('2.0.0')));
    expect(failure).toMatchObject({ code: 'HANDOFF_FAILED', facts: { step: 'restore', outcome: 'down' } });
    expect(plugin.status().state).toBe('failed');
    await poll(
      () => callers.ledger.errors.length,
      (errors) => errors > 0,
    );
    expect(room().processes()).toEqual([]);
    handed().tell({});
    expect(await plugin.upgrade(at('3.0.0'))).toMatchObject({ outcome: 'swapped' });
    await callers.more();
    const { entries, errors } = await callers.end();
    expect(errors.length).toBeGreaterThan(0);
    // Each was told that it has not been executed.
    expect(await checkLinearizable(entries)).toMatchObject({ linearizable: true, unknown: 0 });
  },
);

atOnce('of one that is lost, what was kept of its state is taken over', async () => {
  const never = { ...patience, restart: { ...patience.restart, policy: 'never' } } as const;
  const plugin = await handed().load(room(), single, never);
  const counter = plugin.client(CounterDefinition);
  await counter.put({ key: 'a', value: 5, helper: 0 });
  await plugin.upgrade(at('2.0.0'));
  await killNow(servingPid(plugin));
  await poll(
    () => plugin.status().state,
    (state) => state === 'failed',
  );
  expect(await plugin.upgrade(at('3.0.0'))).toMatchObject({ strategy: 'recreate', outcome: 'swapped' });
  expect(await counter.get({ key: 'a' })).toMatchObject({ value: 5, servedBy: '3.0.0' });
});

atOnce(
  'one that is upgraded as it crashes hands nothing on, and loses nothing that was counted after',
  async () => {
    const plugin = await handed().load(room(), {}, patience);
    const counter = plugin.client(CounterDefinition);
    await counter.put({ key: 'a', value: 5, helper: 0 });
    await plugin.restart();
    await killNow(servingPid(plugin));
    await poll(
      () => plugin.status().state,
      (state) => state !== 'serving',
    );
    const callers = new Callers(plugin);
    const report = await plugin.upgrade(handed().options(room(), { version: '2.0.0' }));
    expect(['recreate', 'handoff']).toContain(report.strategy);
    await callers.more();
    expect(await counter.get({ key: 'a' })).toMatchObject({ value: 5, servedBy: '2.0.0' });
    const { entries, errors } = await callers.end();
    expect(errors).toEqual([]);
    expect(await checkLinearizable(entries)).toMatchObject({ linearizable: true, unknown: 0 });
  },
);

atOnce.each<[string, HandedOrder]>([
  ['can’t run twice', { keepsNothing: true, single: true }],
  ['holds what only one can have', { resources: { port: 'exclusive' } }],
])('one that hangs and %s is gone before another one is started', async (_what, order) => {
  const health = { intervalMs: 50, idleIntervalMs: 50, timeoutMs: 300, failures: 2 };
  const plugin = await handed().load(room(), order, { ...patience, health });
  const pid = servingPid(plugin);
  const counter = plugin.client(CounterDefinition);
  await counter.put({ key: 'a', value: 5, helper: 0 });
  const processes = watchProcesses();
  process.kill(pid, 'SIGSTOP');
  expect(await counter.get({ key: 'b' }, { timeoutMs: 20_000 })).toMatchObject({ found: false });
  expect(servingPid(plugin)).not.toBe(pid);
  expect(processes()).toBe(1);
});

atOnce('given up before the old one was told to leave, it goes on as it was, and calls with it', async () => {
  const plugin = await handed().load(room(), { ...single, keepsNothing: true }, patience);
  const pid = servingPid(plugin);
  const handle = plugin.upgrade(at('2.0.0', { keepsNothing: true }));
  for await (const { step, phase } of handle) {
    if (step === 'hold' && phase === 'started') expect(handle.abort()).toBe(true);
  }
  expect((await failureOf(handle)).code).toBe('ABORTED');
  expect(servingPid(plugin)).toBe(pid);
  await plugin.client(CounterDefinition).get({ key: 'a' });
});
