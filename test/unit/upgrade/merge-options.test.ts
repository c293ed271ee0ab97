import type { LoadOptions } from '../../../host/src/instance/load-options';
import { resolveSpec } from '../../../host/src/instance/plugin-spec';
import { mergeOptions } from '../../../host/src/upgrade/merge-options';

const current: LoadOptions = {
  name: 'kv',
  version: '1.0.0',
  command: '/bin/kv',
  args: ['a'],
  env: { A: '1' },
  handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1] },
  sha256: 'a'.repeat(64),
  autoMtls: true,
  drainTimeoutMs: 1_000,
};
const tls = { ca: 'PEM' };

test('nothing to change changes nothing', () => {
  expect(mergeOptions(current, {})).toEqual(current);
  expect(
    mergeOptions(current, Object.fromEntries(Object.keys(current).map((key) => [key, undefined]))),
  ).toEqual(current);
});

test('what is given replaces what was, as a whole; what is left out stays', () => {
  expect(mergeOptions(current, { version: '2.0.0', env: { B: '2' }, drainTimeoutMs: 0 })).toEqual({
    ...current,
    version: '2.0.0',
    env: { B: '2' },
    drainTimeoutMs: 0,
  });
});

test('the checksum of a file does not hold for another one', () => {
  expect(mergeOptions(current, { command: '/bin/kv2' })).not.toHaveProperty('sha256');
  expect(mergeOptions(current, { command: '/bin/kv2', sha256: 'b'.repeat(64) }).sha256).toBe('b'.repeat(64));
  expect(mergeOptions(current, { version: '1.0.1' }).sha256).toBe(current.sha256);
});

test('each way of securing the connection gives way to the other', () => {
  const withTls = mergeOptions(current, { tls });
  expect(withTls).not.toHaveProperty('autoMtls');
  expect(resolveSpec(withTls)).toMatchObject({ autoMtls: false, tls });
  const back = mergeOptions(withTls, { autoMtls: true });
  expect(back).not.toHaveProperty('tls');
  expect(resolveSpec(back)).toMatchObject({ autoMtls: true, tls: undefined });
  // Both at once is a contradiction, which is the caller's to solve.
  expect(() => resolveSpec(mergeOptions(current, { tls, autoMtls: true }))).toThrow();
});

test('what belongs to the one operation is not kept, and a plugin keeps its name', () => {
  const changes = { verify: () => {}, dryRun: true, ifBusy: 'fail', name: 'another' } as const;
  expect(mergeOptions(current, changes)).toEqual(current);
});

test('neither object is touched', () => {
  const changes = Object.freeze({ version: '2.0.0', command: '/bin/kv2' });
  const before = structuredClone(current);
  mergeOptions(Object.freeze(current), changes);
  expect(current).toEqual(before);
});
