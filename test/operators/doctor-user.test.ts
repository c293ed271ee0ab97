import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Finding } from '../../host/src/doctor/finding';
import { Ward } from '../unit/doctor/ward';

// What a user may not read, enter or run: as nobody, which only root can become.

const bin = resolve(__dirname, '../../host/bin/plugd.js');
const nobody = 65_534;
const asRoot = process.getuid?.() === 0 ? describe : describe.skip;

asRoot('as a user who may not', () => {
  const ward = new Ward();
  beforeAll(() => {
    chmodSync(ward.directory, 0o755);
    for (const name of ['home', 'run']) {
      mkdirSync(ward.path(name), { mode: 0o700 });
      chownSync(ward.path(name), nobody, nobody);
    }
  });
  afterAll(() => ward.remove());

  function doctor(
    target: string[],
    env: NodeJS.ProcessEnv = {},
  ): { code: number | null; findings: Finding[] } {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [bin, 'doctor', ...target, '--no-start', '-o', 'json'],
      {
        uid: nobody,
        gid: nobody,
        cwd: '/',
        encoding: 'utf8',
        env: {
          PATH: process.env['PATH'],
          HOME: ward.path('home'),
          XDG_RUNTIME_DIR: ward.path('run'),
          PLUGD_CONFIG: ward.put('plugd.yaml', 'version: 1\npluginsDir: plugins\n', 0o644),
          ...env,
        },
      },
    );
    if (stdout === '') throw new Error(stderr);
    return { code: status, findings: (JSON.parse(stdout) as { findings: Finding[] }).findings };
  }

  const failed = (findings: readonly Finding[]) =>
    findings
      .filter(({ verdict }) => verdict === 'fail')
      .map(({ check, seen, fix }) => ({ check, seen, fix }));

  test('go through a directory above the version', () => {
    const directory = ward.artifact('plugins/kv/1.0.0', 'exit 1');
    chmodSync(ward.path('plugins/kv'), 0o700);
    const { code, findings } = doctor([directory]);
    expect(code).toBe(1);
    expect(failed(findings)).toEqual([
      {
        check: 'permission',
        seen: expect.stringContaining(
          `user ${nobody} may not go through ${ward.path('plugins/kv')} (drwx------`,
        ),
        fix: expect.stringContaining('chmod o+x'),
      },
    ]);
    chmodSync(ward.path('plugins/kv'), 0o755);
    chmodSync(directory, 0o700);
    expect(failed(doctor([directory]).findings)).toEqual([expect.objectContaining({ check: 'directory' })]);
  });

  test('read a file of the version, or run an executable', () => {
    const directory = ward.artifact('plugins/closed/1.0.0', 'exit 1');
    chmodSync(`${directory}/closed`, 0o700);
    expect(failed(doctor([directory]).findings)).toEqual([
      expect.objectContaining({ check: 'files', seen: expect.stringContaining('closed') }),
    ]);
    const alone = ward.put('alone', '#!/bin/sh\n', 0o744);
    expect(failed(doctor([alone]).findings)).toEqual([
      {
        check: 'permission',
        seen: `user ${nobody} may not execute ${alone} (-rwxr--r--, of user 0 and group 0).`,
        fix: expect.stringContaining(`chmod +x ${alone}`),
      },
    ]);
  });

  test('keep anything, listen anywhere, or read plugins and secrets', () => {
    mkdirSync(ward.path('roots'), { mode: 0o700 });
    const file = ward.put('secret', 'hush-hush', 0o600);
    const config = ward.put(
      'other.yaml',
      `version: 1\npluginsDir: roots\nstateDir: ${ward.path('state')}\nsocket: ${ward.path('a.sock')}\nfrontDoor: false\nplugins: { kv: { env: { T: { file: ${file} } } } }\n`,
      0o644,
    );
    const { code, findings } = doctor(['--config', config], { XDG_RUNTIME_DIR: ward.path('roots') });
    expect(code).toBe(1);
    expect(failed(findings).map(({ check }) => check)).toEqual([
      'admin socket',
      'state directory',
      'secrets',
      'plugins directory',
    ]);
    expect(findings.find(({ check }) => check === 'run directory')).toMatchObject({
      verdict: 'warn',
      seen: expect.stringContaining(`not in XDG_RUNTIME_DIR (${ward.path('roots')})`),
    });
  });
});
