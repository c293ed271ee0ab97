import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PluginError } from '@plugd/protocol/plugin-error';
import { manifestJsonSchema } from '../../../host/src/manifest/json-schema';
import { parseManifest } from '../../../host/src/manifest/parse-manifest';
import type { SourceProblem } from '../../../host/src/manifest/problem';

const root = join(__dirname, '../../..');
const least = `name: kv
version: 1.2.3
command: kv
handshake:
  cookie: [KV_PLUGIN, hello]
  protocolVersions: [1, 2]
`;

function refusal(text: string): PluginError {
  try {
    parseManifest(text, 'kv/1.2.3/plugin.yaml');
  } catch (error) {
    if (error instanceof PluginError) return error;
    throw error;
  }
  throw new Error('it was taken');
}

/** `line:column message`, with what was likely meant. */
function problems(text: string): string[] {
  const error = refusal(text);
  expect(error.code).toBe('MANIFEST_INVALID');
  const found = error.facts['problems'] as readonly SourceProblem[];
  return found.map(
    ({ line, column, message, suggestion }) =>
      `${line}:${column} ${message}${suggestion === undefined ? '' : ` → ${suggestion}`}`,
  );
}

test('the least that a manifest can say', () => {
  expect(parseManifest(least, 'x')).toEqual({
    name: 'kv',
    version: '1.2.3',
    command: 'kv',
    handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1, 2] },
  });
});

test('whoever leaves something out learns all of it', () => {
  expect(problems('args: []\n')).toEqual([
    '1:1 name is missing',
    '1:1 version is missing',
    '1:1 command is missing',
    '1:1 handshake is missing',
  ]);
});

test('all problems of a file are told at once, in its order, with path, line and column', () => {
  const text = `${least.replace('1.2.3', '1.10').replace('[KV_PLUGIN, hello]', '[KV_PLUGIN]')}instancse: 2
restart: { hold: { limitMs: -1 }, policy: sometimes }
autoMtls: "yes"
args: a
`;
  expect(problems(text)).toEqual([
    '2:10 version is the number 1.10; it has to be a text: put it in quotes',
    '5:11 handshake.cookie is a list; it has to be a list of at least 2',
    '7:1 unknown key "instancse" → "instances"',
    '8:29 restart.hold.limitMs is the number -1; it has to be at least 0',
    '8:43 restart.policy is "sometimes"; it has to be one of always, on-failure, never',
    '9:11 autoMtls is "yes"; it has to be true or false',
    '10:7 args is "a"; it has to be a list',
  ]);
  const error = refusal(text);
  expect(error.facts['path']).toBe('kv/1.2.3/plugin.yaml');
  expect(error.summary).toContain('kv/1.2.3/plugin.yaml has 7 problems: 2:10: version');
  expect(error.summary).toContain('7:1: unknown key "instancse" (did you mean "instances"?)');
});

test.each([
  ['start_timeout_ms: 1\n', 'unknown key "start_timeout_ms" → "startTimeoutMs"'],
  ['strategy: blue_green\n', /^strategy is "blue_green"; .* → "blue-green"$/],
  ['smoke: [{ method: a.B/C, status: NOTFOUND }]\n', /status is "NOTFOUND"; .* → "NOT_FOUND"$/],
  ['restart: { backof: {} }\n', 'unknown key "backof" → "backoff"'],
  ['expect: { stepMs: { drian: 5 } }\n', 'unknown key "drian" → "drain"'],
  ['resources: { db: exclusiv }\n', /^resources.db is "exclusiv"; .* → "exclusive"$/],
  // A key that has its place elsewhere is told where.
  ['cookie: [A, b]\n', 'unknown key "cookie": it stands in handshake'],
  ['limits: { instances: 3 }\n', 'unknown key "instances": it stands at the top level'],
  ['wibble: 1\n', 'unknown key "wibble"'],
])('%j gets a suggestion', (line, message) => {
  const [found = ''] = problems(least + line);
  expect(found.replace(/^\d+:\d+ /, '')).toEqual(
    typeof message === 'string' ? message : expect.stringMatching(message),
  );
});

test.each([
  ['a platform that there is none of', 'linux-x46: kv', 'unknown key "linux-x46" → "linux-x64"'],
  ['a way out of the directory', 'linux-x64: ../kv', /has to be the path of a file in this directory/],
  ['a way out in the middle', 'linux-x64: a/../../kv', /has to be the path of a file/],
  ['an absolute path', 'linux-x64: /bin/sh', /has to be the path of a file/],
  ['a drive', 'windows-x64: "C:kv.exe"', /has to be the path of a file/],
  ['backslashes', 'windows-x64: bin\\kv.exe', /has to be the path of a file/],
])('a command with %s is refused', (_, entry, message) => {
  const [found = ''] = problems(least.replace('command: kv', `command: { ${entry} }`));
  expect(found.replace(/^\d+:\d+ /, '')).toEqual(
    typeof message === 'string' ? message : expect.stringMatching(message),
  );
});

test.each(['v1.2.3', '"1.2"', '" 1.2.3"', '1.2.3-', '01.2.3', 'latest', `1.2.3-${'a'.repeat(200)}`])(
  'the version %s is refused',
  (version) => {
    expect(problems(least.replace('1.2.3', version))).toHaveLength(1);
  },
);

test.each(['1.2.3-rc.1', '1.2.3+build.5', '10.20.30-a-b.0', '0.0.0'])(
  'the version %s is taken',
  (version) => {
    expect(parseManifest(least.replace('1.2.3', version), 'x').version).toBe(version);
  },
);

test.each([
  ['no range', 'requires: { other: newest }'],
  ['a range that no version is in', 'requires: { other: ">2 <1" }'],
  ['itself', 'requires: { kv: ^1.0.0 }'],
  ['a sum that is none', `files: { kv: ${'g'.repeat(64)} }`],
  ['a command that has no sum', `files: { other: ${'a'.repeat(64)} }`],
  ['its own sum', `files: { kv: ${'a'.repeat(64)}, plugin.yaml: ${'a'.repeat(64)} }`],
  ['two sums of a file', `files: { kv: ${'a'.repeat(64)}, ./kv: ${'b'.repeat(64)} }`],
  ['a schema that it does not read', 'state: { schema: 3, restores: [1, 2] }'],
  ['an answer with a failure', 'smoke: [{ method: a.B/C, status: NOT_FOUND, answer: {} }]'],
  ['a method that is none', 'smoke: [{ method: B.C }]'],
  ['a service twice', 'services: [a.B, a.B]'],
  ['the strategy of one that runs twice', 'single: true\nstrategy: canary'],
  ['two of one that runs alone', 'single: true\ninstances: 2'],
  ['ports of two', 'ports: { http: 80 }\ninstances: 2'],
  ['waits in disorder', 'restart: { backoff: { initialMs: 50, maxMs: 10 } }'],
  ['weights in disorder', 'canary: { steps: [{ weight: 10 }, { weight: 5 }, { weight: 100 }] }'],
  ['no instance to replace', 'rolling: { maxSurge: 0 }'],
  ['a shadow that ends before it may', 'shadow: { durationMs: 10, timeoutMs: 5 }'],
  ['nothing to compare with', 'blueGreen: { rule: { metrics: [{ metric: p99, against: absolute }] } }'],
  ['a command for nothing', 'command: {}'],
])('%s is refused, in one place', (_, line) => {
  const key = line.slice(0, line.indexOf(':') + 1);
  const without = least.replace(new RegExp(`^${key}.*\n`, 'm'), '');
  const [found, ...others] = problems(`${without}${line}\n`);
  expect(others).toEqual([]);
  // Not at the beginning of the file, but where it stands.
  expect(Number(found?.split(':', 1)[0])).toBeGreaterThan(1);
});

test('no message shows the value of a variable', () => {
  const error = refusal(`${least}env: { TOKEN: 12345678, KEY: [hush], "A=B": hush }\n`);
  expect(JSON.stringify([error.message, error.facts])).not.toMatch(/12345678|hush/);
  expect(error.facts['problems']).toHaveLength(3);
});

test('what a file can hold does not reach a terminal', () => {
  const error = refusal(`${least}"\\e[31m\\u202e": 1\nstrategy: "\\r\\n\\e]0;x"\n`);
  expect(error.message).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
  expect(error.message).toContain('unknown key "\\x1b[31m\\u202e"');
});

test('a thousand problems are counted, and the first of them told', () => {
  const lines = Array.from({ length: 1_000 }, (_, index) => `zz${index}: 1\n`).join('');
  const error = refusal(least + lines);
  expect(error.facts['problems']).toHaveLength(1_000);
  expect(error.summary).toMatch(/has 1000 problems: .*and 980 more\.$/);
  expect(error.summary.length).toBeLessThan(2_000);
});

test('the word none takes a default away, as Infinity does for load', () => {
  const { expect: expected } = parseManifest(`${least}expect: { failed: none, cut: 0 }\n`, 'x');
  expect(expected).toEqual({ failed: Number.POSITIVE_INFINITY, cut: 0 });
});

describe('the published schema', () => {
  const published: unknown = JSON.parse(readFileSync(join(root, 'host/schemas/plugin.schema.json'), 'utf8'));

  test('is that of the code: npm run generate', () => {
    expect(published).toEqual(JSON.parse(JSON.stringify(manifestJsonSchema())));
  });

  test('describes each key of a manifest, and allows no others', () => {
    expect(published).toMatchObject({ additionalProperties: false });
    const source = readFileSync(join(root, 'host/src/manifest/manifest.ts'), 'utf8');
    const [, body = ''] = /interface Manifest [^{]*\{\n([\s\S]*?)\n\}/.exec(source) ?? [];
    const own = [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, key = '']) => key);
    const upgrade = [
      ...(/type UpgradePart = Pick<[^']*((?:'\w+'[\s|]*)+)/.exec(source)?.[1] ?? '').matchAll(/\w+/g),
    ];
    const { properties } = published as { properties: Record<string, { description?: string }> };
    expect(Object.keys(properties).sort()).toEqual([...own, ...upgrade.map(([key]) => key)].sort());
    for (const [key, { description }] of Object.entries(properties))
      expect(`${key}: ${description}`).toMatch(/: [A-Z].*\.$/);
  });
});
