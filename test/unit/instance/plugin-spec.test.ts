import { resolve } from 'node:path';
import type { PluginError } from '@plugd/host';
import { KvDefinition, KvService } from '@plugd/protocol/gen/samples/kv/v1/kv';
import * as fc from 'fast-check';
import { Contract } from '../../../host/src/contract/contract';
import { checkExpectations } from '../../../host/src/instance/expect-options';
import type { LoadOptions } from '../../../host/src/instance/load-options';
import { resolveMemory } from '../../../host/src/instance/memory-options';
import { ownOptions, resolveSpec } from '../../../host/src/instance/plugin-spec';
import { thrown } from '../protocol/thrown';

const good: LoadOptions = {
  name: 'kv',
  version: '1.0.0',
  command: './kv',
  handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1, 2] },
};

/** As a caller without types would: nothing but the code under test looks at the values. */
function refusal(changes: object): PluginError {
  return thrown(() => Reflect.apply(resolveSpec, undefined, [{ ...good, ...changes }]));
}

test('what is left out has the documented default', () => {
  expect(resolveSpec(good)).toEqual({
    ...good,
    handshake: undefined,
    cookie: ['KV_PLUGIN', 'hello'],
    protocolVersions: [1, 2],
    args: [],
    env: {},
    inheritEnv: true,
    cwd: process.cwd(),
    stdin: 'ignore',
    autoMtls: true,
    tls: undefined,
    multiplex: false,
    sha256: undefined,
    contract: { sources: [], contract: Contract.empty, required: [] },
    instances: 1,
    restart: {
      policy: 'always',
      backoff: { initialMs: 100, maxMs: 30_000 },
      budget: { crashes: 10, withinMs: 300_000 },
      stableAfterMs: 60_000,
      hold: { limitMs: 2_000, maxCalls: 1_000 },
      strategy: 'one-for-one',
    },
    attempts: 3,
    health: { intervalMs: 5_000, idleIntervalMs: 60_000, timeoutMs: 2_000, failures: 3 },
    limits: undefined,
    expect: checkExpectations(),
    memory: resolveMemory(),
    dependsOn: [],
    scratch: false,
    config: undefined,
    ports: {},
    unixSocketGroup: undefined,
    minPort: undefined,
    maxPort: undefined,
    startTimeoutMs: 60_000,
    drainTimeoutMs: 30_000,
    stopTimeoutMs: 2_000,
  });
});

test.each<[string, object]>([
  ['name', { name: '' }],
  ['name', { name: '../kv' }],
  ['name', { name: '-kv' }],
  ['name', { name: 'k'.repeat(65) }],
  ['name', { name: 7 }],
  ['version', { version: '1' }],
  ['version', { version: 'latest' }],
  ['version', { version: undefined }],
  ['command', { command: '' }],
  ['command', { command: 'kv\0' }],
  ['command', { command: ['kv'] }],
  ['args', { args: 'one two' }],
  ['args', { args: ['one', 2] }],
  ['args', { args: ['a\0b'] }],
  ['env', { env: { 'A=B': 'c' } }],
  ['env', { env: { '': 'c' } }],
  ['env', { env: { A: 'b\0c' } }],
  ['env', { env: { A: 1 } }],
  ['env', { env: ['A=B'] }],
  ['inheritEnv', { inheritEnv: 'no' }],
  ['cwd', { cwd: '' }],
  ['cwd', { cwd: 1 }],
  ['stdin', { stdin: 'pipe' }],
  ['instances', { instances: 0 }],
  ['instances', { instances: 65 }],
  ['instances', { instances: 1.5 }],
  ['attempts', { attempts: 0 }],
  ['attempts', { attempts: 11 }],
  ['handshake', { handshake: undefined }],
  ['handshake.cookie', { handshake: { cookie: ['KV_PLUGIN'], protocolVersions: [1] } }],
  ['handshake.cookie', { handshake: { cookie: ['', 'hello'], protocolVersions: [1] } }],
  ['handshake.cookie', { handshake: { cookie: ['A=B', 'hello'], protocolVersions: [1] } }],
  ['handshake.cookie', { handshake: { cookie: ['KV_PLUGIN', ''], protocolVersions: [1] } }],
  ['handshake.cookie', { handshake: { cookie: 'KV', protocolVersions: [1] } }],
  ['handshake.protocolVersions', { handshake: { cookie: ['A', 'b'], protocolVersions: [] } }],
  ['handshake.protocolVersions', { handshake: { cookie: ['A', 'b'], protocolVersions: [1.5] } }],
  ['handshake.protocolVersions', { handshake: { cookie: ['A', 'b'], protocolVersions: [-1] } }],
  ['handshake.protocolVersions', { handshake: { cookie: ['A', 'b'], protocolVersions: ['1'] } }],
  ['handshake.protocolVersions', { handshake: { cookie: ['A', 'b'] } }],
  ['autoMtls', { autoMtls: 'yes' }],
  ['autoMtls', { autoMtls: true, tls: { ca: 'PEM' } }],
  ['tls', { tls: 'PEM' }],
  ['tls', { tls: { ca: 7 } }],
  ['tls', { tls: { certificate: 'PEM' } }],
  ['sha256', { sha256: 'abc' }],
  ['sha256', { sha256: 'g'.repeat(64) }],
  ['contract', { contract: [{}] }],
  ['contract', { contract: ['samples.kv.v1.Kv'] }],
  ['contract', { contract: null }],
  ['contract', { contract: Buffer.from('this is not protobuf') }],
  ['contract', { contract: new Uint8Array(0) }],
  ['contract', { contract: { file: [] } }],
  ['contract', { contract: { file: [{ name: 'no-service.proto' }] } }],
  ['contract', { contract: [KvDefinition, { file: [{ service: [] }] }] }],
  ['contract', { contract: [KvDefinition, new Uint8Array([0x0a, 0x05])] }],
  ['unixSocketGroup', { unixSocketGroup: '' }],
  ['unixSocketGroup', { unixSocketGroup: -1 }],
  ['minPort', { minPort: 0 }],
  ['minPort', { minPort: 1.5 }],
  ['maxPort', { maxPort: 65_536 }],
  ['minPort', { minPort: 2_000, maxPort: 1_000 }],
  ['startTimeoutMs', { startTimeoutMs: 0 }],
  ['startTimeoutMs', { startTimeoutMs: Number.NaN }],
  ['startTimeoutMs', { startTimeoutMs: '1000' }],
  ['drainTimeoutMs', { drainTimeoutMs: -1 }],
  ['drainTimeoutMs', { drainTimeoutMs: Number.POSITIVE_INFINITY }],
  ['drainTimeoutMs', { drainTimeoutMs: 2 ** 31 }],
  ['stopTimeoutMs', { stopTimeoutMs: 0 }],
])('a wrong %s is refused by its name: %j', (option, changes) => {
  const error = refusal(changes);
  expect([error.code, error.facts['option'], error.fault]).toEqual(['OPTIONS_INVALID', option, 'caller']);
});

test('no message shows what may be a secret', () => {
  const secret = 'hunter2';
  const errors = [
    refusal({ env: { TOKEN: `${secret}\0` } }),
    refusal({ tls: { ca: 'PEM', key: secret } }),
    refusal({ env: { TOKEN: { secret } } }),
  ];
  for (const error of errors) {
    expect(error.code).toBe('OPTIONS_INVALID');
    expect(error.message + JSON.stringify(error.toJSON())).not.toContain(secret);
  }
});

test.each<[string, Partial<LoadOptions>, object]>([
  ['a pre-release', { version: '1.0.0-rc.1' }, { version: '1.0.0-rc.1' }],
  ['a sum in capitals', { sha256: 'A'.repeat(64) }, { sha256: 'a'.repeat(64) }],
  ['no time to drain', { drainTimeoutMs: 0 }, { drainTimeoutMs: 0 }],
  ['a TLS configuration, which excludes AutoMTLS', { tls: { ca: 'PEM' } }, { autoMtls: false }],
  ['plaintext', { autoMtls: false }, { autoMtls: false, tls: undefined }],
  ['a relative directory', { cwd: 'x' }, { cwd: resolve('x') }],
  ['one end of the ports', { minPort: 20_000 }, { minPort: 20_000, maxPort: undefined }],
  [
    'definitions of both kinds',
    { contract: [KvDefinition, KvService] },
    { contract: { sources: [KvDefinition, KvService], required: ['samples.kv.v1.Kv'] } },
  ],
  ['one definition', { contract: KvDefinition }, { contract: { sources: [KvDefinition] } }],
  ['an empty value', { env: { EMPTY: '' }, args: [''] }, { env: { EMPTY: '' }, args: [''] }],
])('%s is taken', (_, options, expected) => {
  expect(resolveSpec({ ...good, ...options })).toMatchObject(expected);
});

test('whatever stands in the place of an option, it is taken or refused by a PluginError', () => {
  const option = fc.constantFrom(
    'name',
    'version',
    'command',
    'args',
    'env',
    'inheritEnv',
    'cwd',
    'stdin',
    'handshake',
    'autoMtls',
    'tls',
    'sha256',
    'contract',
    'scratch',
    'config',
    'ports',
    'unixSocketGroup',
    'minPort',
    'maxPort',
    'startTimeoutMs',
    'drainTimeoutMs',
    'stopTimeoutMs',
  );
  fc.assert(
    fc.property(option, fc.anything({ withBigInt: true, withNullPrototype: true }), (name, value) => {
      try {
        Reflect.apply(resolveSpec, undefined, [{ ...good, [name]: value }]);
      } catch (error) {
        expect(error).toMatchObject({ code: 'OPTIONS_INVALID' });
        expect(String(Reflect.get(Object(error), 'facts').option).split('.')[0]).toMatch(
          new RegExp(`^(${name}|autoMtls|minPort|maxPort)$`),
        );
      }
    }),
    { numRuns: 2_000 },
  );
});

test('the caller’s objects are read once: what is done to them later has no effect, and they are not touched', () => {
  const mutable = {
    ...good,
    args: ['a'],
    env: { A: '1' },
    contract: [KvDefinition],
    handshake: { cookie: ['KV_PLUGIN', 'hello'] as [string, string], protocolVersions: [1] },
  };
  const copy = structuredClone({ ...mutable, contract: undefined });
  const spec = resolveSpec(mutable);
  const own = ownOptions(mutable, spec, '/bin/kv');
  expect({ ...mutable, contract: undefined }).toEqual(copy);
  mutable.args.push('b');
  mutable.env.A = '2';
  mutable.contract.pop();
  mutable.handshake.protocolVersions.push(2);
  mutable.handshake.cookie[1] = 'other';
  for (const kept of [spec, own]) expect(kept).toMatchObject({ args: ['a'], env: { A: '1' } });
  expect([spec.contract.sources, own.contract]).toEqual([[KvDefinition], [KvDefinition]]);
  expect(own).toMatchObject({
    command: '/bin/kv',
    handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1] },
  });
});
