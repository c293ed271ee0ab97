import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { run } from '../../../host/src/cli/run';
import { type DiagnoseOptions, diagnose } from '../../../host/src/doctor/diagnose';
import type { Finding } from '../../../host/src/doctor/finding';
import { Ward } from './ward';

let ward: Ward;
beforeEach(() => {
  ward = new Ward();
  mkdirSync(ward.path('run'), { mode: 0o700 });
});
afterEach(() => ward.remove());

const env = () => ({
  PATH: process.env['PATH'],
  HOME: ward.directory,
  XDG_RUNTIME_DIR: ward.path('run'),
  XDG_STATE_HOME: ward.path('state'),
});

const examine = (target?: string, more: Partial<DiagnoseOptions> = {}) =>
  diagnose(target, { env: env(), cwd: ward.directory, start: false, version: '0.0.0', ...more });

const told = (findings: readonly Finding[]) =>
  findings
    .filter(({ verdict }) => verdict !== 'ok')
    .map(({ subject, check, verdict, code }) =>
      [subject, check, verdict, ...(code === undefined ? [] : [code])].join(' | '),
    );

const noDaemon = 'daemon | daemon | warn';

test('without an argument all is looked at: machine, config, plugins and daemon', async () => {
  ward.artifact('plugins/kv/1.0.0', 'exit 1');
  const findings = await examine();
  expect(told(findings).filter((one) => !one.startsWith('machine'))).toEqual([noDaemon]);
  expect(new Set(findings.map(({ subject }) => subject))).toEqual(
    new Set(['machine', 'config', 'plugins', 'daemon']),
  );
  // The places are only looked at.
  expect(existsSync(ward.path('state'))).toBe(false);
});

describe('a directory of plugins', () => {
  const plugins = async () => told(await examine('./plugins'));

  test('whose plugins require each other in a ring', async () => {
    ward.artifact('plugins/a/1.0.0', 'exit 1', 'requires: { b: ^1.0.0 }\n');
    ward.artifact('plugins/b/1.0.0', 'exit 1', 'requires: { c: ^1.0.0 }\n');
    ward.artifact('plugins/c/1.0.0', 'exit 1', 'requires: { a: ^1.0.0 }\n');
    expect(await plugins()).toEqual(['plugins | requires | fail | DEPENDENCY_CYCLE']);
    const [ring] = (await examine('a')).filter(({ verdict }) => verdict === 'fail');
    expect(ring).toMatchObject({ check: 'requires', seen: expect.stringContaining('a → b → c → a') });
  });

  test('with ranges that what is there is not in, or that nothing could be in', async () => {
    ward.artifact('plugins/log/2.0.0', 'exit 1');
    ward.artifact('plugins/kv/1.0.0', 'exit 1', 'requires: { log: ^1.0.0, gone: "*" }\n');
    expect(await plugins()).toEqual([
      'plugins | requires | fail | REQUIREMENT_UNMET',
      'plugins | requires | fail | REQUIREMENT_UNMET',
    ]);
    ward.artifact('plugins/web/1.0.0', 'exit 1', 'requires: { log: ^2.0.0 }\n');
    expect(await plugins()).toContain('plugins | requires | fail | REQUIREMENT_IMPOSSIBLE');
  });

  test('with versions that can not be read, of which each is told', async () => {
    ward.artifact('plugins/kv/1.0.0', 'exit 1', 'wibble: 1\n');
    ward.artifact('plugins/kv/1.1.0', 'exit 1');
    ward.put('plugins/kv/2.0.0/kv', 'half', 0o755);
    ward.put('plugins/README', 'text');
    expect(await plugins()).toEqual([
      'plugins | layout | warn',
      'kv 2.0.0 | manifest | warn',
      'kv 1.0.0 | manifest | fail | MANIFEST_INVALID',
    ]);
    // Of one plugin the others' faults are left out.
    expect(told(await examine('kv'))).toEqual([
      'kv 2.0.0 | manifest | warn',
      'kv 1.0.0 | manifest | fail | MANIFEST_INVALID',
      noDaemon,
    ]);
  });

  test('with a service that two plugins make public', async () => {
    ward.artifact('plugins/a/1.0.0', 'exit 1', 'services: [x.Y]\n');
    ward.artifact('plugins/b/1.0.0', 'exit 1', 'services: [x.Y]\n');
    expect(await plugins()).toEqual(['plugins | services | warn']);
  });

  test('that everybody may write to', async () => {
    ward.artifact('plugins/a/1.0.0', 'exit 1');
    chmodSync(ward.path('plugins'), 0o777);
    expect(await plugins()).toEqual(['plugins | plugins directory | warn']);
  });
});

describe('a config', () => {
  test('with mistakes: each is told with its place', async () => {
    ward.put('plugd.yaml', 'version: 1\npluginDir: x\n', 0o600);
    ward.artifact('plugins/kv/1.0.0', 'exit 1');
    const found = (await examine()).find(
      ({ subject, verdict }) => subject === 'config' && verdict === 'fail',
    );
    expect(found).toMatchObject({
      code: 'CONFIG_INVALID',
      details: ['2:1: unknown key "pluginDir" (did you mean "pluginsDir"?)'],
    });
  });

  test('that is named and not there', async () => {
    expect(told(await examine(undefined, { config: 'other.yaml' }))).toContain(
      'config | config | fail | CONFIG_FILE_UNREADABLE',
    );
  });

  test('against what is on disk, with secrets', async () => {
    ward.artifact('p/kv/1.0.0', 'exit 1');
    ward.put(
      'plugd.yaml',
      'version: 1\npluginsDir: p\nplugins:\n  kw: {}\n  kv: { pin: 1.0.1, env: { T: { file: gone } } }\n',
      0o666,
    );
    expect(told(await examine()).filter((one) => !one.startsWith('machine'))).toEqual([
      'config | config | warn',
      'config | secrets | fail | SECRET_UNREADABLE',
      'config | settings | warn',
      'config | settings | warn',
      noDaemon,
    ]);
  });
});

describe('what is meant', () => {
  const subjects = async (target: string) => [
    ...new Set((await examine(target)).map(({ subject, check }) => `${subject}: ${check}`)),
  ];

  test('by a name is a plugin of the directory, at the version that would run', async () => {
    ward.artifact('plugins/kv/1.0.0', 'exit 1');
    ward.artifact('plugins/kv/1.10.0', 'exit 1');
    expect(await subjects('kv')).toContain('kv 1.10.0: entry file');
    ward.put('plugd.yaml', 'version: 1\nplugins: { kv: { pin: 1.0.0 } }\n', 0o600);
    expect(await subjects('kv')).toContain('kv 1.0.0: entry file');
  });

  test('by a name that is mistyped', async () => {
    ward.artifact('plugins/counter/1.0.0', 'exit 1');
    expect(await examine('countre')).toEqual([
      expect.objectContaining({ verdict: 'fail', fix: 'Did you mean counter?' }),
    ]);
  });

  test('by a path is a version, a plugin, a directory of them, or an executable with or without a manifest', async () => {
    ward.artifact('plugins/kv/1.0.0', 'exit 1');
    ward.put('alone', '#!/bin/sh\n');
    expect(await subjects('./plugins/kv/1.0.0')).toContain('kv 1.0.0: manifest');
    expect(await subjects('plugins/kv/1.0.0/kv')).toContain('kv 1.0.0: manifest');
    expect(await subjects('./plugins/kv')).toContain('kv 1.0.0: manifest');
    expect(await subjects('./plugins')).toEqual(['plugins: plugins directory', 'plugins: manifests']);
    expect(await subjects('./alone')).toEqual([
      'alone: entry file',
      'alone: permission',
      'alone: interpreter',
    ]);
    expect(told(await examine('./missing'))).toEqual(['missing | entry file | fail']);
    expect(told(await examine('./run'))).toEqual([
      expect.stringMatching(/run \| manifest \| fail \| MANIFEST_NOT_FOUND$/),
    ]);
  });
});

describe('the command', () => {
  async function command(...args: string[]) {
    const out: string[] = [];
    const err: string[] = [];
    const code = await run(['doctor', ...args], {
      stdout: { write: (text) => out.push(text) },
      stderr: { write: (text) => err.push(text) },
      env: env(),
      cwd: () => ward.directory,
    });
    return { code, out: out.join(''), err: err.join('') };
  }

  test('ends with 0 where nothing fails, and shows what was seen', async () => {
    ward.artifact('plugins/kv/1.0.0', 'exit 1');
    const { code, out, err } = await command('--no-start', 'kv');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain(`kv 1.0.0\n  ok    directory    ${ward.path('plugins/kv/1.0.0')} can be read.\n`);
    expect(out).toMatch(/1 thing to be aware of\.\n$/);
  });

  test('ends with 1 where something fails, with evidence and fix', async () => {
    ward.artifact('plugins/kv/1.0.0', 'echo "no database" >&2; exit 3');
    const { code, out } = await command('kv', '--quiet');
    expect(code).toBe(1);
    expect(out).toContain('  fail  exit ');
    expect(out).toContain('[EXITED_BEFORE_HANDSHAKE]');
    expect(out).toMatch(/\| exit code: 3\n +\| stderr: no database\n +→ /);
    expect(out).not.toContain('  ok ');
    expect(out).toMatch(/1 thing has to be put right, 1 thing to be aware of\.\n$/);
  });

  test('tells scripts the same as JSON, and the names of what fails', async () => {
    ward.artifact('plugins/kv/1.0.0', 'exit 3');
    const { code, out } = await command('./plugins/kv/1.0.0', '-o', 'json');
    expect(code).toBe(1);
    const document = JSON.parse(out) as { verdict: string; findings: Finding[] };
    expect(document.verdict).toBe('fail');
    expect(document.findings.at(-1)).toMatchObject({
      subject: 'kv 1.0.0',
      check: 'exit',
      verdict: 'fail',
      code: 'EXITED_BEFORE_HANDSHAKE',
      details: ['exit code: 3'],
    });
    expect(await command('./plugins/kv/1.0.0', '-o', 'name')).toEqual({ code: 1, out: 'exit\n', err: '' });
  });

  test('starts an executable with the cookie that it is given', async () => {
    ward.put('alone', `#!/bin/sh\n[ "$KV" = yes ] || exit 9\necho "$1" >&2\nexit 4\n`);
    const { out } = await command('--cookie', 'KV=yes', './alone', '--', 'word');
    expect(out).toMatch(/\| exit code: 4\n +\| stderr: word/);
    expect((await command('--cookie', 'KV', './alone')).code).toBe(2);
    expect((await command('--versions', 'x', './alone')).code).toBe(2);
  });
});
