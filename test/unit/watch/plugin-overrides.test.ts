import type { Manifest } from '../../../host/src/manifest/manifest';
import {
  overridden,
  overridesStamp,
  type PluginOverrides,
  runningStamp,
} from '../../../host/src/watch/plugin-overrides';

const manifest: Manifest = {
  name: 'kv',
  version: '1.0.0',
  command: 'kv',
  handshake: { cookie: ['A', 'b'], protocolVersions: [1] },
  env: { MODE: 'fast', LEVEL: '1' },
  args: ['--cache'],
  limits: { memoryBytes: 1_000, readings: 2 },
  health: false,
};

test.each<[what: string, overrides: PluginOverrides | undefined, changed: Partial<Manifest>]>([
  ['nothing changes nothing', undefined, {}],
  [
    'variables are added',
    { env: { LEVEL: '2', MORE: 'x' } },
    { env: { MODE: 'fast', LEVEL: '2', MORE: 'x' } },
  ],
  [
    'a group keeps what is not named',
    { limits: { memoryBytes: 5 } },
    { limits: { memoryBytes: 5, readings: 2 } },
  ],
  ['what was switched off is replaced', { health: { intervalMs: 50 } }, { health: { intervalMs: 50 } }],
  ['a list is replaced', { args: [] }, { args: [] }],
  ['what the manifest leaves out is added', { instances: 2 }, { instances: 2 }],
  ['whether and at which version it runs is no matter of the manifest', { enabled: false, pin: '2.0.0' }, {}],
])('%s', (_what, overrides, changed) => {
  expect(overridden(manifest, overrides)).toEqual({ ...manifest, ...changed });
});

test('another stamp means that it would be run otherwise, whatever the order of keys', () => {
  const one: PluginOverrides = { env: { A: '1', B: '2' }, drainTimeoutMs: 5 };
  const same: PluginOverrides = { drainTimeoutMs: 5, env: { B: '2', A: '1' }, pin: '1.0.0', enabled: true };
  expect(overridesStamp(same)).toBe(overridesStamp(one));
  const all = [
    ...[undefined, one, { ...one, drainTimeoutMs: 6 }, { env: { A: '1' } }, { args: ['1'] }],
    ...[{ expect: { held: Number.POSITIVE_INFINITY } }, { expect: { held: 0 } }, { expect: {} }],
  ].map(overridesStamp);
  expect(new Set(all).size).toBe(all.length);
  expect([overridesStamp({ pin: '1.0.0' }), overridesStamp({})]).toEqual(['', '']);
});

test('how upgrades go is no matter of what runs', () => {
  const one: PluginOverrides = { strategy: 'canary', canary: { bakeMs: 5 }, bakeMs: 7, args: ['1'] };
  expect(runningStamp(one)).toBe(runningStamp({ args: ['1'] }));
  expect(runningStamp({ strategy: 'recreate' })).toBe('');
  expect(overridesStamp(one)).not.toBe(overridesStamp({ args: ['1'] }));
});

test('a stamp shows no secret', () => {
  expect(overridesStamp({ env: { TOKEN: 'hunter2' } })).toMatch(/^[0-9a-f]{64}$/);
});
