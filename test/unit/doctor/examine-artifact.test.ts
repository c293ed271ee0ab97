import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import type { DaemonConfig } from '../../../host/src/config/config';
import { examineArtifact } from '../../../host/src/doctor/examine-artifact';
import { examineExecutable } from '../../../host/src/doctor/examine-executable';
import type { Finding } from '../../../host/src/doctor/finding';
import type { DoctorSurroundings } from '../../../host/src/doctor/surroundings';
import { kvTs } from '../../support/samples';
import { manifest, patched, Ward } from './ward';

// Real artifacts, each ill in one way, and what is found of it.

const ward = new Ward();
const work = ward.path('work');
mkdirSync(work);
afterAll(() => ward.remove());
// Whatever becomes of it, nothing of an examination is left.
afterEach(() => expect(readdirSync(work)).toEqual([]));

const surroundings = (more: Partial<DoctorSurroundings> = {}): DoctorSurroundings => ({
  env: process.env,
  cwd: ward.directory,
  places: {
    socket: ward.path('plugd.sock'),
    frontDoor: false,
    metrics: false,
    stateDir: ward.path('state'),
    logDir: ward.path('logs'),
    pluginsDir: undefined,
  },
  temporary: work,
  start: true,
  startTimeoutMs: 10_000,
  ...more,
});

const wrong = (findings: readonly Finding[]) => findings.filter(({ verdict }) => verdict !== 'ok');

/** What is wrong with it: the one finding, of which there is a fix. */
async function illness(directory: string, more: Partial<DoctorSurroundings> = {}): Promise<Finding> {
  const [found, ...others] = wrong(await examineArtifact(directory, surroundings(more)));
  expect(others).toEqual([]);
  if (found === undefined) throw new Error('nothing was found');
  expect(found.fix).toEqual(expect.stringMatching(/\w/));
  return found;
}

let count = 0;
/** A version of a plugin that is run by a script. */
function ill(script: string, more = ''): string {
  count++;
  return ward.artifact(`plugins/ill${count}/1.0.0`, script, more);
}

test('a plugin that is well passes each check', async () => {
  const directory = ward.path('plugins/kv/1.0.0');
  mkdirSync(directory, { recursive: true });
  ward.put('plugins/kv/1.0.0/plugin.yaml', manifest('kv', '1.0.0', 'services: [samples.kv.v1.Kv]\n'));
  copyFileSync(kvTs('1'), ward.path('plugins/kv/1.0.0/kv'));
  const findings = await examineArtifact(directory, surroundings());
  expect(wrong(findings)).toEqual([]);
  expect(findings.map(({ check }) => check)).toEqual([
    'directory',
    'manifest',
    'files',
    'entry file',
    'permission',
    'interpreter',
    'start',
    'services',
  ]);
  expect(findings.every(({ subject }) => subject === 'kv 1.0.0')).toBe(true);
  // And alone, without a manifest.
  const alone = await examineExecutable(
    `${directory}/kv`,
    { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1] },
    surroundings(),
  );
  expect(wrong(alone)).toEqual([]);
  expect(alone.map(({ check }) => check)).toContain('start');
});

test('what the manifest promises beside is tried with the smoke calls of a start', async () => {
  const directory = ward.path('plugins/smoky/1.0.0');
  mkdirSync(directory, { recursive: true });
  copyFileSync(kvTs('1'), `${directory}/smoky`);
  const secret = ward.put('smoky-secret', 'hush-hush', 0o600);
  const config: DaemonConfig = {
    version: 1,
    plugins: { smoky: { env: { T: { file: secret } }, instances: 3 } },
  };
  const smoke = (status: string) =>
    ward.put(
      'plugins/smoky/1.0.0/plugin.yaml',
      manifest(
        'smoky',
        '1.0.0',
        `requires: { other: ^1.0.0 }\nexpect: { failed: none }\nsmoke: [{ method: samples.kv.v1.Kv/Get, request: { key: none }, status: ${status} }]\n`,
      ),
    );
  smoke('OK');
  const well = await examineArtifact(directory, surroundings({ config }));
  expect(wrong(well)).toEqual([]);
  expect(well.at(-1)).toMatchObject({ check: 'smoke calls', verdict: 'ok' });
  smoke('NOT_FOUND');
  expect(await illness(directory, { config })).toMatchObject({ check: 'smoke calls', code: 'SMOKE_FAILED' });
});

describe('before anything is run', () => {
  test('a directory that is not there', async () => {
    expect(await illness(ward.path('plugins/none/1.0.0'))).toMatchObject({
      check: 'directory',
      verdict: 'fail',
    });
  });

  test('a manifest that is not there, and one of a wrong name', async () => {
    const directory = ill('exit 1');
    renameSync(`${directory}/plugin.yaml`, `${directory}/plugin.yml`);
    expect(await illness(directory)).toMatchObject({
      check: 'manifest',
      code: 'MANIFEST_NOT_FOUND',
      fix: 'Rename plugin.yml to plugin.yaml.',
    });
  });

  test('a manifest with mistakes, each with its place', async () => {
    const directory = ill('exit 1', 'instancse: 2\nrequires: { log: ">2 <1" }\n');
    expect(await illness(directory)).toMatchObject({
      check: 'manifest',
      code: 'MANIFEST_INVALID',
      seen: expect.stringContaining('has 2 mistakes'),
      details: [
        expect.stringMatching(/^5:1: unknown key "instancse" \(did you mean "instances"\?\)/),
        expect.stringMatching(/^6:18: requires.log is ">2 <1"; it has to be a range/),
      ],
    });
  });

  test('a version in the place of another one', async () => {
    const directory = ill('exit 1');
    const elsewhere = directory.replace('1.0.0', '1.0.1');
    renameSync(directory, elsewhere);
    expect(await illness(elsewhere)).toMatchObject({ check: 'directory', code: 'ARTIFACT_MISPLACED' });
  });

  test('a command for other machines', async () => {
    const directory = ill('exit 1');
    ward.put(
      `plugins/ill${count}/1.0.0/plugin.yaml`,
      manifest(`ill${count}`, '1.0.0').replace(/^command: .*$/m, 'command: { openbsd-x64: x }'),
    );
    expect(await illness(directory)).toMatchObject({ check: 'platform', code: 'PLATFORM_UNSUPPORTED' });
  });

  test('a file whose sum is another one', async () => {
    const sum = createHash('sha256').update('another').digest('hex');
    const directory = ill('exit 1', `files: { ill${count + 1}: ${sum} }\n`);
    expect(await illness(directory)).toMatchObject({ check: 'files', code: 'ARTIFACT_CHANGED' });
  });

  test('an executable that is not there, with the one that is meant', async () => {
    const directory = ill('exit 1');
    renameSync(`${directory}/ill${count}`, `${directory}/ill${count}x`);
    expect(await illness(directory)).toMatchObject({
      check: 'entry file',
      seen: `There is no file ${directory}/ill${count}.`,
      fix: expect.stringContaining(`Did you mean ill${count}x`),
    });
  });

  test('an executable that is a directory', async () => {
    const directory = ill('exit 1');
    renameSync(`${directory}/ill${count}`, `${directory}/other`);
    mkdirSync(`${directory}/ill${count}`);
    expect(await illness(directory)).toMatchObject({ check: 'entry file', verdict: 'fail' });
  });

  test('a file that is not executable is no matter in an artifact, and one without', async () => {
    const directory = ill('echo no >&2; exit 3');
    chmodSync(`${directory}/ill${count}`, 0o644);
    expect((await illness(directory)).check).toBe('exit');
    const alone = await examineExecutable(
      `${directory}/ill${count}`,
      { cookie: ['A', 'b'], protocolVersions: [1] },
      surroundings(),
    );
    expect(alone).toEqual([
      expect.objectContaining({
        check: 'permission',
        verdict: 'fail',
        seen: expect.stringContaining('-rw-r--r--'),
        fix: expect.stringContaining('chmod +x'),
      }),
    ]);
  });

  test('an interpreter that is not there, and one behind a carriage return', async () => {
    const directory = ill('exit 1');
    const file = `plugins/ill${count}/1.0.0/ill${count}`;
    ward.put(file, '#!/nowhere/python9\n');
    expect(await illness(directory)).toMatchObject({
      check: 'interpreter',
      code: 'COMMAND_UNRUNNABLE',
      seen: expect.stringContaining(
        `${directory}/ill${count} can't be run: its interpreter /nowhere/python9`,
      ),
    });
    ward.put(file, '#!/bin/sh\r\nexit 1\r\n');
    expect(await illness(directory)).toMatchObject({
      check: 'interpreter',
      fix: expect.stringContaining('line ends of Unix'),
    });
  });

  test('a runtime that is in no directory of PATH', async () => {
    const directory = ill('exit 1', 'runtime: python9\n');
    expect(await illness(directory, { env: { PATH: '/usr/bin' } })).toMatchObject({
      check: 'runtime',
      fix: expect.stringContaining('/usr/bin'),
    });
  });

  test('a text that is no program', async () => {
    const directory = ill('');
    ward.put(`plugins/ill${count}/1.0.0/ill${count}`, 'just a text\n');
    expect(await illness(directory)).toMatchObject({ check: 'format', code: 'COMMAND_UNRUNNABLE' });
  });

  test('a configuration that is not there', async () => {
    expect(await illness(ill('exit 1', 'config: conf.d\n'), { start: false })).toMatchObject({
      check: 'config directory',
    });
  });

  test('a secret that everybody can read', async () => {
    const file = ward.put('secret', 'hush-hush', 0o644);
    const directory = ill('exit 1');
    const config: DaemonConfig = { version: 1, plugins: { [`ill${count}`]: { env: { T: { file } } } } };
    const found = await illness(directory, { config });
    expect(found).toMatchObject({ check: 'secrets', code: 'SECRET_UNSAFE' });
    expect(JSON.stringify(found)).not.toContain('hush-hush');
  });
});

const loader = '/lib64/ld-linux-x86-64.so.2';
const onLinux =
  process.platform === 'linux' && process.arch === 'x64' && existsSync(loader) ? test : test.skip;

describe('programs', () => {
  function program(change: (path: string) => void): string {
    const directory = ill('');
    change(`${directory}/ill${count}`);
    return directory;
  }

  onLinux('of another architecture', async () => {
    const directory = program((path) => {
      const bytes = readFileSync('/bin/true');
      // Of machine 258: LoongArch.
      bytes.writeUInt16LE(258, 18);
      writeFileSync(path, bytes, { mode: 0o755 });
    });
    expect(await illness(directory)).toMatchObject({
      check: 'architecture',
      code: 'WRONG_ARCHITECTURE',
      seen: expect.stringContaining('built for loong64, this machine is x64'),
    });
  });

  onLinux('with a loader that is not there', async () => {
    const directory = program((path) => patched('/bin/true', path, loader, loader.replace('.2', '.9')));
    expect(await illness(directory)).toMatchObject({
      check: 'loader',
      seen: expect.stringContaining('/lib64/ld-linux-x86-64.so.9'),
      fix: expect.stringContaining('C library'),
    });
  });

  onLinux('that lack a library: it is named, and the loader says the same', async () => {
    const directory = program((path) => patched('/bin/true', path, 'libc.so.6', 'libq.so.6'));
    const found = wrong(await examineArtifact(directory, surroundings()));
    expect(found).toEqual([
      expect.objectContaining({
        check: 'libraries',
        verdict: 'fail',
        seen: `libq.so.6, which ${directory}/ill${count} needs, is in no place where the loader looks.`,
        fix: expect.stringContaining('apt-file search libq.so.6'),
      }),
      expect.objectContaining({
        check: 'exit',
        code: 'EXITED_BEFORE_HANDSHAKE',
        details: expect.arrayContaining(['exit code: 127', expect.stringContaining('libq.so.6')]),
      }),
    ]);
  });
});

describe('what a start shows', () => {
  test('an exit with a code, and the last words', async () => {
    expect(await illness(ill('echo "no database" >&2\nexit 3'))).toMatchObject({
      check: 'exit',
      code: 'EXITED_BEFORE_HANDSHAKE',
      details: ['exit code: 3', 'stderr: no database'],
    });
  });

  test('what stood on stdout before the line', async () => {
    expect(await illness(ill('echo "Welcome to kv!"\nsleep 5'))).toMatchObject({
      check: 'first line',
      code: 'HANDSHAKE_UNREADABLE',
      seen: expect.stringContaining('Welcome to kv!'),
      details: [expect.stringMatching(/^stood on stdout: Welcome to kv!/)],
      fix: expect.stringContaining('stdout'),
    });
  });

  test('a secret is not shown, though the plugin prints it', async () => {
    const file = ward.put('token', 'hush-hush', 0o600);
    const directory = ill('echo "token $TOKEN is wrong" >&2\nexit 4');
    const config: DaemonConfig = { version: 1, plugins: { [`ill${count}`]: { env: { TOKEN: { file } } } } };
    expect(await illness(directory, { config })).toMatchObject({
      details: ['exit code: 4', 'stderr: token *** is wrong'],
    });
  });

  test('what is printed can not drive a terminal', async () => {
    const found = await illness(ill(`printf '\\033]0;owned\\007\\n'\nprintf '\\033[2J' >&2\nexit 1`));
    expect(JSON.stringify(found)).not.toMatch(/\\u001b|\u001b/);
  });

  test('no line at all', async () => {
    expect(await illness(ill('sleep 30', 'startTimeoutMs: 300\n'))).toMatchObject({
      check: 'first line',
      code: 'START_TIMEOUT',
    });
  });

  test('a cookie that the plugin does not know', async () => {
    expect(await illness(ill('echo "This binary is a plugin." >&2\nexit 1'))).toMatchObject({
      check: 'cookie',
      code: 'COOKIE_REJECTED',
    });
  });

  test('a certificate that is none', async () => {
    const garbage = Buffer.from('no certificate '.repeat(10)).toString('base64').replace(/=+$/, '');
    const found = await illness(ill(`echo "1|1|unix|$PLUGIN_UNIX_SOCKET_DIR/p|grpc|${garbage}"\nsleep 5`));
    expect(found).toMatchObject({ check: 'certificate', code: 'CERTIFICATE_UNREADABLE' });
  });

  test('versions of the protocol that do not meet', async () => {
    expect(await illness(ill('echo "1|7|unix|/tmp/x|grpc|"\nsleep 5'))).toMatchObject({
      check: 'protocol version',
      code: 'PROTOCOL_VERSION_MISMATCH',
      seen: expect.stringContaining('speaks protocol version 7, this host offers 1, 2'),
    });
  });

  test('an address that nobody listens at', async () => {
    const script = 'echo "1|1|unix|$PLUGIN_UNIX_SOCKET_DIR/nobody|grpc|"\nsleep 20';
    expect((await illness(ill(script, 'autoMtls: false\nstartTimeoutMs: 1000\n'))).check).toMatch(
      /connection|health/,
    );
  });

  test('nothing is started where that is not wanted', async () => {
    const mark = ward.path('mark');
    const findings = await examineArtifact(ill(`touch ${mark}`), surroundings({ start: false }));
    expect(wrong(findings)).toEqual([]);
    expect(existsSync(mark)).toBe(false);
    const alone = await examineExecutable('/bin/sh', { protocolVersions: [1] }, surroundings());
    expect(wrong(alone)).toEqual([expect.objectContaining({ check: 'start', verdict: 'warn' })]);
  });

  test('a start that is given up ends at once, with nothing left', async () => {
    const giveUp = new AbortController();
    const examined = examineArtifact(ill('sleep 60'), surroundings({ signal: giveUp.signal }));
    setTimeout(() => giveUp.abort(new Error('enough')), 500);
    await expect(examined).rejects.toThrow('enough');
  });
});

test('a service that the plugin does not serve can not be made public', async () => {
  const directory = ward.path('plugins/silent/1.0.0');
  mkdirSync(directory, { recursive: true });
  copyFileSync(kvTs('1'), `${directory}/silent`);
  ward.put('plugins/silent/1.0.0/plugin.yaml', manifest('silent', '1.0.0', 'services: [samples.kv.v1.Kw]\n'));
  expect(await illness(directory)).toMatchObject({
    check: 'services',
    seen: expect.stringContaining('samples.kv.v1.Kw'),
    fix: expect.stringContaining('samples.kv.v1.Kv'),
  });
});
