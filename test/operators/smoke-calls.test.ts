import type { Instance } from '../../host/src/instance/instance';
import { ManagedPlugin } from '../../host/src/managed-plugin';
import type { Manifest, SmokeCall } from '../../host/src/manifest/manifest';
import { manifestCheck } from '../../host/src/manifest/manifest-check';
import { failureOf, HostRoom } from '../support/host-room';
import { counterTs, kvTs } from '../support/samples';

let room: HostRoom;
let kv: Instance;
let counter: Instance;
beforeAll(async () => {
  room = await HostRoom.open();
  const counterOptions = room.kv(counterTs('1'), {
    handshake: { cookie: ['COUNTER_PLUGIN', 'hello'], protocolVersions: [1, 2] },
  });
  const plugins = await Promise.all([
    room.load(kvTs('1')),
    room.host.load({ ...counterOptions, name: 'counter' }),
  ]);
  const [first, second] = plugins.map((plugin) => {
    const instance = plugin instanceof ManagedPlugin ? plugin.serving?.first?.instance : undefined;
    if (instance === undefined) throw new Error(`${plugin.name} has no instance`);
    return instance;
  });
  if (first === undefined || second === undefined) throw new Error('they are not there');
  [kv, counter] = [first, second];
});
afterAll(() => room.close());

const manifest = (over: Partial<Manifest>): Manifest => ({
  name: 'kv',
  version: '1.0.0',
  command: 'kv',
  handshake: { cookie: ['A', 'b'], protocolVersions: [1] },
  ...over,
});
const check = async (instance: Instance, over: Partial<Manifest>): Promise<void> => {
  await manifestCheck(manifest(over))?.(instance, new AbortController().signal);
};

const Get = 'samples.kv.v1.Kv/Get';
const Put = 'samples.kv.v1.Kv/Put';
const Watch = 'samples.kv.v1.Kv/Watch';
const put: SmokeCall = { method: Put, request: { key: 'a', value: 'aGVsbG8=' } };

test.each<[what: string, calls: readonly SmokeCall[]]>([
  ['none', []],
  ['one that only has to succeed', [{ method: Get }]],
  [
    'one that needs what another has done',
    [put, { method: Get, request: { key: 'a' }, answer: { value: 'aGVsbG8=' } }],
  ],
  [
    'an answer with a field that JSON leaves out',
    [{ method: Get, request: { key: 'none' }, answer: { found: false } }],
  ],
])('a version passes with %s', async (_what, smoke) => {
  await check(kv, { smoke });
});

test.each<[what: string, call: SmokeCall, problem: RegExp]>([
  ['another answer', { method: Get, request: { key: 'none' }, answer: { found: true } }, /found/],
  ['another status', { method: Get, status: 'NOT_FOUND' }, /OK, and not with NOT_FOUND/],
  ['a method that is not there', { method: 'samples.kv.v1.Kv/Gett' }, /no such method/],
  ['a stream', { method: Watch }, /stream/],
  ['a request that is no such message', { method: Get, request: { kee: 'a' } }, /kee/],
  ['an answer that no such message has', { method: Get, answer: { fuond: true } }, /fuond/],
  ['a value of another kind', { method: Get, request: { key: 7 } }, /key/],
])('a version is refused for %s', async (_what, call, problem) => {
  const error = await failureOf(check(kv, { smoke: [put, call] }));
  expect(error).toMatchObject({ code: 'SMOKE_FAILED', facts: { call: 2, method: call.method } });
  expect(error.facts['problem']).toMatch(problem);
});

test('a call that is given up is not waited for', async () => {
  const gone = new AbortController();
  const reason = new Error('given up');
  gone.abort(reason);
  await expect(manifestCheck(manifest({ smoke: [put] }))?.(kv, gone.signal)).rejects.toBe(reason);
});

test('what the manifest says of state and resources has to be what the plugin says', async () => {
  await check(counter, { state: { schema: 1, restores: [2, 1] } });
  expect(await failureOf(check(counter, { state: { schema: 2 } }))).toMatchObject({
    code: 'MANIFEST_MISMATCH',
    facts: {
      problems: [
        'state.schema is 2 in the manifest, and 1 by the plugin',
        'state.restores is 2 in the manifest, and 1, 2 by the plugin',
      ],
    },
  });
  const both = check(kv, { state: { schema: 1 }, resources: { index: 'exclusive' } });
  expect((await failureOf(both)).facts['problems']).toEqual([
    'state is in the manifest, and the plugin says that it has none',
    'resource index is exclusive in the manifest, and missing by the plugin',
  ]);
  await check(kv, { resources: {} });
});
