import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { kvPython } from './needs-python';
import { poll } from './poll';
import { goCaller } from './samples';

const python = join(dirname(kvPython()), '../.venv/bin/python');

/** Whether there is a Python client. Where there is none, tests go on with the others. */
export const pythonCallerIsHere: boolean = existsSync(python);

/** A client in another language, which calls until it is told to stop. */
export class DoorCaller {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  #said = '';

  constructor(
    readonly language: string,
    program: string,
    args: readonly string[],
  ) {
    this.#process = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#process.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#said += text;
    });
  }

  /** Resolves when it has made fifty calls. */
  async begun(): Promise<void> {
    await poll(
      () => this.#said,
      (said) => said.startsWith('begun\n'),
      30_000,
    );
  }

  async stop(): Promise<{ calls: number; failures: string[] }> {
    const ended = once(this.#process, 'close');
    this.#process.stdin.end();
    await ended;
    return JSON.parse(this.#said.slice(this.#said.indexOf('{')));
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }
}

/** One in each language that is there. Each calls each of these targets, with calls of all four kinds. */
export function doorCallers(targets: readonly string[]): DoorCaller[] {
  const script = resolve(__dirname, 'front-door-caller.py');
  return [
    new DoorCaller('Go', goCaller(), targets),
    ...(pythonCallerIsHere ? [new DoorCaller('Python', python, [script, ...targets])] : []),
  ];
}
