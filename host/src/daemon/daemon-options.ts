import type { LogLevel } from '@plugd/protocol/log-record';
import type { DaemonConfig } from '../config/config';

/** How a daemon is started. */
export interface DaemonOptions {
  /** Undefined: it runs without one. */
  readonly config: DaemonConfig | undefined;
  /** Where it was read from, as an absolute path. */
  readonly configFile: string | undefined;
  /** What `lookOf` has said of the file before it was read. Default: as it is when the daemon runs. */
  readonly configLook?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The working directory, absolute. */
  readonly cwd: string;
  /** Of the admin API; wins over the config. */
  readonly socket?: string | undefined;
  /** Of plugd, as `GetDaemon` tells it. */
  readonly version: string;
  /** The lowest level that is written to stderr too, `info` at least; undefined: nothing is. */
  readonly stderr: LogLevel | undefined;
}
