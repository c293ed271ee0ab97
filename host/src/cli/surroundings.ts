import type { Readable } from 'node:stream';

/** Where text goes: a terminal, a pipe, a file. */
export interface TextSink {
  /** False: more than it takes at once; `drain` tells when it is time to go on. */
  write(text: string): unknown;
  readonly isTTY?: boolean;
  /** 0 where a terminal does not know. */
  readonly columns?: number;
  readonly rows?: number;
  on?(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown;
  once?(event: 'drain' | 'close', listener: () => void): unknown;
  off?(event: 'drain' | 'close', listener: () => void): unknown;
}

/** What of a process the command uses. */
export interface Surroundings {
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  /** Where it is left out, nothing can be read, and nobody asked. */
  readonly stdin?: Readable & { readonly isTTY?: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
  cwd(): string;
  /** Where signals are heard. Left out: nothing interrupts. */
  on?(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
  off?(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
  /** Ends at once, whatever is under way. */
  exit?(code: number): unknown;
}
