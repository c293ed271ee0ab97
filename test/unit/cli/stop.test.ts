import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { AdminPlace } from '../admin/admin-place';
import { commandLine } from './command-line';

let place: AdminPlace;
beforeEach(() => {
  place = new AdminPlace();
});
afterEach(() => place.close());

const at = (...args: string[]) => [...args, '--socket', place.socket];

/** A process that has ended, and whose parent doesn't ask how. */
async function zombie(): Promise<{ pid: number; bury(): void }> {
  const parent = spawn('/bin/sh', ['-c', 'true & echo $!; exec sleep 60'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [text] = await once(parent.stdout, 'data');
  return { pid: Number(text), bury: () => parent.kill('SIGKILL') };
}

const onLinux = process.platform === 'linux' ? test : test.skip;

onLinux('a daemon whose parent has not asked for its end yet has ended', async () => {
  const { pid, bury } = await zombie();
  try {
    await place.serve({ getDaemon: () => ({ version: '0.1.0', pid }), shutdown: () => ({}) });
    const ran = await commandLine(at('stop', '--yes', '--timeout', '3s'));
    expect(ran).toEqual({ code: 0, stdout: 'The daemon is stopped.\n', stderr: '' });
  } finally {
    bury();
  }
});
