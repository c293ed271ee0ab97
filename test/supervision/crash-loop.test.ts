import { status } from '@grpc/grpc-js';
import type { HostEvent, Plugin } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { roomsWith } from '../support/at-once';
import { failureOf, servingPid } from '../support/host-room';
import { poll } from '../support/poll';
import { Logbook } from './logbook';
import { counted } from './often-crashing';

// A plugin that crashes more often than its budget bears.

jest.setTimeout(60_000);

const { atOnce, room, plugins: logbook } = roomsWith(() => new Logbook());

const restart = {
  backoff: { initialMs: 0, maxMs: 0 },
  budget: { crashes: 2, withinMs: 600_000 },
  hold: { limitMs: 30_000 },
} as const;

const put = (plugin: Plugin, key: string) =>
  plugin.client(KvDefinition).put({ key, value: Buffer.from('v') });
const comesTo = (plugin: Plugin, wanted: string) =>
  poll(
    () => plugin.status().state,
    (state) => state === wanted,
  );

/** Brings it down for good: by the third crash, each of which has a reason in its last words. */
async function givenUp(): Promise<{ plugin: Plugin; error: unknown }> {
  const plugin = await logbook().load(room(), { restart });
  const error = await put(plugin, 'poison').then(
    () => new Error('it was answered'),
    (reason: unknown) => reason,
  );
  await comesTo(plugin, 'failed');
  return { plugin, error };
}

const given = (events: readonly HostEvent[]) =>
  events.flatMap((event) => (event.type === 'restart' ? [event] : []));

atOnce('it is given up, with a code, and its last words are in event and log', async () => {
  const { plugin, error } = await givenUp();
  expect(error).toMatchObject({ code: status.UNAVAILABLE, pluginCode: 'INSTANCE_LOST', executed: 'maybe' });
  // Callers hear why it is away, but not what it printed.
  const refused = await put(plugin, 'k').then(String, String);
  expect(refused).toContain('3 times within 600 s');
  expect(refused).not.toContain('digest');
  expect(logbook().pidsOf('poison')).toHaveLength(3);

  const restarts = given(room().events);
  expect(restarts.map(({ phase }) => phase)).toEqual(['scheduled', 'done', 'scheduled', 'done', 'given-up']);
  expect(restarts.at(-1)?.cause).toMatchObject({ reason: 'crash', code: 'CRASH_LOOP' });
  const message = restarts.at(-1)?.cause.message ?? '';
  for (const part of ['3 times within 600 s', 'signal SIGKILL', "can't digest poison"]) {
    expect(message).toContain(part);
  }
  expect(
    room()
      .events.filter((event) => event.type === 'plugin')
      .at(-1),
  ).toMatchObject({
    to: 'failed',
    cause: { reason: 'crash', code: 'CRASH_LOOP', message },
  });

  // Each crash is logged once, with what the process said last.
  await poll(
    () => room().log.records.filter(({ level, fields }) => level === 'error' && 'pid' in fields),
    (records) => records.length === 3,
  );
  const crashes = room().log.records.filter(({ level, fields }) => level === 'error' && 'pid' in fields);
  expect(crashes.map(({ fields }) => fields['pid'])).toEqual(logbook().pidsOf('poison'));
  for (const { fields } of crashes) {
    expect(fields).toMatchObject({ plugin: 'kv', signal: 'SIGKILL' });
    expect(JSON.stringify(fields)).toContain("can't digest poison");
  }
  expect(counted(room()).restarts).toMatchObject({ lost: { crash: 3 }, restarts: 2, givenUp: 1 });
  expect(plugin.status()).toMatchObject({ state: 'failed', instances: [] });
  await poll(
    () => ({ files: room().files(), processes: room().processes() }),
    ({ files, processes }) => files.length === 0 && processes.length === 0,
  );
});

atOnce.each([
  ['restart', (plugin: Plugin) => plugin.restart()],
  ['upgrade', (plugin: Plugin) => plugin.upgrade({ args: ['again'] })],
])('%s by hand brings it back, with all of its chances', async (_, bringBack) => {
  const { plugin } = await givenUp();
  expect(await bringBack(plugin)).toMatchObject({ outcome: 'swapped', to: { generation: 2 } });
  expect(plugin.status()).toMatchObject({ state: 'serving', generation: 2 });
  // Two more crashes are borne, as after a first start.
  for (let crash = 1; crash <= 2; crash++) {
    const pid = servingPid(plugin);
    process.kill(pid, 'SIGKILL');
    await poll(
      () => plugin.status(),
      ({ state, instances }) => state === 'serving' && instances[0] !== undefined && instances[0].pid !== pid,
    );
    expect(await put(plugin, 'k')).toMatchObject({ pid: servingPid(plugin) });
  }
  process.kill(servingPid(plugin), 'SIGKILL');
  await comesTo(plugin, 'failed');
  expect(counted(room()).restarts).toMatchObject({ lost: { crash: 6 }, restarts: 4, givenUp: 2 });
});

atOnce(
  'one that crashes in each start is given up, and the operation by hand says why it fails',
  async () => {
    const plugin = await logbook().load(room(), { restart, startTimeoutMs: 2_000 });
    // It does not come up any more.
    logbook().shutGate();
    process.kill(servingPid(plugin), 'SIGKILL');
    await comesTo(plugin, 'failed');
    const phases = given(room().events).map(({ phase }) => phase);
    expect(phases).toEqual(['scheduled', 'failed', 'scheduled', 'failed', 'given-up']);
    expect(given(room().events).at(-1)?.cause.code).toBe('CRASH_LOOP');
    expect((await failureOf(plugin.restart())).facts).toMatchObject({ step: 'start' });
    expect(plugin.status().state).toBe('failed');
    logbook().openGate();
    await plugin.restart();
    await put(plugin, 'k');
  },
);

const policies: ['never' | 'on-failure', NodeJS.Signals][] = [
  ['never', 'SIGKILL'],
  ['on-failure', 'SIGTERM'],
];
// What else a policy says is tried in restart-policy.test.ts.
atOnce.each(process.env['PLUGD_FULL'] === '1' ? policies : policies.slice(0, 1))(
  'with the policy %s a process that ends by %s is not replaced',
  async (policy, signal) => {
    const plugin = await logbook().load(room(), { restart: { ...restart, policy } });
    process.kill(servingPid(plugin), signal);
    await comesTo(plugin, 'failed');
    await expect(put(plugin, 'k')).rejects.toMatchObject({ pluginCode: 'PLUGIN_EXITED', executed: 'no' });
    expect(given(room().events).map(({ phase }) => phase)).toEqual(['given-up']);
    await plugin.restart();
    await put(plugin, 'k');
  },
);
