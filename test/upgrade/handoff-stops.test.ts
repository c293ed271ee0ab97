import type { LoadOptions, Plugin, PluginError } from '@plugd/host';
import { CounterDefinition } from '@plugd/protocol/gen/samples/counter/v1/counter';
import { type ChatResponse, KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';
import { roomsWith } from '../support/at-once';
import { failureOf, reaches, servingPid } from '../support/host-room';
import { checkLinearizable } from '../support/linearizability';
import { Gate } from './gate';
import { Callers, Handed } from './handed';

// What comes in between while state is handed over: a stop, another operation, deadlines, too many calls.

// What has a limit of its own asserts it; this one is only for tests that hang.
jest.setTimeout(60_000);

const full = process.env['PLUGD_FULL'] === '1';

const { atOnce, room, plugins: handed } = roomsWith(() => new Handed());

const resources = { port: 'exclusive' } as const;
const patience: Partial<LoadOptions> = { stopTimeoutMs: 500, restart: { hold: { limitMs: 8000 } } };
const version = (number: string) =>
  handed().options(room(), { version: `${number}.0.0`, schema: 2, resources });

/** Those before the swap, where an operation is given up; and those after it, where it comes to its end. */
const before = [
  'prepare',
  'start',
  'health',
  'contract',
  'hold',
  'quiesce',
  'pause',
  'snapshot',
  'release',
  'restore',
  'check',
];
const after = ['swap', 'activate', 'release-calls', 'bake', 'drain', 'stop'];
const everyday = ['start', 'pause', 'bake'];

atOnce.each([...before, ...after].filter((step) => full || everyday.includes(step)))(
  'a stop at %s ends both, and every call',
  async (step) => {
    const plugin = await handed().load(room(), { resources }, patience);
    const callers = new Callers(plugin);
    await callers.more();
    let stopped: Promise<void> | undefined;
    room().host.on('event', (event) => {
      if (event.type !== 'operation' || event.step !== step || event.phase !== 'started') return;
      stopped ??= plugin.stop();
    });
    const bakeMs = step === 'bake' ? 20_000 : 0;
    const outcome = await Promise.resolve(plugin.upgrade({ ...version('2'), bakeMs })).then(
      (report) => report.outcome,
      (error: PluginError) => error.code,
    );
    await stopped;
    if (before.slice(0, -1).includes(step)) expect(outcome).toBe('PLUGIN_STOPPED');
    else expect(['PLUGIN_STOPPED', 'swapped']).toContain(outcome);
    expect(plugin.status().state).toBe('stopped');
    expect(room().processes()).toEqual([]);
    const { entries, errors } = await callers.end();
    expect(errors.filter((error) => !(error instanceof RpcError && error.executed === 'no'))).toEqual([]);
    expect(await checkLinearizable(entries)).toMatchObject({ linearizable: true, unknown: 0 });
  },
);

atOnce(
  'two upgrades that are asked for at once come one after the other, and a third one is refused',
  async () => {
    const plugin = await handed().load(room(), { resources }, patience);
    const callers = new Callers(plugin);
    await callers.more();
    const [first, second] = [plugin.upgrade(version('2')), plugin.upgrade(version('3'))];
    expect((await failureOf(plugin.upgrade({ ...version('4'), ifBusy: 'fail' }))).code).toBe('BUSY');
    expect(await first).toMatchObject({ to: { version: '2.0.0' }, strategy: 'handoff' });
    expect(await second).toMatchObject({ from: { version: '2.0.0' }, to: { version: '3.0.0' } });
    await callers.more();
    const { entries, errors } = await callers.end();
    expect(errors).toEqual([]);
    expect(room().processes()).toEqual([servingPid(plugin)]);
    expect(await checkLinearizable(entries)).toMatchObject({ linearizable: true, unknown: 0 });
  },
);

atOnce('a held call fails at its own deadline, has not been executed, and the others go on', async () => {
  const plugin = await handed().load(room(), {}, patience);
  const counter = plugin.client(CounterDefinition);
  handed().tell({ '2.0.0': { restore: 'late:1000' } });
  const upgrade = plugin.upgrade(version('2'));
  await reaches(upgrade, 'restore');
  let served = false;
  const patient = counter.put({ key: 'a', value: 1, helper: 0 }).finally(() => {
    served = true;
  });
  const hasty = counter.put({ key: 'a', value: 1, helper: 0 }, { timeoutMs: 200 });
  await expect(hasty).rejects.toMatchObject({
    codeName: 'DEADLINE_EXCEEDED',
    pluginCode: 'HELD_TOO_LONG',
    executed: 'no',
  });
  expect(served).toBe(false);
  expect(await patient).toMatchObject({ value: 1, servedBy: '2.0.0' });
  expect(await upgrade).toMatchObject({ outcome: 'swapped' });
});

atOnce('more calls than may be held are refused with a code', async () => {
  const restart = { hold: { limitMs: 8000, maxCalls: 5 } };
  const plugin = await handed().load(room(), {}, { ...patience, restart });
  const counter = plugin.client(CounterDefinition);
  handed().tell({ '2.0.0': { restore: 'late:500' } });
  const upgrade = plugin.upgrade(version('2'));
  await reaches(upgrade, 'restore');
  const calls = await Promise.allSettled(
    Array.from({ length: 8 }, () => counter.put({ key: 'a', value: 1, helper: 0 })),
  );
  expect(calls.map(({ status }) => status).sort()).toEqual([
    ...Array(5).fill('fulfilled'),
    ...Array(3).fill('rejected'),
  ]);
  for (const call of calls) {
    if (call.status === 'rejected') {
      expect(call.reason).toMatchObject({ pluginCode: 'HELD_TOO_MANY', executed: 'no' });
    }
  }
  await upgrade;
  expect(await counter.get({ key: 'a' })).toMatchObject({ value: 5 });
});

atOnce('a call that changes nothing ends on the old one, while its state goes to the new one', async () => {
  const plugin = await handed().load(room(), {}, patience);
  const counter = plugin.client(CounterDefinition);
  await counter.put({ key: 'a', value: 3, helper: 0 });
  const slow = counter.get({ key: 'slow' });
  const report = await plugin.upgrade(version('2'));
  expect(await slow).toMatchObject({ servedBy: '1.0.0' });
  expect(report).toMatchObject({ strategy: 'handoff', calls: { drained: 1, cut: 0, failed: 0 } });
  expect(await counter.get({ key: 'a' })).toMatchObject({ value: 3, servedBy: '2.0.0' });
});

atOnce('a stream that changes the state is told to end, and all that it did is handed over', async () => {
  const plugin = await handed().load(room(), {}, patience);
  const stream = chat(plugin);
  await stream.begun;
  expect(await plugin.upgrade(version('2'))).toMatchObject({ strategy: 'handoff', outcome: 'swapped' });
  const [first, last] = await stream.answers;
  expect(first).toMatchObject({ servedBy: '1.0.0' });
  expect(await plugin.client(CounterDefinition).get({ key: 'chat' })).toMatchObject({
    value: last?.sequence,
    servedBy: '2.0.0',
  });
});

atOnce('where calls do not end, streams that begin afterwards go on', async () => {
  const plugin = await handed().load(room(), {}, { ...patience, restart: { hold: { limitMs: 2000 } } });
  const leaving = new AbortController();
  const stays = plugin
    .client(CounterDefinition)
    .put({ key: 'stay', value: 1, helper: 0 }, { signal: leaving.signal });
  stays.catch(() => {});
  const before = chat(plugin);
  await before.begun;
  const hasty = plugin.upgrade(version('2'));
  expect((await failureOf(hasty)).code).toBe('QUIESCE_TIMEOUT');
  await before.answers;
  const after = chat(plugin);
  await after.begun;
  const early = await Promise.race([after.answers, new Promise((next) => setTimeout(next, 300))]);
  expect(early).toBeUndefined();
  leaving.abort();
  expect(await plugin.upgrade(version('2'))).toMatchObject({ outcome: 'swapped' });
  expect(await after.answers).toHaveLength(2);
});

/** A stream that nobody on this side ends. */
function chat(plugin: Plugin): { readonly begun: Promise<void>; readonly answers: Promise<ChatResponse[]> } {
  const begun = new Gate();
  const collect = async (): Promise<ChatResponse[]> => {
    const answers: ChatResponse[] = [];
    const ended = new Gate();
    const requests = (async function* () {
      yield { sequence: 1, text: '' };
      await ended.passed;
    })();
    for await (const answer of plugin.client(KvDefinition).chat(requests)) {
      answers.push(answer);
      begun.open();
    }
    ended.open();
    return answers;
  };
  return { answers: collect(), begun: begun.passed };
}

atOnce('a call that leads back unseen is waited for no longer than calls are held', async () => {
  const plugin = await handed().load(room(), {}, { ...patience, restart: { hold: { limitMs: 1000 } } });
  const counter = plugin.client(CounterDefinition);
  const [asked, begun] = [new Gate(), new Gate()];
  // Begun in no lineage: as by way of a plugin that does not hand on what its calls descend from.
  const inner = asked.passed.then(() => counter.put({ key: 'a', value: 1, helper: 0 }));
  const scope = plugin.pinned(async () => {
    begun.open();
    return inner;
  });
  await begun.passed;
  const upgrade = plugin.upgrade(version('2'));
  await reaches(upgrade, 'quiesce');
  asked.open();
  expect((await failureOf(upgrade)).code).toBe('QUIESCE_TIMEOUT');
  expect(await scope).toMatchObject({ value: 1, servedBy: '1.0.0' });
  expect(await plugin.upgrade(version('2'))).toMatchObject({ outcome: 'swapped' });
  expect(await counter.get({ key: 'a' })).toMatchObject({ value: 1, servedBy: '2.0.0' });
});

atOnce('a version that the application refuses keeps the old one in its place', async () => {
  const plugin = await handed().load(room(), {}, patience);
  const pid = servingPid(plugin);
  const gate = new Gate();
  const refused = plugin.upgrade({
    ...version('2'),
    verify: async () => {
      gate.open();
      throw new Error('not this one');
    },
  });
  await gate.passed;
  expect(await failureOf(refused)).toMatchObject({ code: 'VERIFY_FAILED', facts: { step: 'verify' } });
  expect(servingPid(plugin)).toBe(pid);
  expect(room().processes()).toEqual([pid]);
});

atOnce('one that outgrows its memory hands its state to a process of the same version', async () => {
  const limits = { memoryBytes: 220 * 1024 * 1024, checkEveryMs: 50 };
  const plugin = await handed().load(room(), {}, { ...patience, limits });
  const pid = servingPid(plugin);
  const callers = new Callers(plugin);
  await callers.more();
  await plugin.client(CounterDefinition).put({ key: 'eat', value: 250, helper: 0 });
  const seen = new Promise<void>((resolve) => {
    room().host.on('event', (event) => {
      if (event.type === 'operation' && event.step === 'stop' && event.phase === 'done') resolve();
    });
  });
  await seen;
  await callers.more();
  expect(servingPid(plugin)).not.toBe(pid);
  expect(room().processes()).toEqual([servingPid(plugin)]);
  expect(await plugin.client(CounterDefinition).get({ key: 'eat' })).toMatchObject({ value: 250 });
  const { entries, errors } = await callers.end();
  expect(errors).toEqual([]);
  expect(await checkLinearizable(entries)).toMatchObject({ linearizable: true, unknown: 0 });
});
