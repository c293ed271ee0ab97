import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { PluginError } from '@plugd/protocol/plugin-error';
import { type AdminClient, connectAdmin } from '../admin/admin-client';
import { untilLoaded } from '../admin/until-loaded';
import type { CliContext } from './context';
import { TimeoutError } from './exit-code';

const standardLimitMs = 30_000;

/** Starts a daemon of its own, in a session of its own, and waits until it answers and has loaded what lies there. */
export async function startInBackground(context: CliContext): Promise<void> {
  const { options } = context;
  const socket = await context.socket();
  const program = process.argv[1];
  if (program === undefined) throw new Error('this program has no file');
  const { config } = options;
  const args = [program, 'start', '--quiet', '--socket', socket];
  if (config !== undefined) args.push('--config', config);
  const words = new LastWords();
  try {
    const child = spawn(process.execPath, args, {
      cwd: context.cwd,
      env: { ...context.env },
      detached: true,
      stdio: ['ignore', 'ignore', words.file],
    });
    const end = performance.now() + (options.timeoutMs ?? standardLimitMs);
    const client = await answering(child, socket, words, end);
    child.unref();
    const { daemon } = client;
    const loaded = await untilLoaded(client, end).finally(() => client.close());
    if (!loaded) {
      throw new TimeoutError(
        `The daemon (pid ${daemon.pid}) runs, and still loads plugins: plugd list shows how far it is.`,
      );
    }
    context.printOne({
      text: () => `plugd ${daemon.version} runs in the background (pid ${daemon.pid}): ${socket}\n`,
      name: socket,
      document: daemon,
    });
  } finally {
    words.close();
  }
}

async function answering(
  child: ChildProcess,
  socket: string,
  words: LastWords,
  end: number,
): Promise<AdminClient> {
  let ended: PluginError | undefined;
  const failed = (summary: string, facts: Readonly<Record<string, unknown>>, cause?: unknown) => {
    ended = new PluginError('DAEMON_START_FAILED', summary, { facts, cause });
  };
  child.once('error', (cause) => failed('The daemon could not be started.', {}, cause));
  child.once('exit', (exitCode, signal) =>
    failed('The daemon ended before it answered.', { exitCode, signal, stderr: words.read() }),
  );
  const begin = performance.now();
  while (ended === undefined) {
    const client = await connectAdmin(socket, { timeoutMs: 1_000, program: 'plugd' }).catch(() => undefined);
    // Another one, which was there before, is not ours: ours will say so and end.
    if (client?.daemon.pid === child.pid && client !== undefined) return client;
    client?.close();
    if (performance.now() > end) {
      const waitedMs = Math.round(performance.now() - begin);
      throw new TimeoutError(
        `The daemon (pid ${child.pid}) has not answered within ${waitedMs} ms; it was left.`,
      );
    }
    await pause(50);
  }
  throw ended;
}

/** What it says before it can write a log: in a file that has no name when it runs. */
class LastWords {
  readonly #directory = mkdtempSync(join(tmpdir(), 'plugd-start-'));
  readonly #path = join(this.#directory, 'stderr');
  readonly file = openSync(this.#path, 'wx', 0o600);

  read(): string {
    return readFileSync(this.#path, 'utf8').slice(-4_000);
  }

  close(): void {
    closeSync(this.file);
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
