import { status } from '@grpc/grpc-js';
import { type LoadOptions, type PinnedScope, type Plugin, PluginError } from '@plugd/host';
import {
  AddHelperDefinition,
  CounterDefinition,
  CounterSessionDefinition,
} from '@plugd/protocol/gen/samples/counter/v1/counter';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import { testsAtOnce } from '../support/at-once';
import { addHelper, CounterRoom, put, read } from '../support/counter-room';
import { failureOf, killNow, servingPid } from '../support/host-room';
import { describeWithGo, goIsHere } from '../support/needs-go';
import { counterGo, counterTs, type SampleVersion } from '../support/samples';
import { Gate } from '../upgrade/gate';

// What has a limit of its own asserts it; this one is only for tests that hang.
jest.setTimeout(60_000);

const full = process.env['PLUGD_FULL'] === '1';

const { atOnce, own: room } = testsAtOnce(() => CounterRoom.open());

type Sample = (version: SampleVersion) => string;

const modes: [string, Partial<LoadOptions>][] = [
  ['plain', { autoMtls: false }],
  ['AutoMTLS', { autoMtls: true }],
  ['plain, multiplexed', { autoMtls: false, multiplex: true }],
  ['AutoMTLS, multiplexed', { autoMtls: true, multiplex: true }],
];

/** The most that a mode can be: with it all is tried every day. */
const most = 'AutoMTLS, multiplexed';
/** With the least too, where the plugin is made with go-plugin; plugins of ours do the simplest there, and nothing in between. */
const extremes = ['plain', most];

describe.each(modes)('TS host, %s', (name, mode) => {
  const extreme = full || extremes.includes(name);
  if (extreme) describe('TS plugin', () => suite(counterTs, mode, full || !goIsHere || name === most));
  describeWithGo('Go plugin', () => suite(counterGo, mode, extreme));
});

function suite(sample: Sample, mode: Partial<LoadOptions>, whole: boolean): void {
  /** Scopes, each with a call back that has begun and has no end. */
  const stuck = async (plugin: Plugin, count: number) => {
    const signals: AbortSignal[] = [];
    const all = new Gate();
    const scopes = Array.from({ length: count }, (_, i) =>
      plugin
        .pinned((scope) =>
          put(scope, `stuck ${i}`, 1, {
            sum: (_request, { signal }) => {
              if (signals.push(signal) === count) all.open();
              return new Promise(() => {});
            },
          }),
        )
        .catch((error: unknown) => error),
    );
    await all.passed;
    return { scopes, signals };
  };

  atOnce('the plugin calls its host back, and the host calls what the plugin serves', async () => {
    const plugin = await room().load(sample('2'), { ...mode, version: '2.0.0' });
    const before = room().room.files();
    const pid = servingPid(plugin);
    await plugin.pinned(async (scope) => {
      expect(await put(scope, 'a', 40)).toMatchObject({ value: 40, pid, servedBy: '2.0.0' });
      expect(await put(scope, 'a', 2)).toMatchObject({ value: 42, pid });
      expect(await read(scope, 'a')).toMatchObject({ value: 42, pid, servedBy: '2.0.0' });
    });
    expect(await plugin.client(CounterDefinition).get({ key: 'a' })).toMatchObject({ value: 42 });
    await room().leaves(before);
  });

  if (!whole) return;

  atOnce('32 scopes do both at once, each with its own helper', async () => {
    const plugin = await room().load(sample('1'), mode);
    const before = room().room.files();
    const asked: number[] = [];
    await Promise.all(
      Array.from({ length: 32 }, (_, i) =>
        plugin.pinned(async (scope) => {
          const helper = {
            sum: async ({ a, b }: { a: number; b: number }) => {
              asked.push(b);
              // A helper that another's call reached would be told by its sum.
              return { r: a + b + 1000 * i };
            },
          };
          expect((await put(scope, `key ${i}`, i, helper)).value).toBe(1001 * i);
          expect((await read(scope, `key ${i}`)).value).toBe(1001 * i);
        }),
      ),
    );
    expect(asked.sort((a, b) => a - b)).toEqual(Array.from({ length: 32 }, (_, i) => i));
    await room().leaves(before);
    expect(await plugin.stop()).toBeUndefined();
  });

  atOnce('an error of the helper is what the caller of the plugin gets', async () => {
    const plugin = await room().load(sample('1'), mode);
    await plugin.pinned(async (scope) => {
      const error = Object.assign(new Error('größer than allowed'), { code: status.OUT_OF_RANGE });
      await expect(put(scope, 'k', 1, { sum: () => Promise.reject(error) })).rejects.toMatchObject({
        code: status.OUT_OF_RANGE,
        details: 'größer than allowed',
      });
      await expect(put(scope, 'k', 1, {})).rejects.toMatchObject({ code: status.UNIMPLEMENTED });
      expect((await put(scope, 'k', 1)).value).toBe(1);
    });
  });

  atOnce('a caller that gives up is heard by the helper, through the plugin', async () => {
    const plugin = await room().load(sample('1'), mode);
    await plugin.pinned(async (scope) => {
      const caller = new AbortController();
      const begun = new Gate();
      const heard = new Gate();
      const call = put(
        scope,
        'k',
        1,
        {
          sum: (_request, { signal }) => {
            signal.addEventListener('abort', () => heard.open(), { once: true });
            begun.open();
            return new Promise(() => {});
          },
        },
        caller.signal,
      ).catch((error: unknown) => error);
      await begun.passed;
      caller.abort();
      expect(await call).toMatchObject({ code: status.CANCELLED });
      await heard.passed;
      expect((await put(scope, 'k', 1)).value).toBe(1);
    });
  });

  atOnce('what a scope served and dialled ends with it', async () => {
    const plugin = await room().load(sample('1'), mode);
    const before = room().room.files();
    let kept: PinnedScope | undefined;
    let helper = 0;
    const session = await plugin.pinned(async (scope) => {
      kept = scope;
      helper = await scope.broker.serve(AddHelperDefinition, addHelper);
      const opened = await scope.client(CounterDefinition).open({});
      const dialled = createPromiseClient(CounterSessionDefinition, await scope.broker.dial(opened.session));
      expect((await dialled.read({ key: 'k' })).value).toBe(0);
      return dialled;
    });
    await expect(session.read({ key: 'k' })).rejects.toThrow();
    if (kept === undefined) throw new Error('the scope did not run');
    const { broker } = kept;
    expect(await failureOf(broker.serve(AddHelperDefinition, addHelper))).toMatchObject({
      code: 'BROKER_CLOSED',
    });
    expect(await failureOf(broker.dial(1))).toMatchObject({ code: 'BROKER_CLOSED' });
    await room().leaves(before);
    // The plugin has its id still, and finds nobody there.
    await expect(plugin.client(CounterDefinition).put({ key: 'k', value: 1, helper })).rejects.toMatchObject({
      code: status.UNAVAILABLE,
    });
  });

  atOnce('the plugin killed from outside ends all that was brokered, and nothing is left', async () => {
    const plugin = await room().load(sample('1'), { ...mode, restart: { policy: 'never' } });
    const { scopes, signals } = await stuck(plugin, 4);
    const dialled = new Gate();
    const idle = failureOf(
      plugin.pinned(async ({ broker, client }) => {
        await broker.dial((await client(CounterDefinition).open({})).session);
        dialled.open();
        await new Promise(() => {});
      }),
    );
    await dialled.passed;
    await killNow(servingPid(plugin));
    expect(await idle).toMatchObject({ code: 'PLUGIN_EXITED' });
    for (const end of await Promise.all(scopes)) {
      const code = end instanceof PluginError ? end.code : (end as { code: unknown }).code;
      expect(['PLUGIN_EXITED', status.UNAVAILABLE]).toContain(code);
    }
    await Promise.all(signals.map(fired));
    await room().leaves([]);
    expect(await plugin.restart()).toMatchObject({ outcome: 'swapped' });
    expect((await plugin.pinned((scope) => put(scope, 'k', 1))).value).toBe(1);
  });

  atOnce('the plugin leaves by itself when it is stopped with brokered calls open', async () => {
    const plugin = await room().load(sample('1'), { ...mode, drainTimeoutMs: 100, stopTimeoutMs: 20_000 });
    const { scopes, signals } = await stuck(plugin, 4);
    const begun = performance.now();
    await plugin.stop();
    // No signal was needed, which would have come only after the limit.
    expect(performance.now() - begun).toBeLessThan(20_000);
    for (const end of await Promise.all(scopes)) expect(end).toMatchObject({ code: 'DRAIN_TIMEOUT' });
    await Promise.all(signals.map(fired));
    expect(room().room.processes()).toEqual([]);
    expect(room().room.files()).toEqual([]);
  });
}

function fired(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
