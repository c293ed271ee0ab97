import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { definePlugin, type Plugin } from '@plugd/sdk';
import { handOver, startPlugin, type TestPlugin } from '@plugd/sdk/testing';

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
