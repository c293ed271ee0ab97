import type { ErrorCode } from '@plugd/host';

/** How host and victim speak: `mux` is AutoMTLS on one multiplexed connection. */
export type Mode = 'plain' | 'mtls' | 'mux';

/** One of the kinds of call; `get` and `put` may be made twice, by their contract. */
export type CallKind = 'get' | 'put' | 'watch' | 'load' | 'chat';

/** What is done to a host and its victim, one after the other. */
export type Act =
  /** The victim is loaded only now. Else it is loaded before the quiet time, and called all the time. */
  | { readonly act: 'load' }
  /** The victim is told by a call what to do from now on: see plugins/chaos/src/modes.ts. */
  | { readonly act: 'tell'; readonly chaos: string }
  /** Begins calls, and does not wait for them. */
  | {
      readonly act: 'call';
      readonly kind: CallKind;
      readonly count?: number;
      /** Default 10,000. */
      readonly timeoutMs?: number;
    }
  | { readonly act: 'signal'; readonly signal: NodeJS.Signals }
  | { readonly act: 'stop' }
  | { readonly act: 'upgrade'; readonly chaos?: string }
  | { readonly act: 'remove'; readonly what: 'socket' | 'instance directory' | 'run directory' }
  /** The host's wall clock jumps. */
  | { readonly act: 'shift clock'; readonly byMs: number }
  /** Of the run directory, which lies on a small file system of its own. */
  | { readonly act: 'fill disk' }
  | { readonly act: 'free disk' }
  /** Waits until so much of what was printed has come to the host. */
  | { readonly act: 'await output'; readonly megabytes: number }
  /** Waits until a process with the victim's token or descending from it is there so many times, at least or, with `most`, at most. */
  | { readonly act: 'await processes'; readonly count: number; readonly most?: true }
  /** Waits until so many of the calls have been sent, or have had a first answer. */
  | { readonly act: 'await calls' | 'await answers'; readonly count: number }
  | { readonly act: 'await state'; readonly state: 'serving' | 'restarting' | 'failed' }
  | { readonly act: 'wait'; readonly ms: number };

/** What has become of the victim in the end. */
export type End = 'refused' | 'unchanged' | 'restarted' | 'failed' | 'stopped' | 'upgraded';

/** A row of the table. Plain data. */
export interface Fault {
  readonly name: string;
  readonly moment: string;
  /** Default: AutoMTLS alone. */
  readonly modes?: readonly Mode[];
  /** Whether it is tried every day, and not in the whole run alone. */
  readonly daily?: boolean;
  /** What the victim's processes do, all of them: CHAOS. Default: nothing wrong. */
  readonly chaos?: string;
  readonly acts: readonly Act[];
  readonly end: End;
  /** What may become of it as well, where that hangs on who is faster. */
  readonly orEnd?: End;
  /** Of the refusal or the failure. */
  readonly code?: ErrorCode;
  /**
   * How the calls of its acts may end: `OK`, or the status, with the host's own code behind it if it was the host that
   * ended the call: `UNAVAILABLE INSTANCE_LOST`.
   */
  readonly calls?: readonly string[];
  /** The same for the steady calls of the victim, which may be made twice. Default: they are all answered. */
  readonly steady?: readonly string[];
  /** From the first act to the end. Default 20,000. */
  readonly limitMs?: number;
  /** For victims that say nothing. Default 8,000. */
  readonly startTimeoutMs?: number;
  /** What the host may grow by, in MiB. Default 100. */
  readonly growthMiB?: number;
  /** What the neighbour's p99 may grow by, in ms, where the calls of the row itself keep the host's loop busy. Default 25. */
  readonly slackMs?: number;
  /** Whether the run directory has to lie on a small file system of its own. */
  readonly smallDisk?: boolean;
}

export interface Latency {
  readonly calls: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** What the host in its own process has seen. */
export interface Report {
  readonly end: End | 'neither';
  readonly code: string | undefined;
  /** Why other processes took the victim's place. */
  readonly restartedFor: readonly string[];
  /** What was waited for in vain. */
  readonly vain: readonly string[];
  /** From the first act until the end was seen. */
  readonly tookMs: number;
  /** How many calls of the acts, and how many steady ones, ended in each way. */
  readonly calls: Readonly<Record<string, number>>;
  readonly steady: Readonly<Record<string, number>>;
  /** Calls without an answer, or with two. */
  readonly miscounted: number;
  readonly quiet: Latency;
  readonly during: Latency;
  /** How the neighbour's calls failed. */
  readonly neighbourFailed: readonly string[];
  readonly grownMiB: number;
  readonly printedMiB: number;
  /** Share of one processor that the host used meanwhile. */
  readonly processorShare: number;
  /** What lay in the run directory after the host was closed. */
  readonly leftFiles: readonly string[];
}

export const modesOf = ({ modes = ['mtls'] }: Fault): readonly Mode[] => modes;

export const titleOf = ({ name, moment }: Fault): string => `${name}, ${moment}`;
