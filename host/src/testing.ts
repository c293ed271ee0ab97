/**
 * A plugin without a process, for the unit tests of an application: real gRPC over a private socket, through the
 * same swap channel that a loaded plugin has.
 *
 * @example
 * await using kv = await createTestPlugin({
 *   name: 'kv',
 *   services: [[KvDefinition, { get: ({ key }) => ({ found: true, value: Buffer.from(key) }) }]],
 * });
 * const answer = await kv.client(KvDefinition).get({ key: 'a' });
 */
import type { Client } from '@grpc/grpc-js';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { PromiseClient } from '@plugd/protocol/rpc/client';
import type { AnyServiceDefinition } from '@plugd/protocol/rpc/definition';
import type { ServiceImplementation } from '@plugd/protocol/rpc/service';
import type { InstanceState, PluginState } from './events/host-event';
import { InProcessInstance, type OfferService } from './in-process-instance';
import type { PluginCalls } from './plugin';
import type { InstanceStatus, PluginStatus } from './plugin-status';
import type { DrainResult } from './routing/endpoint';
import type { Generation } from './routing/generation';
import type { Channel } from './routing/grpc-call';
import { RouteCalls } from './routing/route-calls';
import type { StubConstructor, StubOptions } from './routing/stub';
import { SwapChannel } from './routing/swap-channel';

export type { DrainResult } from './routing/endpoint';

/**
 * What a test plugin serves: pairs of a definition and its implementation. A method that is left out answers
 * UNIMPLEMENTED.
 */
export type TestServices<Defs extends readonly AnyServiceDefinition[]> = {
  readonly [Index in keyof Defs]: readonly [
    definition: Defs[Index],
    implementation: Partial<ServiceImplementation<Defs[Index]>>,
  ];
};

/** How to make a test plugin. */
export interface TestPluginOptions<Defs extends readonly AnyServiceDefinition[]> {
  readonly name: string;
  /** What `status()` says. Default `1.0.0`. */
  readonly version?: string;
  readonly services: TestServices<Defs>;
  /** What `status()` says of the protocol's version. Default 1. */
  readonly protocolVersion?: number;
  /** How long calls in flight may take to end before they are cut, in milliseconds. Default 30,000, as in a host. */
  readonly drainTimeoutMs?: number;
}

/** What takes the place of a test plugin's services. */
export interface TestPluginReplacement<Defs extends readonly AnyServiceDefinition[]> {
  readonly version: string;
  readonly services: TestServices<Defs>;
}

/** A plugin in this process. Code that takes a {@link PluginCalls} can't tell it from a loaded one. */
export interface TestPlugin extends PluginCalls, AsyncDisposable {
  /**
   * Swaps in another implementation, as an upgrade does: once it is ready new calls go to it, and the old one's
   * `call.draining` fires. Resolves when the old one's calls have ended, and tells how. After a crash it brings
   * the plugin back.
   *
   * Throws PluginError PLUGIN_STOPPED.
   */
  replace<const Defs extends readonly AnyServiceDefinition[]>(
    replacement: TestPluginReplacement<Defs>,
  ): Promise<DrainResult>;
  /** {@link replace} by the same version and the same implementations. */
  restart(): Promise<DrainResult>;
  /**
   * The plugin is gone, as if its process had died: calls in flight break off with UNAVAILABLE, and new ones fail
   * with UNAVAILABLE and the code PLUGIN_EXITED, until {@link replace} or {@link restart}.
   */
  crash(): void;
  /** No new calls; those in flight may finish within `drainTimeoutMs`. May be called again. */
  stop(): Promise<void>;
}

/** Makes a plugin without a process. Throws PluginError OPTIONS_INVALID for what is no service definition. */
export async function createTestPlugin<const Defs extends readonly AnyServiceDefinition[]>(
  options: TestPluginOptions<Defs>,
): Promise<TestPlugin> {
  const plugin = new InProcessPlugin(
    options.name,
    options.protocolVersion ?? 1,
    options.drainTimeoutMs ?? 30_000,
  );
  await plugin.replace({ version: options.version ?? '1.0.0', services: options.services });
  return plugin;
}

/** What is or was in the route. */
interface Serving {
  readonly id: string;
  readonly version: string;
  readonly instance: InProcessInstance;
  readonly generation: Generation;
  state: InstanceState;
}

interface Version {
  readonly version: string;
  readonly offerServices: (offer: OfferService) => void;
}

class InProcessPlugin implements TestPlugin {
  readonly #route: SwapChannel;
  readonly #calls: RouteCalls;
  /** In the route, and those that left it and have not ended. */
  readonly #live = new Set<Serving>();
  #state: PluginState = 'starting';
  #serving: Serving | undefined;
  #version: Version = { version: '', offerServices: () => {} };
  #generations = 0;
  #stopped: Promise<void> | undefined;
  /** One swap at a time, as in a host. */
  #tail: Promise<unknown> = Promise.resolve();

  constructor(
    readonly name: string,
    private readonly protocolVersion: number,
    private readonly drainTimeoutMs: number,
  ) {
    this.#route = new SwapChannel({ name });
    this.#calls = new RouteCalls(this.#route);
  }

  stub<Stub extends Client>(stubClass: StubConstructor<Stub>, options?: StubOptions): Stub {
    return this.#calls.stub(stubClass, options);
  }

  client<Def extends AnyServiceDefinition>(definition: Def): PromiseClient<Def> {
    return this.#calls.client(definition);
  }

  get channel(): Channel {
    return this.#calls.channel;
  }

  status(): PluginStatus {
    return {
      name: this.name,
      state: this.#state,
      version: this.#version.version,
      generation: this.#generations,
      protocolVersion: this.#serving === undefined ? undefined : this.protocolVersion,
      instances: [...this.#live].reverse().map(instanceStatus),
    };
  }

  replace<const Defs extends readonly AnyServiceDefinition[]>(
    replacement: TestPluginReplacement<Defs>,
  ): Promise<DrainResult> {
    const { version, services } = replacement;
    return this.#swap(() => ({
      version,
      offerServices: (offer) => {
        for (const [definition, implementation] of services) offer(definition, implementation);
      },
    }));
  }

  restart(): Promise<DrainResult> {
    return this.#swap(() => this.#version);
  }

  #swap(choose: () => Version): Promise<DrainResult> {
    const swapped = this.#tail.then(async () => {
      this.#refuseIfStopped();
      const version = choose();
      const instance = await InProcessInstance.start(version.offerServices);
      const previous = this.#serving;
      this.#enter(instance, version);
      return previous === undefined ? { drained: 0, cut: 0, elapsedMs: 0 } : this.#retire(previous);
    });
    this.#tail = swapped.catch(() => {});
    return swapped;
  }

  #enter(instance: InProcessInstance, version: Version): void {
    const number = ++this.#generations;
    const { generation } = this.#route.swap({ number, channel: instance.channel });
    const id = `${this.name}-${number}`;
    const serving: Serving = { id, version: version.version, instance, generation, state: 'serving' };
    this.#serving = serving;
    this.#live.add(serving);
    this.#version = version;
    this.#state = 'serving';
  }

  async #retire(serving: Serving): Promise<DrainResult> {
    serving.state = 'draining';
    serving.instance.drain();
    const result = await serving.generation.drain(this.drainTimeoutMs);
    this.#end(serving);
    return result;
  }

  #end(serving: Serving): void {
    serving.instance.end();
    this.#live.delete(serving);
  }

  crash(): void {
    const serving = this.#serving;
    if (serving === undefined) return;
    this.#serving = undefined;
    this.#state = 'failed';
    this.#route.down({ code: 'PLUGIN_EXITED', details: `Plugin ${this.name} exited while it was in use.` });
    this.#end(serving);
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    await this.#tail;
    this.#state = 'stopping';
    this.#route.close();
    const serving = this.#serving;
    this.#serving = undefined;
    if (serving !== undefined) await this.#retire(serving);
    this.#state = 'stopped';
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #refuseIfStopped(): void {
    if (this.#stopped === undefined) return;
    throw new PluginError('PLUGIN_STOPPED', `Plugin ${this.name} has been stopped.`);
  }
}

function instanceStatus({ id, version, instance, generation, state }: Serving): InstanceStatus {
  const { address, startedAt } = instance;
  const { number, inFlight } = generation;
  return { id, version, generation: number, pid: process.pid, state, address, inFlight, startedAt };
}
