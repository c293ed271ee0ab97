import { setTimeout as sleep } from 'node:timers/promises';
import { endCarriers } from '../launch/end-process';
import { HandshakeReader, type HandshakeResult } from '../launch/handshake-reader';
import { waitAtMost } from '../launch/wait-at-most';
import type { SpawnedProcess } from '../platform/platform';
import { addressFields, type Laboratory } from './laboratory';
import { type Finding, pass, type Rule, skip, warn } from './rule';

/** For a plugin to notice that its host is gone; those that look at all look once in a second or more often. */
const NOTICE_MS = 3_000;
const LOOK_MS = 100;

/** A host that is killed can't say good-bye. */
export const orphanRules: readonly Rule<Laboratory>[] = [
  {
    id: 'orphan.leaves',
    rule: 'A plugin whose host was killed leaves by itself.',
    section: 'life and end',
    expected: `gone within ${NOTICE_MS} ms; recommended`,
    needs: ['connection.answers'],
    check: (laboratory) =>
      laboratory.platform.guardianShell === null
        ? skip('here the system itself ends it')
        : orphan(laboratory, laboratory.platform.guardianShell),
  },
];

/** A shell plays the host, and is killed. */
async function orphan(laboratory: Laboratory, shell: string): Promise<Finding> {
  const { plugin, platform } = laboratory;
  const { directory, token, env } = laboratory.place({});
  const startedAt = Date.now();
  let stdout = '';
  const parent = await platform.spawn({
    command: shell,
    args: ['-c', '"$@" & wait', 'host', plugin.command, ...plugin.args],
    env,
    cwd: plugin.cwd,
    stdin: 'ignore',
  });
  try {
    const first = await waitAtMost(firstLine(parent), plugin.timeoutMs);
    if (first?.kind !== 'line') return skip('under a shell it printed no line');
    stdout = first.text;
    const heirs = (await platform.findByToken(token)).filter(({ pid }) => pid !== parent.pid);
    if (heirs.length === 0) return skip('processes can’t be found by their environment here');
    // The shell alone: its group is the plugin's too.
    process.kill(parent.pid, 'SIGKILL');
    await parent.exited;
    for (const pipe of [parent.stdout, parent.stderr]) pipe?.destroy();
    const begin = performance.now();
    while ((await platform.findByToken(token)).length > 0) {
      if (performance.now() - begin > NOTICE_MS) return warn(`it still runs after ${NOTICE_MS} ms`);
      await sleep(LOOK_MS);
    }
    return pass(`gone after ${Math.round(performance.now() - begin)} ms`);
  } finally {
    // Nobody's children any more: no exit says when they are gone.
    await endCarriers(platform, token);
    for (const pipe of [parent.stdout, parent.stderr]) pipe?.destroy();
    laboratory.removeSocket({ directory, startedAt }, addressFields(stdout));
  }
}

function firstLine({ stdout, stderr }: SpawnedProcess): Promise<HandshakeResult> {
  stderr?.resume();
  return new Promise((resolve) => {
    const reader = new HandshakeReader(resolve);
    stdout?.on('data', (chunk: Buffer) => reader.push(chunk));
  });
}
