import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { disposePlugins, startPluginProcess } from '../support/plugin-process';
import { kvTs } from '../support/samples';
import { tailored } from '../support/tailored';

afterEach(disposePlugins);

const root = join(__dirname, '../..');

const REFUSAL = `This binary is a plugin. These are not meant to be executed directly.
Please execute the program that consumes these plugins, which will
load any plugins automatically
`;

describe('the cookie', () => {
  test.each([
    ['missing', { KV_PLUGIN: '' }],
    ['another', { KV_PLUGIN: 'goodbye' }],
  ])(
    '%s: go-plugin’s text on standard error, nothing on standard output, exit code 1',
    async (_name, env) => {
      const plugin = startPluginProcess(kvTs('1'), { env });
      expect(await plugin.exit()).toEqual({ code: 1, signal: null });
      expect(plugin.stderr).toBe(REFUSAL);
      expect(plugin.stdout).toBe('');
    },
  );

  test('is refused in go-plugin’s words where the plugin itself has none', async () => {
    const plugin = tailored({ cookie: ['', ''] });
    expect(await plugin.exit()).toEqual({ code: 1, signal: null });
    expect(plugin.stderr).toContain(
      'Misconfigured ServeConfig given to serve this plugin: no magic cookie\n',
    );
    expect(plugin.stdout).toBe('');
  });

  test('is all that a plugin started by hand needs to print as any program', async () => {
    const plugin = startPluginProcess(kvTs('1'), {
      env: { KV_PLUGIN: '', PLUGIN_PROTOCOL_VERSIONS: '', PLUGIN_MIN_PORT: '' },
    });
    expect((await plugin.exit()).code).toBe(1);
  });
});

describe('the protocol version', () => {
  test.each([
    ['9,5,3', [3, 5], 5],
    ['2,3', [3, 5], 3],
    ['', [3, 5], 3],
    ['7', [3, 5], 3],
    ['1,2', [1, 2], 2],
    ['1', [2, 1], 1],
  ])('of a host that offers "%s" and a plugin of %j is %i', async (versions, protocolVersions, expected) => {
    const plugin = tailored({ protocolVersions }, { versions });
    expect((await plugin.handshake()).appVersion).toBe(expected);
  });

  test('what is no version is named on standard error and skipped', async () => {
    const plugin = tailored({ protocolVersions: [1, 2] }, { versions: 'bad,1' });
    expect((await plugin.handshake()).appVersion).toBe(1);
    expect(plugin.stderr).toContain('server sent invalid plugin version "bad"');
  });

  test.each([
    ['1', [1]],
    ['2', [1, 2]],
  ] as const)('the sample’s version %s speaks %j', async (version, speaks) => {
    const highest = startPluginProcess(kvTs(version), { versions: '1,2,3' });
    expect((await highest.handshake()).appVersion).toBe(speaks.at(-1));
    const lowest = startPluginProcess(kvTs(version), { versions: '1' });
    expect((await lowest.handshake()).appVersion).toBe(1);
  });
});

describe('the handshake line', () => {
  test('has six fields, the last of them empty, and is all that standard output ever gets', async () => {
    const plugin = startPluginProcess(kvTs('2'));
    const line = await plugin.handshake();
    expect(line).toMatchObject({ coreVersion: 1, network: 'unix', protocol: 'grpc', certificate: '' });
    expect(line.address).toMatch(new RegExp(`^${plugin.directory}/plugin\\d{1,10}$`));
    plugin.child.kill('SIGTERM');
    await plugin.exit();
    expect(plugin.stdout).toBe(`1|2|unix|${line.address}|grpc|\n`);
  });

  test.each(['true', '0'])(
    'says that it multiplexes to a host that asks for it with "%s"',
    async (multiplex) => {
      const plugin = startPluginProcess(kvTs('2'), { multiplex });
      await plugin.handshake();
      expect(plugin.stdout).toMatch(/^1\|2\|unix\|[^|]+\|grpc\|\|true\n$/);
    },
  );

  test('carries an unpadded certificate under AutoMTLS', async () => {
    const plugin = startPluginProcess(kvTs('2'), { autoMtls: true });
    expect((await plugin.handshake()).certificate).toMatch(/^[A-Za-z0-9+/]{400,}$/);
  });

  test('can carry go-plugin’s own curve', async () => {
    const plugin = tailored({ serve: { certificateCurve: 'P-521' } }, { autoMtls: true });
    expect((await plugin.handshake()).certificate.length).toBeGreaterThan(700);
  });
});

describe('what is printed before the handshake', () => {
  test.each([
    ['the guard imported first', ['guarded.cjs']],
    ['the guard given to node', ['--import', '@plugd/sdk/guard', 'noisy.cjs']],
  ])('never reaches standard output, with %s', async (_name, args) => {
    const plugin = tailored({}, {}, args);
    expect((await plugin.handshake()).protocol).toBe('grpc');
    plugin.child.kill('SIGTERM');
    await plugin.exit();
    expect(plugin.stdout.split('\n')).toHaveLength(2);
  });

  test('on standard error is seen by the host at once', async () => {
    const plugin = tailored({ setupPrints: 'about to hang', setup: 'hang' });
    await plugin.until(() => plugin.stderr.includes('about to hang\n'), 'the line');
  });

  test('is shown on standard error where the handshake never comes', async () => {
    const plugin = tailored({ setup: 'throw' }, {}, ['guarded.cjs']);
    expect(await plugin.exit()).toEqual({ code: 1, signal: null });
    expect(plugin.stdout).toBe('');
    expect(plugin.stderr).toContain('a banner by console.log\n');
    expect(plugin.logs()).toContainEqual(
      expect.objectContaining({
        level: 'error',
        message: 'plugin init error',
        fields: expect.objectContaining({ error: 'the setup has failed' }),
      }),
    );
  });
});

test('the start loads nothing but grpc-js, the wire of protobuf and the SDK’s own modules', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sdk-modules-'));
  try {
    const modulesFile = join(directory, 'modules.json');
    const plugin = tailored({ modulesFile }, { autoMtls: true });
    await plugin.connect();
    await plugin.until(() => readable(modulesFile), 'the list of modules');
    const modules: string[] = JSON.parse(readFileSync(modulesFile, 'utf8'));
    const allowed = execFileSync(
      process.execPath,
      [
        '-e',
        "require('@grpc/grpc-js'); require('@bufbuild/protobuf/wire'); console.log(Object.keys(require.cache).join('\\n'))",
      ],
      { cwd: root, encoding: 'utf8' },
    ).split('\n');
    const own = ['sdk/dist/', 'proto/dist/', 'test/support/plugins/'].map((path) => join(root, path));
    const foreign = modules.filter((file) => !own.some((path) => file.startsWith(path)));
    expect(foreign.length).toBeGreaterThan(50);
    expect(foreign.filter((file) => !allowed.includes(file))).toEqual([]);
    const later =
      /descriptor-index|built-in-descriptors|proto\/dist\/(broker|yamux)|open-broker|one-connection/;
    expect(modules.filter((file) => later.test(file))).toEqual([]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

function readable(file: string): boolean {
  try {
    JSON.parse(readFileSync(file, 'utf8'));
    return true;
  } catch {
    return false;
  }
}
