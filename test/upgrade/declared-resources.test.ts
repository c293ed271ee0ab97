import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LifecycleDefinition } from '@plugd/protocol/gen/plugd/lifecycle/v1/lifecycle';
import { definePlugin } from '@plugd/sdk';
import { startPlugin, type TestPlugin } from '@plugd/sdk/testing';
import { PluginResources } from '../../host/src/resources/plugin-resources';

// The host's book of what plugins declare, and plugins of the SDK, which hear of it over gRPC.

jest.setTimeout(20_000);

let directory: string;
let said: string[];
let warnings: string[];
let care: PluginResources;
const running: TestPlugin[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'declared-'));
  said = [];
  warnings = [];
  care = new PluginResources('kv', { warn: (message) => warnings.push(message) });
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((plugin) => plugin.stop()));
  rmSync(directory, { recursive: true, force: true });
});

/** A version that has all kinds of them; what is exclusive is a file which another one can't make while it is there. */
async function generation(number: number, stubborn = false) {
  const lock = join(directory, 'lock');
  const take = (): void => {
    writeFileSync(lock, '', { flag: 'wx' });
    said.push(`${number} took the lock`);
  };
  const plugin = await startPlugin(
    definePlugin({
      name: 'holding',
      version: `${number}.0.0`,
      handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1] },
      resources: { config: 'shared', lock: 'exclusive', cache: 'per-generation', connections: 'leased' },
      setup(ctx) {
        ctx.onActivate(take);
        ctx.onResume(({ released }) => {
          if (released.includes('lock')) take();
        });
        ctx.onRelease((names) => {
          if (stubborn) throw new Error('it is in use');
          said.push(`${number} released ${names.join(', ')}`);
          if (names.includes('lock')) rmSync(lock);
        });
      },
    }),
    { standby: true },
  );
  running.push(plugin);
  const lifecycle = plugin.client(LifecycleDefinition);
  care.enter(number, await lifecycle.describe({}));
  return {
    lifecycle,
    release: async (names: readonly string[]): Promise<void> => {
      await lifecycle.release({ resources: [...names] }, { timeoutMs: 5_000 });
    },
    activate: async (): Promise<void> => {
      await lifecycle.activate({});
      care.take(number);
    },
  };
}

test('a handoff: the next one takes the lock after the old one let go of it, and what is shared is freed by the last', async () => {
  const first = await generation(1);
  await first.activate();
  const second = await generation(2);
  await expect(second.activate()).rejects.toThrow();
  const names = care.beforeNext(1, 2);
  await first.release(names);
  care.released(1, names);
  await second.activate();
  await care.switchedFrom(1, [first]);
  await care.leave(1, [first]);
  expect(care.gone(1)).toEqual([]);
  await care.leave(2, [second]);
  expect(care.gone(2)).toEqual([]);
  expect(said).toEqual([
    '1 took the lock',
    '1 released lock',
    '2 took the lock',
    '1 released cache',
    '1 released connections',
    '2 released config, lock, cache, connections',
  ]);
  expect([care.outstanding(), warnings, existsSync(join(directory, 'lock'))]).toEqual([[], [], false]);
});

test('a handoff that failed: the old one has its lock again', async () => {
  const first = await generation(1);
  await first.activate();
  await generation(2);
  await first.release(care.beforeNext(1, 2));
  care.released(1, ['lock']);
  care.gone(2);
  await first.lifecycle.resume({});
  care.take(1);
  expect(said).toEqual(['1 took the lock', '1 released lock', '1 took the lock']);
});

test('a plugin that does not let go is told of at its end, by the names of what it had', async () => {
  const only = await generation(1, true);
  await only.activate();
  await care.leave(1, [only]);
  expect(care.gone(1).map(({ name }) => name)).toEqual(['config', 'lock', 'cache', 'connections']);
  expect(warnings).toHaveLength(2);
});
