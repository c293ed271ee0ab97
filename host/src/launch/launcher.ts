import type { LogRecord } from '@plugd/protocol/log-record';
import type { Platform } from '../platform/platform';
import type { InstanceRecord } from './instance-record';
import type { Keeper } from './keeper';
import type { LaunchOptions, LaunchSpec } from './launch-spec';
import type { LaunchedInstance } from './launched-instance';

export interface LauncherOptions {
  readonly platform: Platform;
  /** Who owns the processes; default: this process. */
  readonly keeper?: Keeper;
  /** Where the run directory is made; default: XDG_RUNTIME_DIR, else the temp dir. Created if missing. */
  readonly runDir?: string;
  /** The launcher's own records. */
  readonly log: (record: LogRecord) => void;
}

/** Starts plugin processes and sees to it that nothing of them is left, however this host ends. */
export class Launcher {
  constructor(_options: LauncherOptions) {}

  /** Makes the run directory and the guardian. Throws RUN_DIR_UNSAFE, SOCKET_PATH_TOO_LONG, GUARDIAN_FAILED. */
  async open(): Promise<void> {}

  /** From spawn to a checked handshake. On any failure nothing of the process is left. */
  async start(_spec: LaunchSpec, _options: LaunchOptions): Promise<LaunchedInstance> {
    throw new Error('not built yet');
  }

  /** Takes over a running process. Throws PluginError ATTACH_FAILED. */
  async attach(_record: InstanceRecord): Promise<LaunchedInstance> {
    throw new Error('not built yet');
  }

  /** Ends what still runs, removes the run directory, ends the guardian. May be called again. */
  async close(): Promise<void> {}

  /** Leaves every process running and every directory in place, for another host to attach to. */
  async handOver(): Promise<void> {}
}
