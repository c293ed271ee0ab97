import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { bundleProgram } from '../support/bundle';
import { eventually, processesWith } from '../support/processes';
import { kvTs } from '../support/samples';
import type { Order } from './host-killed-program';

jest.setTimeout(60_000);

test('a host killed with -9 leaves no scratch directory and no copy of a configuration', async () => {
  const program = bundleProgram(resolve(__dirname, 'host-killed-program.ts'));
  const [runDir, config] = [mkdtempSync(join(tmpdir(), 'killed-')), mkdtempSync(join(tmpdir(), 'config-'))];
  writeFileSync(join(config, 'setting'), '1');
  const mark = `killed-${randomBytes(8).toString('hex')}`;
  const order: Order = {
    runDir,
    load: [
      {
        name: 'kv',
        version: '1.0.0',
        command: kvTs('1'),
        handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1, 2] },
        scratch: true,
        config,
        ports: { http: 0 },
      },
    ],
  };
  let host: ChildProcess | undefined;
  try {
    const child = spawn(process.execPath, [program.file, JSON.stringify(order)], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ROOM_MARK: mark },
    });
    host = child;
    await new Promise<void>((ready, failed) => {
      createInterface({ input: child.stdout }).once('line', () => ready());
      child.once('exit', (code) => failed(new Error(`the host ended with ${code}`)));
    });
    const files = readdirSync(runDir, { recursive: true }).map(String);
    expect(files.filter((path) => /\/(scratch|setting)$/.test(path))).toHaveLength(2);
    child.kill('SIGKILL');
    await eventually(() => readdirSync(runDir).length === 0, 2_000, 'every directory is gone');
    expect([processesWith(mark), existsSync(join(config, 'setting'))]).toEqual([[], true]);
  } finally {
    host?.kill('SIGKILL');
    for (const pid of processesWith(mark)) process.kill(pid, 'SIGKILL');
    for (const path of [runDir, config, program.directory]) rmSync(path, { recursive: true, force: true });
  }
});
