import type { SampleVersion } from './samples';

/** The signature under every answer of the samples. */
export interface Served {
  readonly servedBy: string;
  readonly pid: number;
}

/** How long a call may take, and when its caller leaves. Both in milliseconds; default: 30 s, and never. */
export interface CallLimits {
  readonly timeoutMs?: number;
  readonly cancelAfterMs?: number;
}

/** What one version of the reflection service tells. */
export interface Reflected {
  readonly services: readonly string[];
  readonly files: readonly { name: string; package: string; services: readonly string[] }[];
  readonly error?: string;
}

export interface Inspected {
  readonly environment: Readonly<Record<string, string>>;
  readonly arguments: readonly string[];
  readonly workingDirectory: string;
  readonly protocolVersion: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly cancelledSleeps: number;
}

export interface LoggedRecord {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** How a plugin left. */
export interface Left {
  /** Whether the host had to kill it. */
  readonly forced: boolean;
  readonly code: number | null;
  readonly signal: string | null;
}

/** A call that failed, with the number of its gRPC status. */
export interface CallFailure extends Error {
  readonly code: number;
  readonly details: string;
}

/**
 * One plugin process, driven through one of the hosts: the same questions and answers whichever host and whichever
 * plugin it is. Calls that fail reject with a {@link CallFailure}.
 */
export interface DrivenPlugin {
  readonly pid: number;
  /** What host and plugin agreed on. */
  readonly protocolVersion: number;
  readonly network: string;
  readonly address: string;

  get(key: string): Promise<Served & { found: boolean; value: string }>;
  put(key: string, value: string): Promise<Served>;
  /** Reads to the stream's end, or leaves after `take` answers. */
  watch(request: {
    key: string;
    count: number;
    intervalMs?: number;
    take?: number;
  }): Promise<readonly (Served & { sequence: number; value: string })[]>;
  /** Sends `load-1` = `value-1` and so on. */
  load(count: number): Promise<Served & { stored: number }>;
  /** Sends `message-1` and so on, each after the answer to the one before. */
  chat(count: number): Promise<readonly (Served & { sequence: number; text: string })[]>;

  /** Sends so many bytes and checks that they come back unchanged; returns how many came. */
  echo(size: number): Promise<number>;
  print(target: 'stdout' | 'stderr', text: string): Promise<void>;
  log(level: string, message: string, fields: Readonly<Record<string, string>>): Promise<void>;
  fail(code: number, message: string): Promise<void>;
  sleep(durationMs: number, limits?: CallLimits): Promise<void>;
  inspect(options?: {
    environment?: readonly string[];
    metadata?: Readonly<Record<string, string>>;
  }): Promise<Inspected>;

  health(service: string): Promise<string>;
  reflect(symbol: string): Promise<{ readonly v1: Reflected; readonly v1alpha: Reflected }>;

  /** What the plugin has printed so far, as far as it came to this host. */
  printed(): Promise<{ readonly stdout: string; readonly stderr: string }>;
  logs(): Promise<readonly LoggedRecord[]>;

  /** Stops it as its host does, and tells how it left. */
  stop(): Promise<Left>;
  /** How it left, once it has. */
  left(): Promise<Left | undefined>;
}

/** One of the hosts of the matrix. */
export interface DrivingHost {
  start(options: {
    readonly command: string;
    readonly autoMtls: boolean;
    /** Default: false. */
    readonly multiplex?: boolean;
    readonly versions: readonly number[];
    readonly env?: Readonly<Record<string, string>>;
  }): Promise<DrivenPlugin>;
  /** Ends it and all that it started. */
  close(): Promise<void>;
}

/** A plugin of the matrix. */
export interface MatrixSample {
  readonly language: 'TS' | 'Go';
  readonly command: (version: SampleVersion) => string;
}
