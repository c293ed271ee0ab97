import type { Client } from '@grpc/grpc-js';
import type { PromiseClient } from '@plugd/protocol/rpc/client';
import type { AnyServiceDefinition } from '@plugd/protocol/rpc/definition';
import type { PluginBroker } from './connection/scoped-broker';
import type { Contract } from './contract/contract';
import type { LoadOptions } from './instance/load-options';
import type { InstanceRecord } from './launch/instance-record';
import type { PluginStatus } from './plugin-status';
import type { Channel } from './routing/grpc-call';
import type { StubConstructor, StubOptions } from './routing/stub';
import type { InstanceCalls } from './upgrade/instance-calls';
import type { OperationHandle } from './upgrade/operation-handle';
import type { RollbackOptions, RollbackPlan, UpgradeOptions } from './upgrade/upgrade-options';

/**
 * What another host needs to take over a plugin: what it was loaded with, and the record of its process. It holds a
 * private key. All of it but `contract` and `tls` survives JSON.
 */
export interface HandedOver {
  readonly options: LoadOptions;
  readonly record: InstanceRecord;
  /** The records of its other instances, where it has more than one. */
  readonly others?: readonly InstanceRecord[];
}

/** What work gets that belongs to one instance: see {@link Plugin.pinned}. */
export interface PinnedScope extends InstanceCalls {
  /** Connections beside the main one: for plugins that call back, or hand out ids to dial. */
  readonly broker: PluginBroker;
  /** Fires when the scope has ended, and before its work has: at the drain limit, or when the process is lost. */
  readonly signal: AbortSignal;
}

/** How a plugin is called. Code that only calls can be written against this, and tested without a process. */
export interface PluginCalls {
  readonly name: string;
  /**
   * A stub of a client class for grpc-js, as ts-proto generates it or proto-loader makes it. It stays valid through
   * every upgrade and restart; closing it closes it alone.
   *
   * Throws PluginError OPTIONS_INVALID if both kinds of interceptors are given.
   */
  stub<Stub extends Client>(stubClass: StubConstructor<Stub>, options?: StubOptions): Stub;
  /**
   * A client in promises and AsyncIterables, from a generic definition (ts-proto) or a grpc-js service definition.
   * Its calls reject with {@link RpcError}.
   */
  client<Def extends AnyServiceDefinition>(definition: Def): PromiseClient<Def>;
  /**
   * For any stub library that takes a grpc-js channel. It is one channel, made at the first use: closing it closes it
   * for all who share it, not the plugin.
   */
  readonly channel: Channel;
  /** The plugin as it is now. */
  status(): PluginStatus;
}

/**
 * A loaded plugin: the named thing that lives across versions, restarts and crashes. Stubs, clients and the channel
 * made from it stay valid through all of them, until it is stopped. Whatever kind of {@link PluginHost} it was loaded by has these.
 */
export interface HostedPlugin extends PluginCalls {
  /**
   * Replaces the running version by another one, without failing a call: the new one is started beside the old one
   * and proved, then new calls go to it, then the old one finishes what it has and leaves.
   *
   * The handle gives progress (`for await`) and the report (`await`), or throws the PluginError that ended the
   * upgrade before anything changed, with the step's name in `facts.step`; BUSY and PLUGIN_STOPPED before any step.
   */
  upgrade(changes: UpgradeOptions): OperationHandle;
  /** The same version in a new process, by the same swap: no call fails. */
  restart(options?: Pick<UpgradeOptions, 'ifBusy'>): OperationHandle;
  /**
   * An upgrade backwards: to what was served before the last upgrade or rollback, by the same rules; at once where that is
   * still kept warm (`keepWarmMs`). A second one goes forward again.
   *
   * The handle is that of `upgrade`; it throws NOTHING_TO_ROLL_BACK where there is nothing to go back to, and
   * SNAPSHOT_NOT_FOUND where the state is to come from a snapshot and none is kept.
   */
  rollback(options?: RollbackOptions): OperationHandle;
  /**
   * What `rollback` with these options would do now: to which version, from where it takes the state, and what is lost.
   *
   * Throws PluginError NOTHING_TO_ROLL_BACK, SNAPSHOT_NOT_FOUND, STRATEGY_UNFIT.
   */
  rollbackPlan(options?: RollbackOptions): Promise<RollbackPlan>;
  /**
   * No new calls; those in flight may finish within `drainTimeoutMs`; then the process is asked to leave, and ended
   * if it doesn't. An operation under way is given up if it has not swapped yet. May be called again.
   *
   * Throws PluginError STOP_FAILED if a process can't be ended.
   */
  stop(): Promise<void>;
}

/** A plugin whose processes are this host's own. */
export interface Plugin extends HostedPlugin {
  /**
   * Runs work that has to stay with one instance, the one that serves when it begins. It counts as one call: an
   * upgrade lets it finish within `drainTimeoutMs`, while new calls already go to the new version.
   *
   * Throws what `use` throws; PluginError DRAIN_TIMEOUT when the scope is cut at the drain limit, PLUGIN_EXITED when
   * the process is lost, PLUGIN_UNHEALTHY when it hangs and is given up, PLUGIN_STOPPED after `stop()`. While there is no instance it waits, or is refused, as a call.
   */
  pinned<T>(use: (scope: PinnedScope) => Promise<T> | T): Promise<T>;
  /** Its services, as far as they are known at the moment: by its `contract`, and what it says of itself. Undefined while there is no instance. */
  readonly contract: Contract | undefined;
  /** With this another host can attach to the processes that serve; undefined while there is none. */
  handedOver(): HandedOver | undefined;
}
