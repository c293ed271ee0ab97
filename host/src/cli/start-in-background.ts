import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { PluginError } from '@plugd/protocol/plugin-error';
import { type AdminClient, connectAdmin } from '../admin/admin-client';
import { untilLoaded } from '../admin/until-loaded';
import type { CliContext } from './context';
import { TimeoutError } from './exit-code';
import { LastWords } from './last-words';

const standardLimitMs = 30_000;

/** Starts a daemon of its own, in a session of its own, and waits until it answers and has loaded what lies there. */
export async function startInBackground(context: CliContext): Promise<void> {
  const { options, signal } = context;
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
    // Whoever gives up waiting for it leaves it.
    child.unref();
    try {
      const end = performance.now() + (options.timeoutMs ?? standardLimitMs);
      const client = await answering(child, socket, words, end, signal);
      await tellOf(context, client, end).finally(() => client.close());
    } catch (error) {
      if (signal.aborted && child.exitCode === null && child.signalCode === null)
        context.stderr.write(
          `The daemon (pid ${child.pid}) was left: plugd status tells how it is, plugd stop ends it.\n`,
        );
      throw error;
    }
  } finally {
    words.close();
  }
}

async function tellOf(context: CliContext, client: AdminClient, end: number): Promise<void> {
  const { daemon, socket } = client;
  if (!(await unlessAborted(untilLoaded(client, end), context.signal))) {
    throw new TimeoutError(
      `The daemon (pid ${daemon.pid}) runs, and still loads plugins: plugd list shows how far it is.`,
    );
  }
  const sentence = `plugd ${daemon.version} runs in the background (pid ${daemon.pid}): ${socket}`;
  context.printDone(sentence, socket, daemon);
}

async function answering(
  child: ChildProcess,
  socket: string,
  words: LastWords,
  end: number,
  signal: AbortSignal,
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
    const connecting = connectAdmin(socket, { timeoutMs: 1_000, program: 'plugd' });
    const client = await unlessAborted(
      connecting.catch(() => undefined),
      signal,
    );
    // Another one, which was there before, is not ours: ours will say so and end.
    if (client?.daemon.pid === child.pid && client !== undefined) return client;
    client?.close();
    if (performance.now() > end) {
      const waitedMs = Math.round(performance.now() - begin);
      throw new TimeoutError(
        `The daemon (pid ${child.pid}) has not answered within ${waitedMs} ms; it was left.`,
      );
    }
    await pause(50, undefined, { signal });
  }
  throw ended;
}

/** Rejects as soon as the signal fires, whatever the work still does. */
async function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  signal.throwIfAborted();
  let leave = (): void => {};
  const left = new Promise<never>((_, reject) => {
    leave = () => reject(signal.reason);
  });
  signal.addEventListener('abort', leave, { once: true });
  try {
    return await Promise.race([work, left]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}
