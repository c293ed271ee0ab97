import { PluginError } from '@plugd/protocol/plugin-error';
import { type AdminClient, connectAdmin } from '../admin/admin-client';
import { type CommonOptions, defaultOptions, type Output } from './common-options';
import { type ExitCode, exitCodes, TimeoutError } from './exit-code';
import { type Paint, painted, plain, wantsColour } from './output/colour';
import { asJson } from './output/json';
import { type Column, renderTable } from './output/table';
import { asYaml } from './output/yaml';
import { socketPath } from './socket-path';
import type { Surroundings, TextSink } from './surroundings';

/** What a list prints, in each form. */
export interface Listing<Row> {
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  /** For `-o name`. */
  readonly name: (row: Row) => string;
  /** For JSON and YAML. Default: the row itself. */
  readonly document?: (row: Row) => unknown;
  /** Said on stderr, to people alone, where there are no rows. */
  readonly ifEmpty?: string;
}

/** What a verb prints of one thing, in each form. */
export interface Printout {
  /** For people. Made only where it is asked for. */
  readonly text: () => string;
  readonly name: string;
  readonly document: unknown;
}

/** A daemon that is busy answers much sooner. */
const connectMs = 5_000;

/** What verbs are given: where they run, what was asked of all of them, and ways to write. */
export class CliContext {
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  readonly stdin: Surroundings['stdin'];
  readonly env: Surroundings['env'];
  readonly cwd: string;
  readonly #surroundings: Surroundings;
  #options = defaultOptions;
  #verb = '';
  #exitCode: ExitCode = exitCodes.ok;
  #client: Promise<AdminClient> | undefined;
  #interrupt: AbortController | undefined;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
    this.stdout = surroundings.stdout;
    this.stderr = surroundings.stderr;
    this.stdin = surroundings.stdin;
    this.env = surroundings.env;
    this.cwd = surroundings.cwd();
  }

  /** What was asked of all verbs. Before a verb runs, the defaults. */
  get options(): CommonOptions {
    return this.#options;
  }

  /** What runs. Before that it is empty. */
  get verb(): string {
    return this.#verb;
  }

  /** For the program: what the command line says. */
  use(verb: string, options: CommonOptions): void {
    this.#verb = verb;
    this.#options = options;
  }

  get output(): Output {
    return this.#options.output;
  }

  get isTty(): boolean {
    return this.stdout.isTTY === true;
  }

  /** Colours for stdout; for people alone. */
  get paint(): Paint {
    return wantsColour(this.stdout, this.env, this.#options.color) ? painted : plain;
  }

  /** Of the terminal; undefined where nothing is to be cut. */
  get width(): number | undefined {
    return this.isTty ? this.stdout.columns || undefined : undefined;
  }

  get exitCode(): ExitCode {
    return this.#exitCode;
  }

  /** What a verb ends with that has nothing to throw. */
  exitWith(code: ExitCode): void {
    this.#exitCode = code;
  }

  /** Aborted by the first Ctrl-C or SIGTERM, from the first use on; another one ends the process. The exit code is then theirs. */
  get signal(): AbortSignal {
    if (this.#interrupt !== undefined) return this.#interrupt.signal;
    const interrupt = new AbortController();
    this.#interrupt = interrupt;
    const hear = (code: ExitCode) => () => {
      this.#exitCode = code;
      interrupt.abort();
      this.#forget();
    };
    const [interrupted, terminated] = [hear(exitCodes.interrupted), hear(exitCodes.terminated)];
    this.#forget = () => {
      this.#surroundings.off?.('SIGINT', interrupted);
      this.#surroundings.off?.('SIGTERM', terminated);
    };
    this.#surroundings.on?.('SIGINT', interrupted);
    this.#surroundings.on?.('SIGTERM', terminated);
    return interrupt.signal;
  }

  #forget: () => void = () => {};

  get interrupted(): boolean {
    return this.#interrupt?.signal.aborted === true;
  }

  /** Where the daemon is. @throws PluginError CONFIG_FILE_UNREADABLE, RUN_DIR_UNSAFE */
  socket(): Promise<string> {
    return socketPath(this.#options, this.env, this.cwd);
  }

  /** The daemon, connected to at the first use. @throws PluginError DAEMON_UNREACHABLE; TimeoutError by `--timeout` */
  client(): Promise<AdminClient> {
    this.#client ??= this.#connect();
    return this.#client;
  }

  async #connect(): Promise<AdminClient> {
    const asked = this.#options.timeoutMs ?? Number.POSITIVE_INFINITY;
    const timeoutMs = Math.min(connectMs, asked);
    try {
      return await connectAdmin(await this.socket(), { timeoutMs, program: 'plugd' });
    } catch (error) {
      // It has this fact where time was over; that it was too short is no fault of the daemon's.
      const late = error instanceof PluginError && error.facts['timeoutMs'] === asked;
      throw late ? new TimeoutError(error.summary, { cause: error }) : error;
    }
  }

  /** For each call of the client that answers once: nobody waits for a minute before a screen. */
  get callOptions(): { readonly timeoutMs: number } {
    return { timeoutMs: this.#options.timeoutMs ?? 30_000 };
  }

  /** A list in the form that was asked for. */
  print<Row>({ rows, columns, name, document = (row) => row, ifEmpty }: Listing<Row>): void {
    if (this.output === 'json') this.stdout.write(asJson(rows.map(document)));
    else if (this.output === 'yaml') this.stdout.write(asYaml(rows.map(document)));
    else if (this.output === 'name') this.stdout.write(rows.map((row) => `${name(row)}\n`).join(''));
    else if (rows.length > 0)
      this.stdout.write(renderTable(columns, rows, { paint: this.paint, ...this.#layout() }));
    else if (ifEmpty !== undefined) this.note(ifEmpty);
  }

  /** One thing in the form that was asked for. */
  printOne({ text, name, document }: Printout): void {
    if (this.output === 'json') this.stdout.write(asJson(document));
    else if (this.output === 'yaml') this.stdout.write(asYaml(document));
    else this.stdout.write(this.output === 'name' ? `${name}\n` : text());
  }

  /** What a verb has done. For people a sentence, which `--quiet` takes away. */
  printDone(sentence: string, name: string, document: unknown): void {
    if (this.output === 'table' && this.#options.quiet) return;
    this.printOne({ text: () => `${sentence}\n`, name, document });
  }

  /** For people alone, on stderr: what scripts don't need. */
  note(sentence: string): void {
    if (!this.#options.quiet) this.stderr.write(`${sentence}\n`);
  }

  /** Writes a part of what comes bit by bit; waits as long as the reader takes no more. */
  async write(text: string): Promise<void> {
    const { stdout } = this;
    if (stdout.write(text) !== false || stdout.once === undefined) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        stdout.off?.('drain', done);
        stdout.off?.('close', done);
        resolve();
      };
      stdout.once?.('drain', done);
      stdout.once?.('close', done);
    });
  }

  /** Lets go of the daemon and of signals. */
  async close(): Promise<void> {
    this.#forget();
    const client = await this.#client?.catch(() => undefined);
    client?.close();
  }

  #layout(): { readonly width?: number } {
    return this.width === undefined ? {} : { width: this.width };
  }
}
