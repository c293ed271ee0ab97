import { run } from '../../../host/src/cli/run';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Terminal {
  readonly env?: Readonly<Record<string, string>>;
  /** Columns; left out, it is a pipe. */
  readonly width?: number;
  /** Hears each piece that is written to stdout. */
  readonly onText?: (text: string) => void;
  /** Gives the test what ends the command, as Ctrl-C does. */
  readonly onSignals?: (interrupt: () => void) => void;
}

/** Runs a command line as the bin does, with nothing of this process's environment. */
export async function commandLine(
  args: readonly string[],
  { env = {}, width, onText, onSignals }: Terminal = {},
): Promise<Ran> {
  const written = { stdout: '', stderr: '' };
  const tty = width === undefined ? {} : { isTTY: true, columns: width };
  const listeners = new Set<() => void>();
  onSignals?.(() => {
    for (const listener of [...listeners]) listener();
  });
  const code = await run(args, {
    stdout: {
      ...tty,
      write: (text) => {
        written.stdout += text;
        onText?.(text);
      },
    },
    stderr: { ...tty, write: (text) => (written.stderr += text) },
    env,
    cwd: () => '/',
    on: (signal, listener) => signal === 'SIGINT' && listeners.add(listener),
    off: (_signal, listener) => listeners.delete(listener),
  });
  expect(listeners.size).toBe(0);
  return { code, ...written };
}
