// A plugin with a state and hooks to a test's measure, with the SDK as it is published. STATEFUL says as JSON what it does:
// { version, pause, release, resume, activate: 'throw' | a number of milliseconds that the hook takes whatever it is told,
//   state: 'none' | 'forgetful' | 'unreadable', maxBytes, single, resources }. Get of the key `notes` tells when which hook
// began and ended. Put of the key `slow` takes until a Get of `go` comes.
const { setTimeout: sleep } = require('node:timers/promises');
const { definePlugin, serve } = require('@plugd/sdk');
const { KvDefinition } = require('@plugd/protocol/gen/samples/kv/v1/kv');

const order = JSON.parse(process.env.STATEFUL ?? '{}');
const notes = [];
let go = () => {};

const second = order.version?.startsWith('2.');
const state = {
  schema: second ? 2 : 1,
  initial: () => (second ? { entries: [] } : {}),
  migrate: second
    ? { 1: (older) => ({ entries: Object.entries(older) }) }
    : { 2: (newer) => Object.fromEntries(newer.entries) },
  ...(order.maxBytes === undefined ? {} : { maxBytes: order.maxBytes }),
  ...(order.state === 'forgetful'
    ? { encode: (value) => Buffer.from(JSON.stringify(value)), decode: () => ({}) }
    : {}),
  ...(order.state === 'unreadable'
    ? {
        encode: () => Buffer.from('x'),
        decode: () => {
          throw new RangeError('the secret is 42');
        },
      }
    : {}),
};

async function run(kind, names = []) {
  const what = [kind, ...names].join(' ');
  notes.push(what);
  if (order[kind] === 'throw') throw new Error(`no ${kind} today`);
  if (typeof order[kind] === 'number') await sleep(order[kind]);
  notes.push(`${what} done`);
}

const plugin = definePlugin({
  name: 'stateful',
  version: order.version ?? '1.0.0',
  handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1] },
  ...(order.state === 'none' ? {} : { state }),
  ...(order.resources === undefined ? {} : { resources: order.resources }),
  ...(order.single === undefined ? {} : { single: order.single }),
  setup(ctx) {
    ctx.onActivate(() => run('activate'));
    if (order.state !== 'none') {
      ctx.onPause(() => run('pause'));
      ctx.onRelease((names) => run('release', names));
      ctx.onResume(({ released }) => run('resume', released));
    }
    const put = (key, text) => {
      if (second) ctx.state.value.entries.push([key, text]);
      else ctx.state.value[key] = text;
    };
    const entries = () => (second ? ctx.state.value.entries : Object.entries(ctx.state.value));
    ctx.service(KvDefinition, {
      get({ key }) {
        if (key === 'go') go();
        if (key === 'notes') return { found: true, value: Buffer.from(JSON.stringify(notes)) };
        const [, text] = entries().findLast(([one]) => one === key) ?? [];
        return text === undefined ? { found: false } : { found: true, value: Buffer.from(text) };
      },
      async put({ key, value }) {
        if (key === 'slow') {
          await new Promise((resolve) => {
            go = resolve;
          });
        }
        put(key, value.toString());
        return {};
      },
      async *watch(_request, call) {
        while (!call.draining.aborted && !call.signal.aborted) {
          yield { sequence: 1 };
          await sleep(5);
        }
      },
      load: () => ({}),
      async *chat(requests) {
        for await (const { sequence, text } of requests) yield { sequence, text };
      },
    });
  },
});

serve(plugin);
