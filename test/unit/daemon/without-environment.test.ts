import { withoutEnvironment } from '../../../host/src/daemon/without-environment';

test('variables are hidden wherever they stand, and in whatever form', () => {
  const env = { TOKEN: 'secret' };
  expect(withoutEnvironment({ name: 'kv', env, deep: { all: [{ env }, 'plain', 3, null] } })).toEqual({
    ...{ name: 'kv', env: { TOKEN: '***' } },
    deep: { all: [{ env: { TOKEN: '***' } }, 'plain', 3, null] },
  });
  const list = ['TOKEN=secret'];
  expect(withoutEnvironment({ env: list, more: { env: 'TOKEN=secret' }, most: [[{ env: null }]] })).toEqual({
    ...{ env: '***', more: { env: '***' } },
    most: [[{ env: '***' }]],
  });
});

test('those that are known are shown, as long as they have the value that is known', () => {
  const env = { LEVEL: 'info', FLAVOUR: 'mine', constructor: 'x' };
  expect(withoutEnvironment({ env }, { LEVEL: 'info', FLAVOUR: 'plain' })).toEqual({
    env: { LEVEL: 'info', FLAVOUR: '***', constructor: '***' },
  });
});
