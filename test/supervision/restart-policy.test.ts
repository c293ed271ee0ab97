import { status } from '@grpc/grpc-js';
import type { LoadOptions, Plugin } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { roomsWith } from '../support/at-once';
import { killNow, servingPid } from '../support/host-room';
import { poll } from '../support/poll';
import { Moody, tell } from './moody';

// What has a limit of its own asserts it; this one is only for tests that hang.
jest.setTimeout(60_000);

const full = process.env['PLUGD_FULL'] === '1';

const { atOnce, room, plugins: moody } = roomsWith(() => new Moody());

const ends = (plugin: Plugin) =>
  poll(
    () =>
      room()
        .events.filter((event) => event.type === 'restart')
        .map(({ phase }) => phase),
    (phases) => phases.includes('done') || phases.includes('given-up'),
  ).then((phases) => ({ phases, state: plugin.status().state }));

describe('a process that leaves by itself', () => {
  const back = { phases: ['scheduled', 'done'], state: 'serving' };
  const gone = { phases: ['given-up'], state: 'failed' };
  const rows: ['always' | 'on-failure' | 'never', string, typeof back][] = [
    ['always', 'exit:0', back],
    ['on-failure', 'exit:0', gone],
    ['on-failure', 'exit:3', back],
    ['never', 'exit:3', gone],
  ];
  const more: typeof rows = [
    ['always', 'exit:3', back],
    ['on-failure', 'signal:SIGKILL', back],
    ['never', 'exit:0', gone],
  ];
  atOnce.each(full ? [...rows, ...more] : rows)(
    'under the policy %s, by %s',
    async (policy, deed, outcome) => {
      const plugin = await moody().load(room(), { restart: { policy } });
      await tell(plugin, deed);
      expect(await ends(plugin)).toEqual(outcome);
      const call = plugin.client(KvDefinition).get({});
      if (outcome === back) {
        expect(await call).toMatchObject({ pid: servingPid(plugin) });
      } else {
        await expect(call).rejects.toMatchObject({
          code: status.UNAVAILABLE,
          pluginCode: 'PLUGIN_EXITED',
          executed: 'no',
        });
        // The same stubs serve again once somebody brings it back.
        await plugin.restart();
        await expect(plugin.client(KvDefinition).get({})).resolves.toMatchObject({ servedBy: '1.0.0' });
      }
    },
  );
});

async function crash(plugin: Plugin): Promise<void> {
  const pid = servingPid(plugin);
  await killNow(pid);
  await poll(
    () => ({ state: plugin.status().state, pid: plugin.status().instances[0]?.pid }),
    (seen) => seen.state === 'failed' || (seen.pid !== undefined && seen.pid !== pid),
  );
}

describe('a crash budget', () => {
  const restart = {
    budget: { crashes: 2, withinMs: 600_000 },
    backoff: { initialMs: 1, maxMs: 1 },
  } as const;

  atOnce('that is used up fails the plugin by name, and a manual restart gives it a fresh one', async () => {
    const plugin = await moody().load(room(), { restart });
    for (let round = 0; round < 2; round++) {
      await crash(plugin);
      await crash(plugin);
      expect(plugin.status().state).toBe('serving');
      await crash(plugin);
      expect(plugin.status()).toMatchObject({ state: 'failed', instances: [] });
      await expect(plugin.client(KvDefinition).get({})).rejects.toMatchObject({
        code: status.UNAVAILABLE,
        pluginCode: 'CRASH_LOOP',
        executed: 'no',
      });
      await plugin.restart();
      expect(await plugin.client(KvDefinition).get({})).toMatchObject({ servedBy: '1.0.0' });
    }
    const [seen] = room().host.snapshot().plugins;
    expect(seen?.statistics.restarts).toMatchObject({ lost: { crash: 6 }, restarts: 4, givenUp: 2 });
    const said = room().events.findLast((event) => event.type === 'plugin' && event.to === 'failed');
    expect(said?.cause).toMatchObject({ code: 'CRASH_LOOP' });
  });

  atOnce('is not used up by crashes of a plugin that was stable before each', async () => {
    const plugin = await moody().load(room(), { restart: { ...restart, stableAfterMs: 0 } });
    for (let i = 0; i < 3; i++) await crash(plugin);
    expect(plugin.status().state).toBe('serving');
  });

  atOnce('counts starts that fail', async () => {
    const plugin = await moody().load(room(), { restart, startTimeoutMs: 2_000 });
    moody().shutGate();
    process.kill(servingPid(plugin), 'SIGKILL');
    await poll(
      () => plugin.status().state,
      (state) => state === 'failed',
    );
    const [seen] = room().host.snapshot().plugins;
    expect(seen?.statistics.restarts).toMatchObject({ failedStarts: 2, restarts: 0, givenUp: 1 });
  });
});

describe('calls that come while it restarts', () => {
  async function away(hold: NonNullable<LoadOptions['restart']>['hold']): Promise<Plugin> {
    const plugin = await moody().load(room(), { restart: hold === undefined ? {} : { hold } });
    moody().shutGate();
    process.kill(servingPid(plugin), 'SIGKILL');
    await poll(
      () => plugin.status().state,
      (state) => state === 'restarting',
    );
    return plugin;
  }

  atOnce('wait, and are answered', async () => {
    const plugin = await away({ limitMs: 30_000 });
    const client = plugin.client(KvDefinition);
    const calls = [client.get({}), client.put({}), client.load([{ key: 'none' }])];
    await poll(
      () => room().host.snapshot().plugins[0]?.statistics.held.held,
      (held) => held === 3,
    );
    moody().openGate();
    const answers = await Promise.all(calls);
    expect(new Set(answers.map(({ pid }) => pid))).toEqual(new Set([servingPid(plugin)]));
  });

  atOnce('wait no longer than they may', async () => {
    const plugin = await away({ limitMs: 50 });
    await expect(plugin.client(KvDefinition).get({})).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      pluginCode: 'HELD_TOO_LONG',
      executed: 'no',
    });
  });

  atOnce('wait in no greater number than they may', async () => {
    const plugin = await away({ limitMs: 30_000, maxCalls: 2 });
    const client = plugin.client(KvDefinition);
    const waiting = [client.get({}), client.get({})];
    await expect(client.get({})).rejects.toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      pluginCode: 'HELD_TOO_MANY',
    });
    moody().openGate();
    await Promise.all(waiting);
  });

  atOnce('fail at once where they are not to wait', async () => {
    const plugin = await away(false);
    await expect(plugin.client(KvDefinition).get({})).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      pluginCode: 'PLUGIN_RESTARTING',
      executed: 'no',
    });
    moody().openGate();
    await poll(
      () => plugin.status().state,
      (state) => state === 'serving',
    );
    expect(await plugin.client(KvDefinition).get({})).toMatchObject({ pid: servingPid(plugin) });
  });

  atOnce('fail when the plugin is stopped meanwhile, and nothing of the start is left', async () => {
    const plugin = await away({ limitMs: 30_000 });
    const call = expect(plugin.client(KvDefinition).get({})).rejects.toMatchObject({
      pluginCode: 'ROUTE_CLOSED',
      executed: 'no',
    });
    await plugin.stop();
    await call;
    expect(room().processes()).toEqual([]);
    expect(room().files()).toEqual([]);
  });

  atOnce('go to another version that somebody brings up meanwhile', async () => {
    const plugin = await away({ limitMs: 30_000 });
    const call = plugin.client(KvDefinition).get({});
    moody().openGate();
    const report = await plugin.upgrade({
      version: '2.0.0',
      env: { ROOM_MARK: room().mark, MOODY_VERSION: '2.0.0' },
    });
    expect(report.outcome).toBe('swapped');
    expect((await call).servedBy).toMatch(/^[12]\.0\.0$/);
    expect(await plugin.client(KvDefinition).get({})).toMatchObject({ servedBy: '2.0.0' });
    expect(room().processes()).toEqual([servingPid(plugin)]);
  });
});
