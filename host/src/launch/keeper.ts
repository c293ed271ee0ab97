import type { InstanceRecord } from './instance-record';

/** How a process ended. `code` and `signal` are both null where nobody could learn it (an attached process). */
export interface ExitInfo {
  readonly code: number | null;
  readonly signal: string | null;
  /** Wall clock, milliseconds since the epoch. */
  readonly at: number;
}

/** What a keeper needs to start a process. Everything is decided: nothing is looked up, no shell is involved. */
export interface ProcessSpec {
  /** Absolute path. */
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly stdin: 'ignore' | 'inherit';
  /** Random text that is also in `env`, by which descendants are found. */
  readonly token: string;
}

export type OutputStream = 'stdout' | 'stderr';

/** A process in a keeper's care. */
export interface KeptProcess {
  readonly pid: number;
  /** Its process group, where the platform has them. */
  readonly group: number | null;
  /** See {@link InstanceRecord.startTime}. A promise, since some platforms have to ask a program. */
  readonly startTime: Promise<string | null>;
  /** Undefined as long as it runs. */
  readonly exit: ExitInfo | undefined;
  /** Never rejects. Settles when the process itself has ended, whoever still holds its pipes. */
  readonly exited: Promise<ExitInfo>;
  /** Settles when that pipe is at its end; at once for a process without pipes of ours. */
  outputEnded(stream: OutputStream): Promise<void>;
  /** The bytes that it prints. One listener for each stream; what came before it was set is not lost. */
  onOutput(stream: OutputStream, listener: (chunk: Buffer) => void): void;
  /** Doesn't read that stream for a while; a process that floods it then waits in its own write. */
  holdOutput(stream: OutputStream, ms: number): void;
  /**
   * `terminate` asks the process and its group to leave, `kill` ends them. False where nothing was signalled: the
   * process is gone, or the platform knows no such request.
   */
  signal(kind: 'terminate' | 'kill'): Promise<boolean>;
  /** Lets go of the pipes, which a grandchild may hold open for ever. */
  closeOutput(): void;
}

/**
 * Who owns the processes. Today this is the host's own process ({@link LocalKeeper}); a keeper outside of it lets
 * a host be replaced while its plugins run on.
 */
export interface Keeper {
  /** Throws PluginError SPAWN_FAILED and the COMMAND_… codes. */
  start(spec: ProcessSpec): Promise<KeptProcess>;
  /** Throws PluginError ATTACH_FAILED when the process of the record is gone. */
  attach(record: InstanceRecord): Promise<KeptProcess>;
  /** Forgets every process without ending it. */
  release(): void;
}
