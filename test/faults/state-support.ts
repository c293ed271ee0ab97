import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { bundleProgram } from '../support/bundle';

/** What a process said, and how it ended. */
export interface Told<T> {
  readonly said: readonly T[];
  readonly signal: string | null;
  readonly stderr: string;
}

export interface RunOptions {
  /** When it has said so many things, and a little later. */
  readonly kill?: { readonly after: number; readonly laterMs: number };
  /** A command that runs another. */
  readonly prefix?: readonly string[];
  /** Another build of the program. */
  readonly file?: string;
}

/** Runs state-program.ts, in a directory that goes with it. */
export class StatePrograms {
  readonly #program = bundleProgram(join(__dirname, 'state-program.ts'));
  readonly directory = join(this.#program.directory, 'state');
  readonly #running = new Set<ChildProcess>();

  /** Runs it to its end, or kills it. */
  async run<T>(
    args: readonly string[],
    { kill, prefix = [], file = this.#program.file }: RunOptions = {},
  ): Promise<Told<T>> {
    const [command = '', ...rest] = [...prefix, process.execPath, file, ...args];
    const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#running.add(child);
    let stdout = '';
    let stderr = '';
    let lines = 0;
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      const before = lines;
      lines = stdout.split('\n').length - 1;
      if (kill !== undefined && before < kill.after && lines >= kill.after) {
        setTimeout(() => child.kill('SIGKILL'), kill.laterMs);
      }
    });
    const signal = await new Promise<string | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (_, by) => resolve(by));
    });
    this.#running.delete(child);
    const said = stdout
      .split('\n')
      .slice(0, -1)
      .map((line): T => JSON.parse(line));
    return { said, signal, stderr };
  }

  remove(): void {
    for (const child of this.#running) child.kill('SIGKILL');
    rmSync(this.#program.directory, { recursive: true, force: true });
  }
}
