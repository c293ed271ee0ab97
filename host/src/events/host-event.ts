import type { ErrorCode } from '@plugd/protocol/error-codes';

/**
 * The states of one instance: a process with its connection.
 *
 * - `starting`: the process runs, its handshake and first health check are awaited
 * - `ready`: proved, but no call goes to it yet
 * - `serving`: in the route
 * - `draining`: out of the route; finishes the calls that it has
 * - `stopped`: ended because it was asked to
 * - `unhealthy`: alive, but not to be called
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
 * - `failed`: it has no instance; calls fail with `UNAVAILABLE` until a restart or an upgrade
 * - `stopping`: it drains and ends
 * - `stopped`: for good
 */
export type PluginState = 'starting' | 'serving' | 'failed' | 'stopping' | 'stopped';

/** Why something changed: a word for programs, a sentence for people, and a code where an error was the cause. */
export interface Cause {
  readonly reason: string;
  readonly message?: string;
  readonly code?: ErrorCode;
}

interface EventBase {
  /** 1, 2, 3 … within one host: a gap means a lost event. */
  readonly sequence: number;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly plugin: string;
}

export interface InstanceEvent extends EventBase {
  readonly type: 'instance';
  readonly instance: string;
  readonly version: string;
  readonly generation: number;
  readonly pid: number | undefined;
  readonly from: InstanceState | undefined;
  readonly to: InstanceState;
  readonly cause: Cause;
}

export interface PluginEvent extends EventBase {
  readonly type: 'plugin';
  readonly version: string;
  readonly generation: number;
  readonly from: PluginState | undefined;
  readonly to: PluginState;
  readonly cause: Cause;
}

/** A step of an operation (upgrade or restart) began, was done, or failed. */
export interface OperationEvent extends EventBase {
  readonly type: 'operation';
  readonly operation: 'upgrade' | 'restart';
  readonly step: string;
  readonly phase: 'started' | 'done' | 'failed';
  readonly fromVersion: string;
  readonly toVersion: string;
  readonly cause: Cause;
}

/** What a host reports: every change of state is one event, with its cause. */
export type HostEvent = InstanceEvent | PluginEvent | OperationEvent;

type Draft<T> = T extends HostEvent ? Omit<T, 'sequence' | 'time'> : never;

/** An event before it has its number and time. */
export type HostEventDraft = Draft<HostEvent>;

export type EmitEvent = (event: HostEventDraft) => void;
