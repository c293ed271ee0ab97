import type { ErrorCode } from '@plugd/protocol/error-codes';
import type { PluginError } from '@plugd/protocol/plugin-error';
import type { InstanceRecord } from './instance-record';
import type { ExitInfo, OutputStream } from './keeper';
import type { OutputCounters } from './output-counters';
import type { ErrorOptions } from './witness';

/** A process that has shaken hands, with what is needed to watch and to end it. */
export interface LaunchedInstance {
  readonly record: InstanceRecord;
  /** Undefined as long as it runs. */
  readonly exit: ExitInfo | undefined;
  /** Settles when the process itself has ended. Never rejects. */
  readonly exited: Promise<ExitInfo>;
  /** Settles when all that it printed has been read, at most 200 ms after its exit: its errors are complete then. */
  readonly outputEnded: Promise<void>;
  /** The last lines of stderr: at most 40, each at most 1 KiB. */
  stderrTail(): string[];
  /** What its pipes have carried; nothing, for an attached process. */
  output(): Readonly<Record<OutputStream, OutputCounters>>;
  /**
   * An error about this process with the facts that launch knows: exit, last lines of stderr, kind and architecture
   * of the file. For the rooms that talk to it.
   */
  error(code: ErrorCode, summary: string, options?: ErrorOptions): PluginError;
  /**
   * Asks it to leave, ends it with all its descendants `timeoutMs` later, and removes its sockets and its
   * directory. To be called after the Shutdown call; also for one that has exited. May be called again, also together
   * with {@link kill}.
   *
   * Throws PluginError STOP_FAILED if a process can't be ended; another call tries again.
   */
  stop(options: { readonly timeoutMs: number }): Promise<void>;
  /** {@link stop} without asking. */
  kill(): Promise<void>;
}
