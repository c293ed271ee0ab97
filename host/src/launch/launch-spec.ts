import type { LogRecord } from '@plugd/protocol/log-record';
import type { KeyedCertificate } from './instance-record';
import type { OutputStream } from './keeper';

/** One process to start, with everything resolved by the caller. */
export interface LaunchSpec {
  readonly id: string;
  readonly plugin: string;
  readonly version: string;
  readonly generation: number;
  /** Absolute path; see `resolveCommand`. */
  readonly command: string;
  readonly args: readonly string[];
  /** The caller's variables; they win over inherited ones, and lose only against those of the wire. */
  readonly env: Readonly<Record<string, string>>;
  /** Whether the host's own environment is passed on, without the variables of the wire. */
  readonly inheritEnv: boolean;
  readonly cwd: string;
  /** `inherit` is the host's own; a terminal can't be read there, since the plugin has a session of its own. */
  readonly stdin: 'ignore' | 'inherit';
  /** Name and value of the variable by which a plugin knows that a host started it. */
  readonly cookie: readonly [string, string];
  /** Application protocol versions that the host speaks. */
  readonly protocolVersions: readonly number[];
  /** The host's half of AutoMTLS; null: none is asked for. */
  readonly certificate: KeyedCertificate | null;
  /** Group that may connect to the plugin's socket, by name or number. */
  readonly unixSocketGroup?: string | number;
  /** Ports for plugins that listen on TCP; default 10000 to 25000. */
  readonly minPort?: number;
  readonly maxPort?: number;
  /** From spawn to a whole handshake line. */
  readonly startTimeoutMs: number;
  readonly multiplex?: boolean;
  /** Whether it gets an empty directory of its own for whatever it likes. Default false. */
  readonly scratch?: boolean;
  /** A copy of its configuration, made by the caller, who removes it when nobody uses it any more. */
  readonly configDirectory?: string;
  /** Numbers of the ports that it is told to listen on, by their names. */
  readonly ports?: Readonly<Record<string, number>>;
}

export type OutputListener = (record: LogRecord, stream: OutputStream) => void;

export interface LaunchOptions {
  /** Gives the start up; the process is ended and ABORTED thrown. */
  readonly signal?: AbortSignal;
  /** What the process prints, as records; floods are thinned out. */
  readonly onOutput: OutputListener;
  /** Called once when nothing is left of a process that came up, and its directory has been removed. */
  readonly onRemoved?: () => Promise<void>;
}
