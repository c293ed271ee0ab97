import type { ErrorCode } from '@plugd/protocol/error-codes';

/**
 * The states of one instance: a process with its connection.
 *
 * - `starting`: the process runs, its handshake and first health check are awaited
 * - `ready`: proved, but no call goes to it yet
 * - `serving`: in the route
 * - `draining`: out of the route; finishes the calls that it has
 * - `stopped`: ended because it was asked to
 * - `unhealthy`: alive, but of no use: another one takes its place
 * - `failed`: never came up, or left by itself
 */
export type InstanceState =
  | 'starting'
  | 'ready'
  | 'serving'
  | 'draining'
  | 'stopped'
  | 'unhealthy'
  | 'failed';

/**
 * The states of a plugin, the named thing that lives across versions.
 *
 * - `starting`: its first instance is coming up
 * - `serving`: calls are answered
 * - `restarting`: it has no instance, and one is being started; calls wait, or fail, as its options say
 * - `failed`: it has no instance; calls fail with `UNAVAILABLE` until a restart or an upgrade
 * - `stopping`: it drains and ends
 * - `stopped`: for good
 */
export type PluginState = 'starting' | 'serving' | 'restarting' | 'failed' | 'stopping' | 'stopped';

/** Why something changed: a word for programs, a sentence for people, and a code where an error was the cause. */
export interface Cause {
  /**
   * - `asked`: the application wanted it
   * - `proved`, `attached`: an instance is ready, after its checks or by its record
   * - `swapped`: it took the route
   * - `upgrade`, `restart`: another one took its place
   * - `stop`, `dry-run`: it was to end
   * - `start-failed`, `refused`: it was ended before it served
   * - `crash`: its process ended by itself
   * - `unhealthy`, `connection-lost`: it was alive, but of no use
   * - `shift`: two versions share the calls for a while
   * - `resized`: more or fewer instances are needed
   * - `limit`: it used more than it may
   * - `errors`, `latency`: what an instance is worse in than its peers; `recovered`: it gets another chance
   * - `host-was-killed`: an earlier host, in the middle of an operation
   * - `restarted`: another one took the place of one that was lost
   * - `directory`: what lies in the directory of plugins; `settings`: what is said of a plugin over its manifest
   * - `error`: what `code` and `message` say
   */
  readonly reason: string;
  readonly message?: string;
  readonly code?: ErrorCode;
}

interface EventBase {
  /** 1, 2, 3 … within one host: a gap means a lost event. */
  readonly sequence: number;
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** Its name in the host. */
  readonly plugin: string;
}

/** A process changed its state. */
export interface InstanceEvent extends EventBase {
  readonly type: 'instance';
  /** Its id, unique within the host. */
  readonly instance: string;
  readonly version: string;
  readonly generation: number;
  /** Undefined before its handshake. */
  readonly pid: number | undefined;
  /** Undefined for its first state. */
  readonly from: InstanceState | undefined;
  readonly to: InstanceState;
  readonly cause: Cause;
}

/** A plugin changed its state. */
export interface PluginEvent extends EventBase {
  readonly type: 'plugin';
  /** Of the generation in the route; of the last one, where there is none. */
  readonly version: string;
  /** 0 before the first one serves. */
  readonly generation: number;
  /** Undefined for its first state. */
  readonly from: PluginState | undefined;
  readonly to: PluginState;
  readonly cause: Cause;
}

/** A step of an operation began, was done, or failed; or what a step did is being undone. */
export interface OperationEvent extends EventBase {
  readonly type: 'operation';
  readonly operation: 'upgrade' | 'restart' | 'rollback';
  /**
   * See `OperationStep`; or what is undone, after a step has failed. `recover`: at a load, what a killed host had begun is
   * finished or undone.
   */
  readonly step: string;
  /** `running`: its strategy tells how far it is; the cause has the sentence. */
  readonly phase: 'started' | 'running' | 'done' | 'failed' | 'undoing' | 'undone';
  /** How far the operation has come, from 0 to 100. */
  readonly percent: number;
  readonly fromVersion: string;
  readonly toVersion: string;
  readonly cause: Cause;
}

/** An instance is replaced although nobody asked for it, or is not. */
export interface RestartEvent extends EventBase {
  readonly type: 'restart';
  readonly version: string;
  readonly generation: number;
  /** The instance that was lost, or is to be replaced. */
  readonly instance: string;
  /** `given-up`: it is not started again; the cause's code says why. */
  readonly phase: 'scheduled' | 'failed' | 'done' | 'given-up';
  /** 1 for the first try. */
  readonly attempt: number;
  /** Of `scheduled`: the wait before the start, in milliseconds; else 0. */
  readonly delayMs: number;
  /** Since the loss, in milliseconds: of `done`, the time to recover. */
  readonly elapsedMs: number;
  readonly cause: Cause;
}

/** One of several instances answered much worse than its peers and gets no calls for a while; or gets them again. */
export interface OutlierEvent extends EventBase {
  readonly type: 'outlier';
  readonly version: string;
  readonly generation: number;
  readonly instance: string;
  readonly phase: 'out' | 'back';
  /** Of `out`: what it is worse in; the message has the figures. */
  readonly cause: Cause;
}

/** What became of a version in the directory of plugins. */
export interface ArtifactEvent extends EventBase {
  readonly type: 'artifact';
  readonly version: string;
  /**
   * - `found`: it is whole, and new or of another content than before
   * - `waiting`: it would be put in its place, but for what it requires or is required of it: see the cause
   * - `loading`: its copy is being made, and started
   * - `running`: it serves
   * - `failed`: it can't be run, or was refused; it is not tried again until its content changes
   * - `removed`: it was taken away from disk, or its settings disable it, and has been stopped
   */
  readonly phase: 'found' | 'waiting' | 'loading' | 'running' | 'failed' | 'removed';
  readonly cause: Cause;
}

/** What a host reports: every change of state is one event, with its cause. */
export type HostEvent =
  | InstanceEvent
  | PluginEvent
  | OperationEvent
  | RestartEvent
  | OutlierEvent
  | ArtifactEvent;

type Draft<T> = T extends HostEvent ? Omit<T, 'sequence' | 'time'> : never;

/** An event before it has its number and time. */
export type HostEventDraft = Draft<HostEvent>;

export type EmitEvent = (event: HostEventDraft) => void;
