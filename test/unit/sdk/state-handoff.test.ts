import { status } from '@grpc/grpc-js';
import { LifecycleDefinition } from '@plugd/protocol/gen/plugd/lifecycle/v1/lifecycle';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import {
  definePlugin,
  type Plugin,
  type PluginContext,
  type PluginDefinition,
  PluginError,
  type StateDefinition,
} from '@plugd/sdk';
import { handOver, startPlugin, type TestPlugin } from '@plugd/sdk/testing';
import { canonicalJson } from '../../../sdk/src/state/canonical-json';

interface Notes {
  [key: string]: string;
}
interface NotesV2 {
  notes: { key: string; text: string }[];
}

const common = { name: 'notes', handshake: { cookie: ['NOTES', 'hello'] as const, protocolVersions: [1] } };

function kvOn(get: (key: string) => string | undefined, put: (key: string, text: string) => void) {
  return {
    get: ({ key }: { key: string }) => {
      const text = get(key);
      return text === undefined ? { found: false } : { found: true, value: Buffer.from(text) };
    },
    put: ({ key, value }: { key: string; value: Buffer }) => {
      put(key, value.toString());
      return {};
    },
    async *watch() {},
    load: () => ({}),
    async *chat() {},
  };
}

const notesV1 = definePlugin({
  ...common,
  version: '1.0.0',
  state: {
    schema: 1,
    initial: (): Notes => ({}),
    migrate: {
      2: (newer: NotesV2) => Object.fromEntries(newer.notes.map(({ key, text }) => [key, text])),
    },
  },
  setup(ctx) {
    ctx.service(
      KvDefinition,
      kvOn(
        (key) => ctx.state.value[key],
        (key, text) => {
          ctx.state.value[key] = text;
        },
      ),
    );
  },
});

const notesV2 = definePlugin({
  ...common,
  version: '2.0.0',
  state: {
    schema: 2,
    initial: (): NotesV2 => ({ notes: [] }),
    migrate: {
      1: (older: Notes) => ({ notes: Object.entries(older).map(([key, text]) => ({ key, text })) }),
    },
  },
  setup(ctx) {
    ctx.service(
      KvDefinition,
      kvOn(
        (key) => ctx.state.value.notes.find((note) => note.key === key)?.text,
        (key, text) => ctx.state.value.notes.push({ key, text }),
      ),
    );
  },
});

const running: TestPlugin[] = [];
async function start(plugin: Plugin, options: { standby?: boolean } = {}): Promise<TestPlugin> {
  const started = await startPlugin(plugin, options);
  running.push(started);
  return started;
}
async function over(from: TestPlugin, to: Plugin): Promise<TestPlugin> {
  const next = await handOver(from, to);
  running.push(next);
  return next;
}
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()));
});

test('state goes to a newer schema and back', async () => {
  const first = await start(notesV1);
  await first.client(KvDefinition).put({ key: 'a', value: Buffer.from('one') });
  const second = await over(first, notesV2);
  const client = second.client(KvDefinition);
  expect((await client.get({ key: 'a' })).value?.toString()).toBe('one');
  await client.put({ key: 'b', value: Buffer.from('two') });
  const third = await over(second, notesV1);
  expect((await third.client(KvDefinition).get({ key: 'b' })).value?.toString()).toBe('two');
  expect((await third.client(KvDefinition).get({ key: 'a' })).value?.toString()).toBe('one');
});

/** A plugin whose state is whatever the test wants, and whose Put replaces it by its JSON. */
function keeper<State>(
  schema: number,
  part: Omit<StateDefinition<State>, 'schema'>,
  rest: Partial<PluginDefinition<State>> = {},
) {
  return definePlugin<State>({
    ...common,
    version: `${schema}.0.0`,
    state: { schema, ...part },
    setup(ctx) {
      ctx.service(
        KvDefinition,
        kvOn(
          () => JSON.stringify(ctx.state.value),
          (_key, text) => {
            ctx.state.value = JSON.parse(text);
          },
        ),
      );
    },
    ...rest,
  });
}

const stateOf = async (plugin: TestPlugin): Promise<unknown> =>
  JSON.parse((await plugin.client(KvDefinition).get({})).value?.toString() ?? '');

test('a state goes through each migration on the way, up and down', async () => {
  const trail = (schema: number, migrations: readonly number[]) =>
    keeper<string[]>(schema, {
      initial: () => [`made by ${schema}`],
      migrate: Object.fromEntries(
        migrations.map((from) => [from, (older: string[]) => [...older, `${from} read by ${schema}`]]),
      ),
    });
  const first = await start(trail(1, [2, 3, 7]));
  const fourth = await over(first, trail(4, [1, 2, 3]));
  expect(await stateOf(fourth)).toEqual(['made by 1', '1 read by 4', '2 read by 4', '3 read by 4']);
  const seventh = await over(fourth, trail(7, [4]));
  const last = await over(seventh, trail(2, [1, 3, 4, 7]));
  expect((await stateOf(last)) as string[]).toEqual([
    ...['made by 1', '1 read by 4', '2 read by 4', '3 read by 4', '4 read by 7'],
    ...['7 read by 2', '4 read by 2', '3 read by 2'],
  ]);
});

test('a version without the migration is refused, and the old one goes on', async () => {
  const old = await start(keeper(1, { initial: () => ({ kept: true }) }));
  await expect(over(old, keeper(2, { initial: () => ({}) }))).rejects.toMatchObject({
    pluginCode: 'STATE_SCHEMA_UNKNOWN',
  });
  await old.client(KvDefinition).put({ value: Buffer.from('{"goes":"on"}') });
  expect(await stateOf(old)).toEqual({ goes: 'on' });
});

describe('what was restored is compared with what was given', () => {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value));

  test('by its bytes: a decode that loses something is found', async () => {
    const old = await start(keeper(1, { initial: () => ({ a: 1, b: 2 }) }));
    const lossy = keeper(1, {
      initial: () => ({}),
      encode,
      decode: (bytes) => ({ a: JSON.parse(bytes.toString()).a }),
    });
    await expect(over(old, lossy)).rejects.toMatchObject({ code: 'STATE_DIFFERS' });
    await old.client(KvDefinition).put({ value: Buffer.from('{"goes":"on"}') });
    expect(await stateOf(old)).toEqual({ goes: 'on' });
  });

  test('by the author’s equal where there is one', async () => {
    const old = await start(keeper(1, { initial: () => ({ a: 1, at: 'noon' }) }));
    const moody = (same: boolean) =>
      keeper<{ a: number }>(1, {
        initial: () => ({ a: 0 }),
        equal: (restored, given) => same && restored.a === given.a,
      });
    await expect(over(old, moody(false))).rejects.toMatchObject({ code: 'STATE_DIFFERS' });
    expect(await stateOf(await over(old, moody(true)))).toEqual({ a: 1, at: 'noon' });
  });
});

test.each<[string, unknown]>([
  ['a Map', new Map()],
  ['a Date', new Date(0)],
  ['NaN', Number.NaN],
  ['a function', () => 1],
  ['a bigint', 1n],
  ['a gap', Object.assign([], { 1: 1 })],
  ['an undefined in a list', [undefined]],
])('a state that JSON can’t hold is refused before anything is lost: %s', async (_what, inside) => {
  const old = await start(keeper<unknown>(1, { initial: () => ({ secret: inside }) }));
  const error: unknown = await over(old, keeper(1, { initial: () => ({}) })).catch(
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ pluginCode: 'STATE_CODEC_FAILED' });
  expect(String(error)).not.toContain('secret');
  await old.client(KvDefinition).put({ value: Buffer.from('{"goes":"on"}') });
});

test('equal states have equal bytes, whatever the order of their keys', () => {
  expect(canonicalJson({ b: [1, { d: null, c: 'é' }], a: -0, left: undefined })).toBe(
    '{"a":0,"b":[1,{"c":"é","d":null}]}',
  );
  const ring: unknown[] = [];
  ring.push(ring);
  expect(() => canonicalJson(ring)).toThrow('holds itself');
  const twice = { x: 1 };
  expect(canonicalJson([twice, twice])).toBe('[{"x":1},{"x":1}]');
});

describe('a plugin with resources and no state', () => {
  const holder = (events: string[], name: string) =>
    definePlugin({
      ...common,
      version: '1.0.0',
      resources: { port: 'exclusive', cache: 'per-generation' },
      setup(ctx) {
        ctx.onActivate(() => void events.push(`${name} takes`));
        ctx.onRelease((names) => void events.push(`${name} lets go of ${names.join()}`));
        ctx.onResume(({ released }) => void events.push(`${name} takes ${released.join()} again`));
        ctx.service(
          KvDefinition,
          kvOn(
            () => name,
            () => {},
          ),
        );
      },
    });

  test('lets go before the next one takes', async () => {
    const events: string[] = [];
    await over(await start(holder(events, 'old')), holder(events, 'new'));
    expect(events).toEqual(['old takes', 'old lets go of port', 'new takes']);
  });

  test('takes again what it let go of where the next one can’t', async () => {
    const events: string[] = [];
    const unable = definePlugin({
      ...common,
      version: '2.0.0',
      resources: { port: 'exclusive' },
      setup(ctx) {
        ctx.onActivate(() => {
          throw new Error('no port');
        });
      },
    });
    const old = await start(holder(events, 'old'));
    await expect(over(old, unable)).rejects.toMatchObject({ pluginCode: 'HANDOFF_HOOK_FAILED' });
    expect(events).toEqual(['old takes', 'old lets go of port', 'old takes port again']);
    await old.client(KvDefinition).put({});
  });
});

test('a plugin that declares neither has no use for the hooks, nor for a state', async () => {
  const seen: unknown[] = [];
  const plugin = definePlugin({
    ...common,
    version: '1.0.0',
    setup(ctx: PluginContext) {
      const ways = [
        () => ctx.onPause(() => {}),
        () => ctx.onResume(() => {}),
        () => ctx.onRelease(() => {}),
        () => ctx.state.value,
      ];
      for (const way of ways) {
        try {
          way();
          seen.push('nothing was thrown');
        } catch (error) {
          seen.push(error instanceof PluginError ? error.code : error);
        }
      }
      ctx.onActivate(() => void seen.push('active'));
    },
  });
  const running = await start(plugin);
  expect(seen).toEqual([...Array.from({ length: 4 }, () => 'OPTIONS_INVALID'), 'active']);
  await expect(over(running, plugin)).rejects.toMatchObject({ code: status.UNIMPLEMENTED });
});

test('no more than 1,000 calls wait for a paused plugin', async () => {
  const plugin = await start(keeper<number>(1, { initial: () => 0 }));
  const kv = plugin.client(KvDefinition);
  const life = plugin.client(LifecycleDefinition);
  await life.pause({ limitMs: 30_000 });
  const calls = Array.from({ length: 1003 }, () =>
    kv.put({ value: Buffer.from('1') }).then(
      () => 'answered',
      (error: unknown) => error,
    ),
  );
  await kv.get({});
  await life.resume({});
  const outcomes = await Promise.all(calls);
  expect(outcomes.filter((outcome) => outcome === 'answered')).toHaveLength(1000);
  expect(outcomes.find((outcome) => outcome !== 'answered')).toMatchObject({
    pluginCode: 'PLUGIN_PAUSED',
    executed: 'no',
  });
});

test('a gate that is closed again at once counts the calls that it has just let in', async () => {
  let inside = 0;
  const plugin = await start(
    keeper<number>(
      1,
      { initial: () => 0 },
      {
        setup(ctx) {
          ctx.service(KvDefinition, {
            ...kvOn(
              () => '',
              () => {},
            ),
            put: async () => {
              inside++;
              await new Promise((resolve) => setTimeout(resolve, 50));
              inside--;
              return {};
            },
          });
        },
      },
    ),
  );
  const life = plugin.client(LifecycleDefinition);
  await life.pause({ limitMs: 5000 });
  const calls = Array.from({ length: 20 }, () => plugin.client(KvDefinition).put({}));
  await plugin.client(KvDefinition).get({});
  await Promise.all([life.resume({}), life.pause({ limitMs: 5000 })]);
  expect(inside).toBe(0);
  await life.resume({});
  await Promise.all(calls);
});
