import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type AdminClient, connectAdmin } from '../../host/src/admin/admin-client';
import { run } from '../../host/src/cli/run';
import { Shelf } from '../upgrade/shelf';
import { poll } from './poll';
import { processesWith } from './processes';

const bin = resolve(__dirname, '../../host/bin/plugd.js');

/** How a command of the test ended, and what it wrote. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a daemon's process ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * A daemon in a process of its own, as it is installed, with directories of its own and a shelf of plugins; and the command, which finds
 * it. What the daemon runs from is what `tsc -b` has built.
 */
export class DaemonRoom {
  readonly mark = `daemon-room-${randomBytes(8).toString('hex')}`;
  readonly directory = mkdtempSync(join(tmpdir(), 'daemon-'));
  readonly runDir = join(this.directory, 'run');
  readonly stateDir = join(this.directory, 'state', 'plugd');
  readonly socket = join(this.runDir, 'plugd.sock');
  readonly frontDoor = `unix:${join(this.runDir, 'plugd-front.sock')}`;
  readonly configFile = join(this.directory, 'plugd.yaml');
  /** Its plugins' directory. */
  readonly shelf = new Shelf();
  readonly #clients: AdminClient[] = [];
  #child: ChildProcess | undefined;
  #ended: Promise<Ended> = Promise.resolve({ code: null, signal: null });
  #stdout = '';
  #stderr = '';

  /** @param config further lines of its config */
  constructor(config = '') {
    this.shelf.mark = this.mark;
    for (const name of ['run', 'state', 'home']) mkdirSync(join(this.directory, name), { mode: 0o700 });
    this.configure(config);
  }

  /** Its config anew. */
  configure(config: string): void {
    const watch = config.includes('watch:') ? '' : 'watch: { quietMs: 60 }\n';
    writeFileSync(
      this.configFile,
      `version: 1\npluginsDir: ${JSON.stringify(this.shelf.directory)}\n${watch}${config}`,
    );
  }

  /** Of the daemon and of commands. */
  get env(): NodeJS.ProcessEnv {
    return {
      PATH: process.env['PATH'],
      HOME: join(this.directory, 'home'),
      XDG_RUNTIME_DIR: this.runDir,
      XDG_STATE_HOME: join(this.directory, 'state'),
      PLUGD_CONFIG: this.configFile,
      TMPDIR: this.directory,
      ROOM_MARK: this.mark,
    };
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error('the daemon was not started');
    return pid;
  }

  /** What it has written. */
  get output(): { readonly stdout: string; readonly stderr: string } {
    return { stdout: this.#stdout, stderr: this.#stderr };
  }

  /** Reads nothing more of what it writes. */
  stopReading(): void {
    this.#child?.stdout?.destroy();
    this.#child?.stderr?.destroy();
  }

  /** Starts it, and resolves when it answers. */
  async start(args: readonly string[] = []): Promise<AdminClient> {
    this.launch(args);
    const admin = await poll(
      () => this.#answering(),
      (client) => client !== undefined,
    );
    if (admin === undefined) throw new Error('it does not answer');
    return admin;
  }

  /** Starts it, and waits for nothing. */
  launch(args: readonly string[] = []): void {
    this.#stdout = '';
    this.#stderr = '';
    const child = spawn(process.execPath, [bin, 'start', ...args], {
      cwd: this.directory,
      env: this.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    this.#ended = new Promise((done) => child.once('close', (code, signal) => done({ code, signal })));
  }

  async #answering(): Promise<AdminClient | undefined> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null)
      throw new Error(`the daemon has ended: ${this.#stderr}${this.#stdout}`);
    const client = await this.#connect().catch(() => undefined);
    return client;
  }

  async #connect(): Promise<AdminClient> {
    const client = await connectAdmin(this.socket, { timeoutMs: 2_000, program: 'test' });
    this.#clients.push(client);
    return client;
  }

  /** The admin API, by a connection of its own that the room closes. */
  admin(): Promise<AdminClient> {
    return this.#connect();
  }

  /** Runs a command line as the bin does, in the surroundings of the daemon. */
  async plugd(...args: readonly string[]): Promise<Ran> {
    const written = { stdout: '', stderr: '' };
    const code = await run(args, {
      stdout: { write: (text) => (written.stdout += text) },
      stderr: { write: (text) => (written.stderr += text) },
      env: this.env,
      cwd: () => this.directory,
    });
    return { code, ...written };
  }

  /** Resolves when a plugin serves at this version; undefined: when none serves. */
  async runs(name: string, version: string | undefined): Promise<void> {
    const admin = await this.admin();
    await poll(
      async () => {
        const { plugins } = await admin.listPlugins({}, { timeoutMs: 10_000 });
        const row = plugins.find((one) => one.name === name);
        return row?.state === 'serving' ? row.runningVersion : undefined;
      },
      (seen) => seen === version,
      20_000,
    );
  }

  /** Resolves when the process is gone. */
  get ended(): Promise<Ended> {
    return this.#ended;
  }

  /** Sends it a signal and waits for its end. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    this.#child?.kill(signal);
    return this.#ended;
  }

  /** Pids of the daemon and of all that descends from it. */
  processes(): number[] {
    return processesWith(`ROOM_MARK=${this.mark}`);
  }

  /** Ends everything, and checks that nothing is left but what is to be kept. */
  async close(): Promise<void> {
    for (const client of this.#clients.splice(0)) client.close();
    const forced = setTimeout(() => this.#child?.kill('SIGKILL'), 20_000);
    await this.end();
    clearTimeout(forced);
    // Its guardian ends what a killed daemon has left.
    const processes = await poll(
      () => this.processes(),
      (pids) => pids.length === 0,
      10_000,
    ).catch(() => this.processes());
    for (const pid of processes) process.kill(pid, 'SIGKILL');
    const left = { processes, files: existsSync(this.runDir) ? readdirSync(this.runDir) : [] };
    rmSync(this.directory, { recursive: true, force: true });
    this.shelf.dispose();
    expect(left).toEqual({ processes: [], files: [] });
  }
}
