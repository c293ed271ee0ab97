import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PluginError } from '@plugd/protocol/plugin-error';
import { overridingKeys } from '../../../host/src/config/config';
import { configJsonSchema } from '../../../host/src/config/json-schema';
import { parseConfig } from '../../../host/src/config/parse-config';
import type { SourceProblem } from '../../../host/src/manifest/problem';

const root = join(__dirname, '../../..');

function refusal(text: string): PluginError {
  try {
    parseConfig(text, '/etc/plugd/plugd.yaml');
  } catch (error) {
    if (error instanceof PluginError) return error;
    throw error;
  }
  throw new Error('it was taken');
}

/** `line:column message`, with what was likely meant. */
function problems(text: string): string[] {
  const error = refusal(text);
  expect(error.code).toBe('CONFIG_INVALID');
  const found = error.facts['problems'] as readonly SourceProblem[];
  return found.map(
    ({ line, column, message, suggestion }) =>
      `${line}:${column} ${message}${suggestion === undefined ? '' : ` → ${suggestion}`}`,
  );
}

test('the least that a config can say', () => {
  expect(parseConfig('version: 1\n', 'plugd.yaml')).toEqual({ version: 1 });
});

test('relative paths are taken from the directory of the file, and absolute ones as they are', () => {
  const text = `version: 1
pluginsDir: plugins
socket: ./run/plugd.sock
stateDir: /var/lib/plugd
frontDoor: { socket: ../front.sock }
metrics: { socket: run/metrics.sock }
logs: { directory: logs, level: debug }
plugins:
  kv:
    env: { TOKEN: { file: secrets/token }, MODE: fast }
    config: kv.d
`;
  expect(parseConfig(text, '/etc/plugd/plugd.yaml')).toEqual({
    version: 1,
    pluginsDir: '/etc/plugd/plugins',
    socket: '/etc/plugd/run/plugd.sock',
    stateDir: '/var/lib/plugd',
    frontDoor: { socket: '/etc/front.sock' },
    metrics: { socket: '/etc/plugd/run/metrics.sock' },
    logs: { directory: '/etc/plugd/logs', level: 'debug' },
    plugins: {
      kv: {
        env: { TOKEN: { file: '/etc/plugd/secrets/token' }, MODE: 'fast' },
        config: '/etc/plugd/kv.d',
      },
    },
  });
});

test('what can be switched off is', () => {
  expect(parseConfig('version: 1\npluginsDir: false\nfrontDoor: false\nmetrics: false\n', 'x')).toEqual({
    version: 1,
    pluginsDir: false,
    frontDoor: false,
    metrics: false,
  });
});

test('a plugin may be named like what objects have by nature', () => {
  const { plugins } = parseConfig('version: 1\nplugins: { constructor: { instances: 2 } }\n', 'x');
  expect(plugins).toEqual({ constructor: { instances: 2 } });
});

test.each([
  ['an empty file', '', ['1:1 the file has to hold a map of keys and values']],
  ['a list', '- a\n', ['1:1 the file has to hold a map of keys and values']],
  ['a config of no form', 'plugins: {}\n', ['1:1 version is missing']],
  ['a form of tomorrow', 'version: 2\n', ['1:10 version is the number 2; it has to be 1']],
  ['a map for a text', 'version: 1\nsocket: { path: /x }\n', ['2:9 socket is a map; it has to be a text']],
  ['plugins as a list', 'version: 1\nplugins:\n  - kv\n', ['3:3 plugins is a list; it has to be a map']],
  ['an unknown key', 'version: 1\npluginDir: plugins\n', ['2:1 unknown key "pluginDir" → "pluginsDir"']],
  [
    'an unknown key of a plugin',
    'version: 1\nplugins:\n  kv:\n    instancse: 2\n',
    ['4:5 unknown key "instancse" → "instances"'],
  ],
  [
    'an unknown key of a secret',
    'version: 1\nplugins: { kv: { env: { T: { fiel: x } } } }\n',
    ['2:25 plugins.kv.env.T.file is missing', '2:30 unknown key "fiel" → "file"'],
  ],
  [
    'a setting of plugins for all of them',
    'version: 1\nstopTimeoutMs: 5\n',
    ['2:1 unknown key "stopTimeoutMs": it stands in plugins.<name>'],
  ],
  [
    'two plugins of a name',
    'version: 1\nplugins:\n  kv: { instances: 2 }\n  log: {}\n  kv: { enabled: false }\n',
    ['5:3 the key "kv" stands already in line 3'],
  ],
  [
    'a name that no plugin can have',
    'version: 1\nplugins: { ../kv: {} }\n',
    ['2:12 the key "../kv" has to be at most 64 letters, digits, . _ -, the first a letter or digit'],
  ],
  [
    'a range as a pin',
    'version: 1\nplugins: { kv: { pin: ^1.2.0 } }\n',
    ['2:23 plugins.kv.pin is "^1.2.0"; it has to be a semantic version such as 1.2.3'],
  ],
  [
    'a pin that is a number',
    'version: 1\nplugins: { kv: { pin: 1.10 } }\n',
    ['2:23 plugins.kv.pin is the number 1.10; it has to be a text: put it in quotes'],
  ],
  [
    'a range of waits that ends before it begins',
    'version: 1\nplugins:\n  kv:\n    restart: { backoff: { initialMs: 50, maxMs: 10 } }\n',
    ['4:38 option restart.backoff.initialMs is 50; it has to be at most maxMs, which is 10'],
  ],
  [
    'a number out of its range',
    'version: 1\nlogs: { maxFiles: 0 }\nfrontDoor: { port: 70000 }\n',
    [
      '2:19 logs.maxFiles is the number 0; it has to be at least 1',
      '3:20 frontDoor.port is the number 70000; it has to be at most 65535',
    ],
  ],
  [
    'ports for several processes',
    'version: 1\nplugins: { kv: { ports: { http: 80 }, instances: 2 } }\n',
    [expect.stringMatching(/^2:\d+ /)],
  ],
  [
    'one socket for two',
    'version: 1\nsocket: run/a.sock\nfrontDoor: { socket: ./run/a.sock }\n',
    ['3:22 frontDoor.socket is the same file as socket'],
  ],
  [
    'one directory for two',
    'version: 1\npluginsDir: x\nstateDir: ./x\n',
    ['3:11 stateDir is the same directory as pluginsDir'],
  ],
  [
    'a front door in two places',
    'version: 1\nfrontDoor: { socket: a, port: 1 }\n',
    [expect.stringMatching(/^2:\d+ unknown key "port"/)],
  ],
  [
    'a control character',
    'version: 1\nsocket: "a\u0007"\n',
    ['2:11 the control character U+0007 is not allowed'],
  ],
])('%s is refused, with its place', (_, text, expected) => {
  expect(problems(text)).toEqual(expected);
});

test('all problems are told at once, in the order of the file', () => {
  expect(problems('versoin: 1\nlogs: { level: verbose }\nplugins: { kv: { enabled: maybe } }\n')).toEqual([
    '1:1 version is missing',
    '1:1 unknown key "versoin" → "version"',
    '2:16 logs.level is "verbose"; it has to be one of trace, debug, info, warn, error',
    '3:27 plugins.kv.enabled is "maybe"; it has to be true or false',
  ]);
});

test('no message shows the value of a variable', () => {
  const error = refusal(
    'version: 1\nplugins: { kv: { env: { TOKEN: 12345678, KEY: [hush], "A=B": hush, F: { file: 87654321 } } } }\n',
  );
  expect(JSON.stringify([error.message, error.facts])).not.toMatch(/12345678|hush|87654321/);
  expect(error.facts['problems']).toHaveLength(4);
});

test('what a file can hold does not reach a terminal', () => {
  const error = refusal('version: 1\n"\\e[31m\\u202e": 1\nlogs: { level: "\\r\\n\\e]0;x" }\n');
  expect(error.message).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
});

test('settings of a thousand plugins are taken', () => {
  const entries = Array.from(
    { length: 1_000 },
    (_, index) => `  p${index}: { instances: 2, pin: 1.0.${index} }\n`,
  );
  const { plugins = {} } = parseConfig(`version: 1\nplugins:\n${entries.join('')}`, 'x');
  expect(Object.keys(plugins)).toHaveLength(1_000);
});

describe('the published schema', () => {
  const published: unknown = JSON.parse(readFileSync(join(root, 'host/schemas/plugd.schema.json'), 'utf8'));

  test('is that of the code: npm run generate', () => {
    expect(published).toEqual(JSON.parse(JSON.stringify(configJsonSchema())));
  });

  test('describes each setting, and allows no others', () => {
    expect(published).toMatchObject({ additionalProperties: false });
    const { properties } = published as { properties: Record<string, { description?: string }> };
    for (const [key, { description }] of Object.entries(properties))
      expect(`${key}: ${description}`).toMatch(/: [A-Z].*\.$/);
    const { additionalProperties: plugin } = properties['plugins'] as {
      additionalProperties: { properties: Record<string, unknown>; additionalProperties: boolean };
    };
    expect(plugin.additionalProperties).toBe(false);
    expect(Object.keys(plugin.properties).sort()).toEqual(
      ['pin', 'enabled', 'env', ...overridingKeys].sort(),
    );
  });
});
