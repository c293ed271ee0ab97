import { createServer, type Socket } from 'node:net';
import { PluginError } from '@plugd/protocol/plugin-error';
import { toRpcError } from '../../../host/src/admin/error-wire';
import { AdminPlace } from '../admin/admin-place';
import { commandLine } from './command-line';

// The frame of the command, with servers of the admin API that have as much as a test needs.

let place: AdminPlace;
beforeEach(() => {
  place = new AdminPlace();
});
afterEach(() => place.close());

const at = (...args: string[]) => [...args, '--socket', place.socket];

const plugin = (name: string, more: object = {}) => ({
  name,
  state: 'serving',
  runningVersion: '1.0.0',
  diskVersion: '1.0.0',
  generation: 1,
  instances: 1,
  since: Date.now() - 3_000,
  source: 'directory',
  ...more,
});

describe('wrong usage', () => {
  test.each([
    ['an unknown verb', ['lits'], 'list'],
    ['an unknown option', ['list', '--sate', 'failed'], '--state'],
    ['an unknown form', ['list', '-o', 'xml'], 'table'],
    ['a time without a unit', ['list', '--timeout', '5'], '30s'],
    ['too many arguments', ['describe', 'a', 'b'], '1 argument'],
    ['an argument that is missing', ['pin', 'kv'], 'version'],
    ['an unknown level', ['logs', '--level', 'loud'], 'error'],
    ['an expression that is none', ['logs', '--grep', '('], 'regular expression'],
    ['a count that is none', ['logs', '--tail', '0'], 'whole number'],
    ['names of what has none', ['events', '-o', 'name'], 'json'],
    ['names of answers', ['call', 'kv', 'Get', '-o', 'name'], 'json'],
    ['a state that there is not', ['list', '--state', 'stopped', '--state', 'bogus'], 'serving'],
    ['bytes that are no base64', ['call', 'kv', 'Get', '-H', 'a-bin: !!'], 'base64'],
    ['a base64 that breaks off', ['call', 'kv', 'Get', '-H', 'A-Bin: AAAAA'], 'base64'],
    ['help for a verb that there is not', ['help', 'lits'], 'list'],
    ['nothing at all', [], 'status'],
    ['an unknown shell', ['completion', 'csh'], 'bash'],
  ])('%s: nothing is done, and it is said what there is', async (_name, args, hint) => {
    const { code, stdout, stderr } = await commandLine(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^plugd: \S/);
    expect(stderr).toContain(hint);
  });

  test('what destroys is not done where nobody can be asked', async () => {
    const asked: string[] = [];
    await place.serve({
      shutdown: () => {
        asked.push('shutdown');
        return {};
      },
    });
    expect(await commandLine(at('stop'))).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--yes'),
    });
    expect(asked).toEqual([]);
  });
});

describe('what ends a command', () => {
  test('no daemon: 3, with what to do', async () => {
    const { code, stdout, stderr } = await commandLine(at('list'));
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toMatch(/^plugd: \[DAEMON_UNREACHABLE\] .*\n(?: {2}.*\n)* {2}.*plugd start.*\n$/);
  });

  test('with -o json the error is one JSON document on stderr, with -o yaml a YAML one', async () => {
    const json = await commandLine(at('list', '-o', 'json'));
    expect(json).toMatchObject({ code: 3, stdout: '' });
    expect(JSON.parse(json.stderr)).toMatchObject({
      error: {
        code: 'DAEMON_UNREACHABLE',
        fault: 'operator',
        message: expect.stringContaining(place.socket),
        facts: { socket: place.socket },
        hint: expect.stringContaining('plugd start'),
      },
    });
    const yaml = await commandLine(at('list', '-o', 'yaml'));
    expect(yaml.stderr).toMatch(/^error:\n {2}code: DAEMON_UNREACHABLE\n/);
  });

  test('what the daemon refuses: 1, with code, facts and hint, none of which drives a terminal', async () => {
    await place.serve({
      describePlugin: () => {
        throw toRpcError(
          new PluginError('BUSY', 'It is\u001b[2J busy.', { facts: { last: 'a\u0007\nb', empty: '' } }),
        );
      },
    });
    expect(await commandLine(at('describe', 'kv'))).toEqual({
      code: 1,
      stdout: '',
      stderr: `plugd: [BUSY] It is\\x1b[2J busy.\n  last: a\\x07\n    b\n  ${new PluginError('BUSY', '').hint}\n`,
    });
  });

  test('a daemon that does not answer in time: 5', async () => {
    await place.serve({ listPlugins: () => new Promise(() => {}) });
    const { code, stderr } = await commandLine(at('list', '--timeout', '100ms'));
    expect(code).toBe(5);
    expect(stderr).toMatch(/^plugd: The daemon /);
    const json = await commandLine(at('list', '--timeout', '100ms', '--json'));
    expect(JSON.parse(json.stderr)).toMatchObject({ error: { code: 'TIMEOUT' } });
  });

  test('a daemon that takes connections and says nothing: 5, where the user said how long', async () => {
    const connections = new Set<Socket>();
    const mute = createServer((connection) => connections.add(connection));
    await new Promise<void>((done) => mute.listen(place.socket, done));
    try {
      const { code, stderr } = await commandLine(at('list', '--timeout', '100ms'));
      expect({ code, stderr }).toEqual({ code: 5, stderr: expect.stringMatching(/^plugd: The daemon at /) });
      expect(stderr).toContain('within 100 ms');
    } finally {
      for (const connection of connections) connection.destroy();
      mute.close();
    }
  });

  test('a daemon that keeps the descriptors of a plugin to itself does not hold up a call for ever: 5', async () => {
    await place.serve({
      describePlugin: () => ({}),
      getContract: () => new Promise(() => {}),
    });
    expect((await commandLine(at('call', 'kv', 'Get', '--timeout', '100ms'))).code).toBe(5);
  });

  test('following for so long and no longer: 5, after what came', async () => {
    await place.serve({
      async *watchEvents() {
        yield { event: { type: 'moon', plugin: 'kv', time: 1 } };
        await new Promise(() => {});
      },
    });
    const ran = await commandLine(at('events', '-f', '--timeout', '200ms'));
    expect(ran).toMatchObject({ code: 5, stdout: expect.stringContaining('moon') });
  });

  test('a daemon that goes in the middle of a stream: 3, after what came before', async () => {
    const server = await place.serve({
      async *watchEvents() {
        yield { event: { type: 'plugin', plugin: 'kv', time: 1, version: '1.0.0', to: 'serving' } };
        await new Promise(() => {});
      },
    });
    const ran = await commandLine(at('events', '-f'), { onText: () => server.forceShutdown() });
    expect(ran).toMatchObject({ code: 3, stdout: expect.stringContaining('kv') });
    expect(ran.stderr).toContain('[DAEMON_UNREACHABLE]');
  });

  test('Ctrl-C while following: 130, and not a word', async () => {
    let interrupt = (): void => {};
    await place.serve({
      async *readLogs() {
        yield { entry: { time: 1, level: 'info', message: 'one', plugin: 'kv' } };
        await new Promise(() => {});
      },
    });
    const ran = await commandLine(at('logs', '-f'), {
      onSignals: (stop) => (interrupt = stop),
      onText: () => interrupt(),
    });
    expect(ran).toMatchObject({ code: 130, stdout: expect.stringContaining('one'), stderr: '' });
  });

  test('a daemon that ends by itself while following: 0', async () => {
    await place.serve({
      async *readLogs(request) {
        yield { entry: { time: 1, level: 'info', message: JSON.stringify(request), plugin: 'kv' } };
      },
    });
    const ran = await commandLine(at('logs', 'kv', '-f', '--level', 'warn', '--grep', 'a.b', '-o', 'json'));
    expect(ran).toMatchObject({ code: 0, stderr: 'plugd: the daemon has ended.\n' });
    // What was asked: the latest few, and then what comes.
    expect(JSON.parse(JSON.parse(ran.stdout).message)).toMatchObject({
      plugin: 'kv',
      level: 'warn',
      grep: 'a.b',
      follow: true,
      tail: 10,
      since: 0,
    });
  });
});

describe('the forms of results', () => {
  beforeEach(async () => {
    await place.serve({
      listPlugins: () => ({
        plugins: [
          plugin('kv', { state: 'failed', runningVersion: '', since: 0, problem: 'broken\u001b[0m' }),
          plugin('other'),
        ],
      }),
    });
  });

  test('options count before the verb and behind it, and the nearer ones more', async () => {
    const before = await commandLine(['-o', 'json', '--socket', place.socket, 'list', '-o', 'name']);
    expect(before).toEqual({ code: 0, stdout: 'kv\nother\n', stderr: '' });
    const json = await commandLine(['--json', '--socket', place.socket, 'list', 'kv']);
    expect(JSON.parse(json.stdout)).toEqual([
      expect.objectContaining({ name: 'kv', runningVersion: null, since: null, problem: 'broken\u001b[0m' }),
    ]);
  });

  test('a table on a terminal has colours, unless the user wants none; its text is the same', async () => {
    const coloured = await commandLine(at('list'), { width: 200 });
    expect(coloured.stdout).toContain('\u001b[31mfailed\u001b[0m');
    const plain = await commandLine(at('list'));
    expect(plain.stdout).not.toContain('\u001b');
    expect(plain.stdout).toContain('broken\\x1b[0m');
    for (const [args, env] of [
      [['--no-color'], {}],
      [[], { NO_COLOR: '1' }],
      [[], { TERM: 'dumb' }],
    ] as const)
      expect((await commandLine(at('list', ...args), { width: 200, env })).stdout).toBe(plain.stdout);
    expect((await commandLine(at('list'), { width: 200, env: { NO_COLOR: '' } })).stdout).toBe(
      coloured.stdout,
    );
  });

  test('who has nothing to show says so to people alone', async () => {
    expect(await commandLine(at('list', '--state', 'stopped'))).toEqual({
      code: 0,
      stdout: '',
      stderr: 'None of the plugins is meant.\n',
    });
    expect(await commandLine(at('list', '--state', 'stopped', '-o', 'json'))).toEqual({
      code: 0,
      stdout: '[]\n',
      stderr: '',
    });
    expect((await commandLine(at('list', '--state', 'stopped', '-q'))).stderr).toBe('');
  });
});

test('a thousand plugins stay a list: one line each that fits, and those with problems alone in the status', async () => {
  const plugins = Array.from({ length: 1_000 }, (_, index) =>
    plugin(`plugin-${String(index).padStart(4, '0')}`, index % 100 === 7 ? { problem: 'x'.repeat(500) } : {}),
  );
  await place.serve({ listPlugins: () => ({ plugins }) });
  const list = await commandLine(at('list'), { width: 120, env: { NO_COLOR: '1' } });
  const lines = list.stdout.trimEnd().split('\n');
  expect(lines).toHaveLength(1_001);
  expect(Math.max(...lines.map((line) => line.length))).toBe(120);
  const status = await commandLine(at('status'));
  expect(status.stdout).toContain('Plugins: 1000 (1000 serving)\n');
  expect(status.stdout.match(/^plugin-/gm)).toHaveLength(10);
});
