import { resolve } from 'node:path';
import type { PluginError } from '@plugd/host';
import type { LoadOptions } from '../../../host/src/instance/load-options';
import { ownOptions, resolveSpec } from '../../../host/src/instance/plugin-spec';
import { runsAlone } from '../../../host/src/instance/resource-options';
import { thrown } from '../protocol/thrown';

const good: LoadOptions = {
  name: 'kv',
  version: '1.0.0',
  command: './kv',
  handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1, 2] },
};

/** As a caller without types would. */
function refusal(changes: object): PluginError {
  return thrown(() => Reflect.apply(resolveSpec, undefined, [{ ...good, ...changes }]));
}

test.each<[string, object]>([
  ['scratch', { scratch: 'yes' }],
  ['config', { config: '' }],
  ['config', { config: 'a\0b' }],
  ['config', { config: true }],
  ['ports', { ports: [8080] }],
  ['ports', { ports: 8080 }],
  ['ports', { ports: { '': 8080 } }],
  ['ports', { ports: { 'a-b': 8080 } }],
  ['ports', { ports: { '8': 8080 } }],
  ['ports', { ports: { ['p'.repeat(33)]: 8080 } }],
  ['ports.http', { ports: { http: 65_536 } }],
  ['ports.http', { ports: { http: -1 } }],
  ['ports.http', { ports: { http: '8080' } }],
  ['ports.http', { ports: { http: undefined } }],
  ['ports', { ports: { http: 8080, HTTP: 8081 } }],
  ['ports', { ports: { http: 8080, web: 8080 } }],
  ['ports', { ports: Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`p${index}`, 0])) }],
  ['instances', { ports: { http: 8080 }, instances: 2 }],
])('a wrong %s is refused by its name: %j', (option, changes) => {
  const error = refusal(changes);
  expect([error.code, error.facts['option'], error.fault]).toEqual(['OPTIONS_INVALID', option, 'caller']);
});

test.each<[string, Partial<LoadOptions>, object]>([
  ['a relative directory', { config: 'etc' }, { config: resolve('etc') }],
  ['no configuration any more', { config: false }, { config: undefined }],
  ['ports that the host picks', { ports: { a: 0, b: 0 } }, { ports: { a: 0, b: 0 } }],
  ['no ports, of many instances', { ports: {}, instances: 2 }, { ports: {}, instances: 2 }],
])('%s is taken', (_, options, expected) => {
  expect(resolveSpec({ ...good, ...options })).toMatchObject(expected);
});

test('a plugin with ports runs alone', () => {
  expect(
    [{}, { ports: {} }, { ports: { http: 0 } }].map((over) => runsAlone(resolveSpec({ ...good, ...over }))),
  ).toEqual([false, false, true]);
});

test('what its caller does to the ports later has no effect', () => {
  const ports: Record<string, number> = { http: 0 };
  const options = { ...good, ports, config: 'etc' };
  const spec = resolveSpec(options);
  const own = ownOptions(options, spec, '/bin/kv');
  ports['http'] = 1;
  for (const kept of [spec, own]) expect(kept).toMatchObject({ ports: { http: 0 }, config: resolve('etc') });
});
