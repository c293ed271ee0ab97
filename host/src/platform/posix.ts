import { lstatSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { resolveCommand } from '../artifact/command';
import { readAvailableMemory } from './linux-memory';
import { EnvironmentSearch, isEnded, readStat, readUsage } from './linux-proc';
import { plainDecoder } from './output-decoder';
import type {
  OutputDecoder,
  Platform,
  ProcessIdentity,
  ProcessUsage,
  SpawnedProcess,
  SpawnSpec,
} from './platform';
import { parsePsUsage } from './ps-usage';
import { type RunProgram, runProgram } from './run-program';
import { type SpawnFunction, spawnChild, systemSpawn } from './spawn-child';
import { lookUpGroup } from './user-group';

/** What the POSIX side asks of the system; tests give their own. */
export interface PosixSystem {
  readonly name?: NodeJS.Platform;
  readonly spawn?: SpawnFunction;
  readonly run?: RunProgram;
  /** Like `process.kill`. */
  readonly signal?: (pid: number, signal: NodeJS.Signals | 0) => void;
  readonly proc?: string;
  /** Where the control groups are mounted. */
  readonly cgroups?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Linux, and as far as it can be had without /proc, macOS and the BSDs. */
export class PosixPlatform implements Platform {
  readonly style = 'posix';
  readonly defaultNetwork = 'unix';
  readonly unixSockets = true;
  readonly guardianShell = '/bin/sh';
  readonly #linux: boolean;
  readonly #spawn: SpawnFunction;
  readonly #run: RunProgram;
  readonly #signal: (pid: number, signal: NodeJS.Signals | 0) => void;
  readonly #proc: string;
  readonly #cgroups: string;
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #search: EnvironmentSearch;

  constructor(system: PosixSystem = {}) {
    this.#linux = (system.name ?? process.platform) === 'linux';
    this.#spawn = system.spawn ?? systemSpawn;
    this.#run = system.run ?? runProgram;
    this.#signal = system.signal ?? ((pid, signal) => void process.kill(pid, signal));
    this.#proc = system.proc ?? '/proc';
    this.#cgroups = system.cgroups ?? '/sys/fs/cgroup';
    this.#env = system.env ?? process.env;
    this.#search = new EnvironmentSearch(this.#proc);
  }

  spawn(spec: SpawnSpec): Promise<SpawnedProcess> {
    // A session and group of its own: signals of the terminal don't reach it, and the group can be ended whole.
    return spawnChild(spec, { ownGroup: true, spawn: this.#spawn });
  }

  terminate(pid: number, group: number | null): boolean {
    return this.#send(pid, group, 'SIGTERM');
  }

  async kill(pid: number, group: number | null): Promise<boolean> {
    return this.#send(pid, group, 'SIGKILL');
  }

  #send(pid: number, group: number | null, signal: NodeJS.Signals): boolean {
    // Nobody else's group, and never what 0, 1 and -1 mean to kill(2): ourselves, init, everyone.
    const target = group === null ? pid : -group;
    if (!Number.isInteger(target) || Math.abs(target) <= 1) return false;
    try {
      this.#signal(target, signal);
      return true;
    } catch {
      return false;
    }
  }

  async startTime(pid: number): Promise<string | null> {
    return (await this.#look(pid))?.startTime ?? null;
  }

  async isGone(process: ProcessIdentity): Promise<boolean> {
    if (!this.#linux && !this.#answers(process.pid)) return true;
    const found = await this.#look(process.pid);
    return found === undefined || (process.startTime !== null && found.startTime !== process.startTime);
  }

  /** The live process of that number. */
  async #look(pid: number): Promise<{ startTime: string } | undefined> {
    if (this.#linux) {
      const stat = readStat(pid, this.#proc);
      return stat === undefined || isEnded(stat) ? undefined : stat;
    }
    const answer = await this.#run('ps', ['-o', 'stat=', '-o', 'lstart=', '-p', String(pid)]);
    const [state, ...startTime] = (answer ?? '').trim().split(/\s+/);
    return state === undefined || startTime.length === 0 || state.startsWith('Z')
      ? undefined
      : { startTime: startTime.join(' ') };
  }

  #answers(pid: number): boolean {
    try {
      this.#signal(pid, 0);
      return true;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EPERM';
    }
  }

  async findByToken(token: string): Promise<ProcessIdentity[]> {
    return this.#linux && token !== '' ? this.#search.find(token) : [];
  }

  async usage(pid: number): Promise<ProcessUsage | undefined> {
    if (this.#linux) return readUsage(pid, this.#proc);
    const fields = ['stat=', 'rss=', 'time=', 'lstart='].flatMap((field) => ['-o', field]);
    return parsePsUsage((await this.#run('ps', [...fields, '-p', String(pid)])) ?? '');
  }

  availableMemory(): number | undefined {
    return this.#linux ? readAvailableMemory(this.#proc, this.#cgroups) : process.availableMemory();
  }

  resolveCommand(command: string, cwd: string, env: Readonly<Record<string, string | undefined>>): string {
    return resolveCommand(command, cwd, env, 'posix');
  }

  groupId(group: string | number): Promise<number | undefined> {
    return lookUpGroup(group, this.#run);
  }

  runDirectoryBases(): string[] {
    const own = this.#env['XDG_RUNTIME_DIR'];
    const bases = own !== undefined && isOwnDirectory(own) ? [own] : [];
    // The temp dir may be deep (macOS has a long one); /tmp is the shortest there is.
    return [...new Set([...bases, tmpdir(), '/tmp'])];
  }

  outputDecoder(): OutputDecoder {
    return plainDecoder;
  }
}

/** After `sudo`, XDG_RUNTIME_DIR may still be another user's. */
function isOwnDirectory(path: string): boolean {
  try {
    const about = lstatSync(path);
    return (
      path.startsWith('/') &&
      about.isDirectory() &&
      about.uid === process.getuid?.() &&
      (about.mode & 0o022) === 0
    );
  } catch {
    return false;
  }
}
