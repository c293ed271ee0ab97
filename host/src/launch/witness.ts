import type { ErrorCode } from '@plugd/protocol/error-codes';
import { type Facts, PluginError } from '@plugd/protocol/plugin-error';
import { printable } from '@plugd/protocol/printable';
import type { Executable } from '../artifact/executable';
import type { ExitInfo, KeptProcess } from './keeper';
import type { OutputTail } from './output-tail';

export interface ErrorOptions {
  readonly facts?: Facts;
  readonly hint?: string;
  readonly cause?: unknown;
}

/** What is known of one process from outside, as the facts of errors about it. */
export class Witness {
  readonly stderr: OutputTail;
  readonly #about: Facts;
  readonly #executable: Executable | undefined;
  #process: KeptProcess | undefined;
  #stdout: () => string = () => '';

  constructor(options: {
    /** Plugin, version, generation and the like. */
    readonly about: Facts;
    /** Undefined where the file isn't known (an attached process). */
    readonly executable?: Executable;
    readonly stderr: OutputTail;
  }) {
    this.#about = options.about;
    this.#executable = options.executable;
    this.stderr = options.stderr;
  }

  /** `stdout` gives the head of what it printed there. */
  watch(process: KeptProcess, stdout?: () => string): void {
    this.#process = process;
    if (stdout !== undefined) this.#stdout = stdout;
  }

  /** The exit appears in it only if it is known: asked before it is ended, a process that runs has none. */
  facts(): Facts {
    const exit = this.#process?.exit;
    const stdout = this.#stdout();
    return {
      ...this.#about,
      ...(this.#process === undefined ? {} : { pid: this.#process.pid }),
      ...(exit === undefined ? {} : { exitCode: exit.code, signal: exit.signal }),
      stderr: this.stderr.lines().map((line) => printable(line, 1024)),
      ...(stdout === '' ? {} : { stdout }),
      ...executableFacts(this.#executable),
    };
  }

  error(code: ErrorCode, summary: string, options: ErrorOptions = {}): PluginError {
    return new PluginError(code, summary, { ...options, facts: { ...this.facts(), ...options.facts } });
  }
}

function executableFacts(file: Executable | undefined): Facts {
  if (file === undefined) return {};
  return {
    path: file.path,
    executable: file.kind,
    ...(file.architectures.length === 0 ? {} : { architectures: file.architectures }),
    ...(file.interpreter === undefined ? {} : { interpreter: file.interpreter }),
    hostArchitecture: process.arch,
    mode: file.mode,
    owner: file.owner,
    group: file.group,
    ...(process.getuid === undefined ? {} : { currentUser: process.getuid() }),
  };
}

/** `exit code 3`, `signal SIGSEGV`. */
export function describeExit(exit: ExitInfo): string {
  if (exit.signal !== null) return `signal ${exit.signal}`;
  return exit.code === null ? 'an exit that could not be observed' : `exit code ${exit.code}`;
}
