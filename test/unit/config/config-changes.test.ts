import { configChanges } from '../../../host/src/config/config-changes';
import { parseConfig } from '../../../host/src/config/parse-config';

const changes = (before: string, after: string) =>
  configChanges(parseConfig(`version: 1\n${before}`, '/x/a'), parseConfig(`version: 1\n${after}`, '/x/a'));

test('a config that says the same in another order changes nothing', () => {
  const before = 'plugins: { kv: { instances: 2, limits: { ageMs: 5, memoryBytes: 6 } } }\nsocket: a\n';
  const after =
    'socket: ./a\nplugins: { kv: { limits: { memoryBytes: 6, ageMs: 5 }, instances: 2 }, log: {} }\n';
  expect(changes(before, after)).toEqual({ plugins: [], daemon: [] });
});

test('what is different of a plugin is told, without the values of variables', () => {
  const before = `plugins:
  kv: { instances: 1, env: { TOKEN: hush, MODE: a, OLD: b }, limits: { ageMs: 5 } }
  log: { enabled: false }
  gone: { pin: 1.0.0 }
`;
  const after = `plugins:
  kv: { instances: 2, env: { TOKEN: { file: hush }, MODE: a }, limits: { ageMs: 6 } }
  log: {}
  new: { args: [--token, hush] }
`;
  const { plugins } = changes(before, after);
  expect(plugins).toEqual([
    { name: 'gone', reason: 'pin 1.0.0 → default' },
    { name: 'kv', reason: 'instances 1 → 2, limits, env OLD, env TOKEN' },
    { name: 'log', reason: 'enabled false → default' },
    { name: 'new', reason: 'args' },
  ]);
  expect(JSON.stringify(plugins)).not.toContain('hush');
});

test('settings of the daemon itself are told apart from those of plugins', () => {
  const before = 'frontDoor: { port: 1 }\nlogs: { level: info, maxFiles: 3 }\npluginsDir: p\n';
  const after = 'frontDoor: false\nlogs: { level: debug, maxFiles: 3 }\npluginsDir: p\nstateDir: s\n';
  expect(changes(before, after)).toEqual({
    plugins: [],
    daemon: [
      { setting: 'frontDoor', from: '', to: 'false' },
      { setting: 'frontDoor.port', from: '1', to: '' },
      { setting: 'logs.level', from: 'info', to: 'debug' },
      { setting: 'stateDir', from: '', to: '/x/s' },
    ],
  });
});

test('to have a config is a change to having none', () => {
  const config = parseConfig('version: 1\nplugins: { kv: { instances: 2 } }\n', '/x/a');
  expect(configChanges(undefined, config).plugins).toEqual([{ name: 'kv', reason: 'instances default → 2' }]);
  expect(configChanges(config, undefined).plugins).toEqual([{ name: 'kv', reason: 'instances 2 → default' }]);
  expect(configChanges(undefined, parseConfig('version: 1\n', 'a'))).toEqual({ plugins: [], daemon: [] });
});

test('a plugin with the name of what objects have by nature is compared as any other', () => {
  expect(
    changes('', 'plugins: { constructor: { instances: 2 }, __proto__: { instances: 2 } }\n'),
  ).toMatchObject({
    plugins: [{ name: 'constructor', reason: 'instances default → 2' }],
  });
});
