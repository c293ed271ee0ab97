import { delimiter, resolve } from 'node:path';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { loadOptionsFrom } from '../../../host/src/admin/wire-options';
import { OwnPlugins } from '../../../host/src/remote/own-plugins';
import { sentOptions, withPaths } from '../../../host/src/remote/sent-options';

const handshake = { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1] } as const;

describe('paths', () => {
  test('are those of this process, wherever the daemon is', () => {
    expect(withPaths({ command: './kv', cwd: 'here', config: 'conf' })).toEqual({
      command: resolve('kv'),
      cwd: resolve('here'),
      config: resolve('conf'),
    });
  });

  test('of a bare name are looked up here; what is not found is for the daemon to refuse', () => {
    const { command } = withPaths({ command: 'node' });
    expect(process.env['PATH']?.split(delimiter).some((place) => command === `${place}/node`)).toBe(true);
    expect(withPaths({ command: 'no-such-program' })).toEqual({ command: 'no-such-program' });
  });

  test('that are not given are not made up', () => {
    expect(withPaths({ version: '2.0.0', config: false })).toEqual({ version: '2.0.0', config: false });
  });
});

test('options arrive as they were given', () => {
  // As JavaScript gives it.
  const unset: object = { policy: undefined };
  const options = {
    name: 'kv',
    version: '1.0.0',
    command: '/kv',
    handshake,
    env: { A: 'b' },
    health: false,
    expect: { stepMs: { start: Number.POSITIVE_INFINITY } },
    restart: unset,
  } as const;
  const { contract, ...rest } = loadOptionsFrom(sentOptions({ ...options, contract: [KvDefinition] }));
  expect(rest).toEqual({ ...options, restart: {} });
  expect(contract).toHaveLength(1);
});

test.each([
  ['verify', { verify: () => {} }],
  ['canary.rule', { canary: { rule: new Map() } }],
  ['env.A', { env: { A: Symbol('a') } }],
  ['tls', { tls: { key: 'secret' } }],
  ['contract', { contract: 7 }],
])('%s that is no plain data is refused by its name, and not shown', (option, options) => {
  let error: unknown;
  try {
    sentOptions(options as object);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toMatchObject({ code: 'OPTIONS_INVALID', facts: { option } });
  expect(String(error)).not.toContain('secret');
});

describe('what an application would load again', () => {
  const options = { name: 'kv', version: '1.0.0', command: '/v1', handshake };

  test('is what it last swapped to, forward and back', () => {
    const own = new OwnPlugins();
    own.loaded(options, false);
    own.swapped('kv', 'upgrade', { version: '2.0.0', command: '/v2', bakeMs: 5 });
    expect(own.wanted).toEqual([{ ...options, version: '2.0.0', command: '/v2' }]);
    own.swapped('kv', 'restart', {});
    own.swapped('kv', 'rollback', {});
    expect(own.wanted).toEqual([options]);
    own.swapped('kv', 'rollback', {});
    expect(own.wanted).toMatchObject([{ version: '2.0.0' }]);
  });

  test('is nothing of what it stopped, or what the daemon has of its own', () => {
    const own = new OwnPlugins();
    own.loaded(options, true);
    own.loaded({ ...options, name: 'other' }, false);
    own.forget('other');
    expect(own.wanted).toEqual([]);
    expect([own.has('kv'), own.has('other')]).toEqual([true, false]);
    own.swapped('nobody', 'upgrade', {});
    expect(own.wanted).toEqual([]);
  });
});
