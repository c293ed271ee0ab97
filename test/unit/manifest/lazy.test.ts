// An application that loads plugins by options pays for no parser and no schema at its start.
jest.mock('yaml', () => {
  throw new Error('the parser was loaded');
});
jest.mock('zod', () => {
  throw new Error('the schemas were loaded');
});

test('the host comes without what reads manifests, until one is read', () => {
  const host: typeof import('../../../host/src/index') = require('../../../host/src/index');
  expect(typeof host.createHost).toBe('function');
  expect(() => host.parseManifest('name: kv', 'plugin.yaml')).toThrow('the parser was loaded');
});
