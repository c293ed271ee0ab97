import type { LoadOptions } from '@plugd/host';
import { failureOf, HostRoom } from '../support/host-room';
import { kvTs } from '../support/samples';

// Real processes, on a machine that may be busy.
jest.setTimeout(60_000);

let room: HostRoom;
beforeAll(async () => {
  room = await HostRoom.open();
});
afterAll(() => room.close());

const cookie = ['KV_PLUGIN', 'hello'];
const endless: Record<string, unknown> = {};
endless['self'] = endless;

// Each is what a caller without types can do as well.
const refused: readonly (readonly [option: string, values: readonly unknown[]])[] = [
  ['name', [undefined, '', 'a b', '-a', '../a', 'a/b', 'ä', 'a\0', 'a\n', 'x'.repeat(65), 5, null]],
  ['version', [undefined, '', '1', '1.2', 'latest', '1.2.3.4', 5]],
  ['command', [undefined, '', 'a\0b', 5]],
  ['args', ['--flag', [5], ['a\0b'], {}]],
  ['env', ['A=b', ['A'], { A: 5 }, { A: undefined }, { 'A=B': 'c' }, { '': 'a' }, { A: 'b\0c' }]],
  ['inheritEnv', ['no', 0, null]],
  ['cwd', ['', 5, 'a\0b']],
  ['stdin', ['pipe', true, null]],
  ['handshake', [undefined, null, 'KV_PLUGIN', []]],
  ['autoMtls', ['yes', 1, null]],
  ['tls', [true, null, 'PEM', { ca: 5 }, { certificate: 'a' }, { key: 'a' }, { serverName: 5 }]],
  ['sha256', ['', 'abc', 'g'.repeat(64), `${'a'.repeat(64)}\n`, 5]],
  ['contract', [new Uint8Array([0x0a]), 'samples.kv.v1.Kv', [{}], [null], ['samples.kv.v1.Kv'], [endless]]],
  ['unixSocketGroup', ['', -1, 1.5, {}, null]],
  ['minPort', [0, -1, 1.5, 65_536, '10000', Number.NaN, 26_000]],
  ['maxPort', [0, 65_536, '25000', 9_000]],
  ['startTimeoutMs', [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, '60s', null]],
  ['drainTimeoutMs', [-1, Number.NaN, Number.POSITIVE_INFINITY, '30s']],
  ['stopTimeoutMs', [0, -1, Number.NaN, 2 ** 40, '2s']],
];

const rows = refused.flatMap(([option, values]) => values.map((value) => [option, value] as const));

test.each(rows)('%s: %j is refused by its name', async (option, value) => {
  const options = { ...room.kv(kvTs('1')), [option]: value } as LoadOptions;
  const error = await failureOf(room.host.load(options));
  expect(error).toMatchObject({ code: 'OPTIONS_INVALID', fault: 'caller', facts: { option } });
  expect(error.message).toContain(`Option ${option} is `);
  expect(room.host.plugins()).toEqual([]);
});

test.each([
  ['handshake.cookie', { cookie: undefined }],
  ['handshake.cookie', { cookie: 'KV_PLUGIN' }],
  ['handshake.cookie', { cookie: ['KV_PLUGIN'] }],
  ['handshake.cookie', { cookie: ['', 'hello'] }],
  ['handshake.cookie', { cookie: ['A=B', 'hello'] }],
  ['handshake.cookie', { cookie: ['KV_PLUGIN', ''] }],
  ['handshake.cookie', { cookie: ['KV_PLUGIN', 5] }],
  ['handshake.protocolVersions', { protocolVersions: undefined }],
  ['handshake.protocolVersions', { protocolVersions: [] }],
  ['handshake.protocolVersions', { protocolVersions: [1.5] }],
  ['handshake.protocolVersions', { protocolVersions: [-1] }],
  ['handshake.protocolVersions', { protocolVersions: ['1'] }],
  ['handshake.protocolVersions', { protocolVersions: 1 }],
])('%s: %j is refused by its name', async (option, part) => {
  const handshake = { cookie, protocolVersions: [1], ...part };
  const options = { ...room.kv(kvTs('1')), handshake } as unknown as LoadOptions;
  expect(await failureOf(room.host.load(options))).toMatchObject({
    code: 'OPTIONS_INVALID',
    facts: { option },
  });
});

test('autoMtls and tls exclude each other; minPort must not be above maxPort', async () => {
  const both = { autoMtls: true, tls: { ca: 'PEM' } };
  expect((await failureOf(room.load(kvTs('1'), both))).facts).toEqual({ option: 'autoMtls' });
  const ports = { minPort: 12_000, maxPort: 11_000 };
  expect((await failureOf(room.load(kvTs('1'), ports))).facts).toEqual({ option: 'minPort' });
});

test.each([undefined, null, 'kv', []])('options that are %p are refused', async (options) => {
  const error = await failureOf(room.host.load(options as unknown as LoadOptions));
  expect(error).toMatchObject({ code: 'OPTIONS_INVALID', facts: { option: 'options' } });
});

test('no message shows a secret: a value of env, a key', async () => {
  const env = { TOKEN: 'a-secret\0' };
  expect((await failureOf(room.load(kvTs('1'), { env }))).message).not.toContain('a-secret');
  const tls = { key: 'a-secret' };
  expect((await failureOf(room.load(kvTs('1'), { tls }))).message).not.toContain('a-secret');
});

test('the caller’s object is read once, and neither changed nor followed', async () => {
  const env = { KV_TEST: 'before' };
  const options = { ...room.kv(kvTs('1')), env, args: ['one'] };
  const frozen = structuredClone(options);
  const plugin = await room.host.load(options);
  expect(options).toEqual(frozen);
  env.KV_TEST = 'after';
  options.args.push('two');
  await plugin.restart();
  const { ProbeDefinition } = await import('@plugd/protocol/gen/samples/probe/v1/probe');
  const seen = await plugin.client(ProbeDefinition).inspect({ environment: ['KV_TEST'] });
  expect(seen).toMatchObject({ environment: { KV_TEST: 'before' }, arguments: ['one'] });
  await plugin.stop();
});
