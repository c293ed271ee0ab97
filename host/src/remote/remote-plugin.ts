import type { Client } from '@grpc/grpc-js';
import { PluginError } from '@plugd/protocol/plugin-error';
import { createPromiseClient, type PromiseClient } from '@plugd/protocol/rpc/client';
import type { AnyServiceDefinition } from '@plugd/protocol/rpc/definition';
import type { AdminClient } from '../admin/admin-client';
import type { HostedPlugin } from '../plugin';
import type { PluginStatus } from '../plugin-status';
import type { Channel } from '../routing/grpc-call';
import type { Refusal } from '../routing/refusal';
import { createStub, type StubConstructor, type StubOptions } from '../routing/stub';
import type { OperationHandle } from '../upgrade/operation-handle';
import type { OperationName, UpgradeReport } from '../upgrade/report';
import type { RollbackOptions, RollbackPlan, UpgradeOptions } from '../upgrade/upgrade-options';
import type { DaemonLink } from './daemon-link';
import { planOf } from './documents';
import { DoorFacade, type DoorRoute } from './door-facade';
import type { PluginMirror } from './plugin-mirror';
import { remoteOperation } from './remote-operation';
import { type AnyOptions, sentOptions, withPaths } from './sent-options';

/** What a plugin needs of the host that it was found by. */
export interface RemoteSurroundings {
  readonly admin: AdminClient;
  readonly link: DaemonLink;
  /** To the daemon's front door. */
  readonly door: Channel;
  /** The calls to it that have begun, and not ended. */
  readonly running: DoorRoute['running'];
  /** Why nothing can be called any more. */
  readonly closed: Refusal | undefined;
  /** Resolves when what the daemon says of the plugin now is known here, and told. Never rejects. */
  look(plugin: string): Promise<void>;
  /** Has a look, some time, where the last one is old. */
  glance(plugin: string): void;
  /** An operation of this application on the plugin has swapped. */
  swapped(plugin: string, operation: OperationName, changes: UpgradeOptions): void;
  /** This application is about to stop it: it is not to be loaded again. */
  stopped(plugin: string): void;
  /** It is there no more. */
  drop(plugin: RemotePlugin): void;
}

/** A plugin that runs in a daemon. What is asked of it is asked by name. */
export class RemotePlugin implements HostedPlugin, DoorRoute {
  readonly mirror: PluginMirror;
  /** The daemon was lost, and has not told of it since. */
  lost = false;
  readonly #name: string;
  readonly #surroundings: RemoteSurroundings;
  #channel: Channel | undefined;
  #stopping: Promise<void> | undefined;
  #gone = false;

  constructor(mirror: PluginMirror, surroundings: RemoteSurroundings) {
    this.mirror = mirror;
    this.#name = mirror.status.name;
    this.#surroundings = surroundings;
  }

  get name(): string {
    return this.#name;
  }

  /** As the daemon told it last: states and versions by its events, figures at most as old as the last call but one. */
  status(): PluginStatus {
    if (!this.#gone) this.#surroundings.glance(this.#name);
    return this.mirror.status;
  }

  stub<Stub extends Client>(stubClass: StubConstructor<Stub>, options?: StubOptions): Stub {
    return createStub(stubClass, new DoorFacade(this), options);
  }

  client<Def extends AnyServiceDefinition>(definition: Def): PromiseClient<Def> {
    return createPromiseClient(definition, new DoorFacade(this));
  }

  get channel(): Channel {
    this.#channel ??= new DoorFacade(this);
    return this.#channel;
  }

  upgrade(changes: UpgradeOptions): OperationHandle {
    return this.#operation('upgrade', changes);
  }

  restart(options: Pick<UpgradeOptions, 'ifBusy'> = {}): OperationHandle {
    return this.#operation('restart', options);
  }

  rollback(options: RollbackOptions = {}): OperationHandle {
    return this.#operation('rollback', options);
  }

  async rollbackPlan(options: RollbackOptions = {}): Promise<RollbackPlan> {
    this.#refuseIfGone();
    const { admin } = this.#surroundings;
    const { plan } = await admin.planRollback({ plugin: this.#name, options: sentOptions(options) });
    return planOf(plan ?? {});
  }

  #operation(operation: OperationName, options: AnyOptions): OperationHandle {
    const surroundings = this.#surroundings;
    const { admin, link } = surroundings;
    const plugin = this.#name;
    return remoteOperation({
      admin,
      link,
      request: () => {
        this.#refuseIfGone();
        return { plugin, operation, options: sentOptions(withPaths(options)) };
      },
      over: async (report: UpgradeReport | undefined) => {
        if (report?.outcome === 'swapped') surroundings.swapped(plugin, operation, options);
        await surroundings.look(plugin);
      },
    });
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop().catch((error: unknown) => {
      // It still runs, as far as anybody knows: it can be tried again.
      this.#stopping = undefined;
      throw error;
    });
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    if (this.#gone) return;
    this.#surroundings.stopped(this.#name);
    await this.#surroundings.admin.stopPlugin({ plugin: this.#name }).catch((error: unknown) => {
      if (!isNotThere(error)) throw error;
    });
    await this.#surroundings.look(this.#name);
    this.#surroundings.drop(this);
  }

  /** It is there no more, or another one has its name. */
  leave(): void {
    this.#gone = true;
    this.mirror.lose('stopped');
  }

  // For its channels.

  get plugin(): string {
    return this.#name;
  }

  get door(): Channel {
    return this.#surroundings.door;
  }

  get running(): DoorRoute['running'] {
    return this.#surroundings.running;
  }

  get refusal(): Refusal | undefined {
    if (!this.#gone) return this.#surroundings.closed;
    return { code: 'ROUTE_CLOSED', details: `Plugin ${this.#name} has been stopped` };
  }

  #refuseIfGone(): void {
    const { closed } = this.#surroundings;
    if (closed !== undefined) throw new PluginError(closed.code, closed.details);
    if (this.#gone) throw new PluginError('PLUGIN_STOPPED', `Plugin ${this.#name} has been stopped.`);
  }
}

/** Whether a daemon says that no such plugin runs. */
export function isNotThere(error: unknown): boolean {
  return error instanceof PluginError && ['PLUGIN_NOT_FOUND', 'PLUGIN_STOPPED'].includes(error.code);
}
