import { asStruct } from '../../../host/src/admin/struct';
import { loadOptionsFrom, upgradeOptionsFrom } from '../../../host/src/admin/wire-options';

const good = { name: 'kv', command: '/bin/kv', cwd: '/tmp', config: false, env: { A: 'b' } };

test('options come as they were sent', () => {
  expect(loadOptionsFrom(good)).toEqual(good);
  expect(upgradeOptionsFrom({ command: 'kv', strategy: 'canary', canary: { steps: [] } })).toMatchObject({
    command: 'kv',
  });
  expect(upgradeOptionsFrom(undefined)).toEqual({});
});

test.each([
  ['verify', { verify: 'x' }],
  ['tls', { tls: {} }],
  ['command', { command: './kv' }],
  ['cwd', { cwd: 'plugins' }],
  ['config', { config: 'etc' }],
  ['strategy', { strategy: { name: 'own' } }],
  ['contract', { contract: [{}] }],
])('%s that can’t be meant by another process is refused', (option, options) => {
  expect(() => loadOptionsFrom({ ...good, ...options })).toThrow(
    expect.objectContaining({ code: 'OPTIONS_INVALID', facts: { option } }),
  );
});

test('plain data of the library is a message without what is undefined, and with errors as they are told', () => {
  const error = new TypeError('broken');
  expect(
    asStruct({
      a: 1,
      b: undefined,
      c: { d: undefined, e: [1, undefined] },
      error,
      at: Number.POSITIVE_INFINITY,
    }),
  ).toEqual({ a: 1, c: { e: [1, null] }, error: 'broken', at: 'Infinity' });
});
