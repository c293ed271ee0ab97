import type { Readable, Writable } from 'node:stream';

export interface SpawnSpec {
  /** Absolute path. */
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly stdin: 'ignore' | 'inherit' | 'pipe';
  /** Default true: stdout and stderr come through pipes. */
  readonly output?: boolean;
}

export interface ProcessExit {
  readonly code: number | null;
  readonly signal: string | null;
}

/** A child of this process. */
export interface SpawnedProcess {
  readonly pid: number;
  /** The group that it leads, where the platform has groups. */
  readonly group: number | null;
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** Settles when the process has been reaped, whoever still holds its pipes. Never rejects. */
  readonly exited: Promise<ProcessExit>;
  /** Called the moment the exit is learnt: until then pid and group can't be anyone else's. */
  onExit(listener: (exit: ProcessExit) => void): void;
  /** Lets the event loop end although the process runs. */
  unref(): void;
}

/** A process that is still the one that was meant: see {@link Platform.startTime}. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTime: string | null;
}

/**
 * What one process uses at a moment: the process alone, without its descendants. That is what an operator means by
 * a plugin's memory, and what can be had at the cost of a few reads; the sum over a group counts shared pages twice.
 * What a platform can't tell is undefined.
 */
export interface ProcessUsage {
  /** See {@link Platform.startTime}: two readings with different ones are of two processes. Null: not known. */
  readonly startTime: string | null;
  /** Resident memory. */
  readonly memoryBytes: number | undefined;
  /** Open files, sockets and pipes. */
  readonly descriptors: number | undefined;
  /** Processor time since its start, user and system, of all threads. It never falls. */
  readonly cpuMs: number | undefined;
}

/** Turns what a process prints into UTF-8. It keeps state: one for each stream. */
export interface OutputDecoder {
  decode(chunk: Buffer): Buffer;
}

/** All that differs between POSIX and Windows. The only room that touches child_process. */
export interface Platform {
  readonly style: 'posix' | 'windows';
  /** What a plugin is expected to listen on. */
  readonly defaultNetwork: 'unix' | 'tcp';
  /** Whether this host can connect to a `unix` address. */
  readonly unixSockets: boolean;
  /** The shell that runs the guardian; null where the system itself ends children with their parent. */
  readonly guardianShell: string | null;

  /** Rejects with the system's own error. The process leads a group of its own where there are groups. */
  spawn(spec: SpawnSpec): Promise<SpawnedProcess>;
  /**
   * Asks a process and its group to leave. False where the platform has no such request, or it is gone. As with
   * {@link kill}, it is up to the caller that pid and group still mean the same processes.
   */
  terminate(pid: number, group: number | null): boolean;
  /** Ends a process and its group or tree. False if there was nothing to end. */
  kill(pid: number, group: number | null): Promise<boolean>;

  /** When a process began, in a form that is only good for comparing. Null: no such process, or it can't be told. */
  startTime(pid: number): Promise<string | null>;
  /** Whether that very process has ended; a zombie has, and so has one whose pid is another's now. */
  isGone(process: ProcessIdentity): Promise<boolean>;
  /** Processes of this user whose environment holds the text. Always empty where environments can't be read. */
  findByToken(token: string): Promise<ProcessIdentity[]>;
  /**
   * Undefined if there is no such process. On Linux it costs some 50 µs, on other systems a program is run for each
   * reading. Never rejects.
   */
  usage(pid: number): Promise<ProcessUsage | undefined>;
  /**
   * How much memory processes of this host may still take, in bytes, before the system or the limits of a container
   * would have to take it from somebody. Undefined where that can't be told.
   */
  availableMemory(): number | undefined;

  /** See `resolveCommand` of the artifact room. */
  resolveCommand(command: string, cwd: string, env: Readonly<Record<string, string | undefined>>): string;
  /** Number of a group of users, given by name or number; undefined if there is none. */
  groupId(group: string | number): Promise<number | undefined>;
  /** Where a run directory may be made, best first. */
  runDirectoryBases(): string[];
  outputDecoder(): OutputDecoder;
}
