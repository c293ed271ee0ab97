import { tmpdir } from 'node:os';
import { win32 } from 'node:path';
import { resolveCommand } from '../artifact/command';
import { MarkDecoder } from './output-decoder';
import type {
  OutputDecoder,
  Platform,
  ProcessIdentity,
  ProcessUsage,
  SpawnedProcess,
  SpawnSpec,
} from './platform';
import { type RunProgram, runProgram } from './run-program';
import { type SpawnFunction, spawnChild, systemSpawn } from './spawn-child';

/** What the Windows side asks of the system; tests give their own. */
export interface WindowsSystem {
  readonly spawn?: SpawnFunction;
  readonly run?: RunProgram;
  /** Like `process.kill` with signal 0. */
  readonly probe?: (pid: number) => void;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * Windows. Children are not detached: libuv then puts them in a job object that ends them with this process, which
 * is what the guardian does elsewhere. There are no groups, no request to leave, and no unix sockets in Node.
 */
export class WindowsPlatform implements Platform {
  readonly style = 'windows';
  readonly defaultNetwork = 'tcp';
  readonly unixSockets = false;
  readonly guardianShell = null;
  readonly #spawn: SpawnFunction;
  readonly #run: RunProgram;
  readonly #probe: (pid: number) => void;
  readonly #env: Readonly<Record<string, string | undefined>>;

  constructor(system: WindowsSystem = {}) {
    this.#spawn = system.spawn ?? systemSpawn;
    this.#run = system.run ?? runProgram;
    this.#probe = system.probe ?? ((pid) => void process.kill(pid, 0));
    this.#env = system.env ?? process.env;
  }

  spawn(spec: SpawnSpec): Promise<SpawnedProcess> {
    return spawnChild(spec, { ownGroup: false, spawn: this.#spawn });
  }

  /** SIGTERM would be TerminateProcess here: the Shutdown call is the only polite way. */
  terminate(): boolean {
    return false;
  }

  async kill(pid: number): Promise<boolean> {
    if (!Number.isInteger(pid) || pid <= 4) return false;
    // The tree is known only while the process lives, so it has to go as a whole and at once.
    return (await this.#system('taskkill.exe', ['/PID', String(pid), '/T', '/F'])) !== undefined;
  }

  async startTime(pid: number): Promise<string | null> {
    const script = `(Get-Process -Id ${Math.trunc(pid)} -ErrorAction Stop).StartTime.ToFileTimeUtc()`;
    const answer = await this.#system('WindowsPowerShell\\v1.0\\powershell.exe', [
      '-NoProfile',
      '-NonInteractive',
      '-Command',
      script,
    ]);
    return /^\s*(\d+)\s*$/.exec(answer ?? '')?.[1] ?? null;
  }

  async isGone(process: ProcessIdentity): Promise<boolean> {
    try {
      this.#probe(process.pid);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EPERM') return true;
    }
    if (process.startTime === null) return false;
    // No answer is no proof: if it has just gone, the next probe says so.
    const startTime = await this.startTime(process.pid);
    return startTime !== null && startTime !== process.startTime;
  }

  async findByToken(): Promise<ProcessIdentity[]> {
    return [];
  }

  availableMemory(): number {
    return process.availableMemory();
  }

  /** Memory only: what tells the rest starts a PowerShell, which uses more than it would measure. */
  async usage(pid: number): Promise<ProcessUsage | undefined> {
    const answer = await this.#system('tasklist.exe', ['/FI', `PID eq ${pid}`, '/FO', 'CSV', '/NH']);
    // "node.exe","1234","Console","1","45,678 K" — with the thousands separator of the user's language.
    const kilobytes = /^"[^"]*","\d+","[^"]*","[^"]*","([^"]*)"/m.exec(answer ?? '')?.[1]?.replace(/\D/g, '');
    if (!kilobytes) return undefined;
    return {
      startTime: null,
      memoryBytes: Number(kilobytes) * 1024,
      descriptors: undefined,
      cpuMs: undefined,
    };
  }

  resolveCommand(command: string, cwd: string, env: Readonly<Record<string, string | undefined>>): string {
    return resolveCommand(command, cwd, env, 'windows');
  }

  /** Sockets have no owners here. */
  async groupId(): Promise<undefined> {
    return undefined;
  }

  runDirectoryBases(): string[] {
    return [tmpdir()];
  }

  outputDecoder(): OutputDecoder {
    return new MarkDecoder();
  }

  /** By full path, so that nothing on PATH can stand in for a program of the system. */
  #system(program: string, args: readonly string[]): Promise<string | undefined> {
    const root = this.#env['SystemRoot'] ?? 'C:\\Windows';
    return this.#run(win32.join(root, 'System32', program), args);
  }
}
