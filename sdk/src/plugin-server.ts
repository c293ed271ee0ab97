import type { Duplex } from 'node:stream';
import { Server, type ServerCredentials, status } from '@grpc/grpc-js';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { AnyServiceDefinition } from '@plugd/protocol/rpc/definition';
import { type AdaptOptions, adaptService, type ServiceImplementation } from '@plugd/protocol/rpc/service';
import { PluginBroker } from './broker/plugin-broker';
import { CallLineage } from './call-lineage';
import { CallTracker } from './call-tracker';
import type { PluginContext } from './context';
import { Departure } from './departure';
import { errorFields, type Logger } from './logger';
import { check } from './option-check';
import type { Plugin } from './plugin';
import { offerBuiltIn } from './services/built-in';
import type { DescriptorIndex } from './services/descriptor-index';
import { loadDescriptors } from './services/descriptors';
import { HealthRegistry, WHOLE_PLUGIN } from './services/health';
import { CallGate } from './state/call-gate';
import { Handoff } from './state/handoff';
import { SELF_ACTIVATION_LIMIT_MS } from './state/limits';
import { noState, StatePart } from './state/state-part';
import type { StdioHub } from './stdio/stdio-hub';

/** What a {@link PluginServer} is made of. */
export interface PluginServerOptions {
  readonly plugin: Plugin;
  readonly protocolVersion: number;
  readonly log: Logger;
  readonly hub: StdioHub;
  readonly shutdownGraceMs: number;
  readonly shutdownTimeoutMs: number;
  /** Called once the host has been told that the plugin leaves. */
  readonly onLeave: () => void;
}

/** When a plugin that can be handed over is activated: now, when it is told to, or then or at the first call. */
export type Beginning = 'now' | 'told' | 'told-or-called';

// A stub has no limit either: what may be sent is the contract's business. Channelz would count each message for nobody.
const SERVER_OPTIONS = {
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  'grpc.enable_channelz': 0,
} as const;

/** One plugin, set up and ready to answer calls, wherever they come in. */
export class PluginServer {
  readonly health = new HealthRegistry();
  readonly broker: PluginBroker;
  readonly #options: PluginServerOptions;
  readonly #server = new Server(SERVER_OPTIONS);
  readonly #services = new Set<string>();
  readonly #calls = new CallTracker();
  readonly #lineage = new CallLineage();
  #draining = new AbortController();
  readonly #departure: Departure;
  readonly #gate = new CallGate();
  readonly #handoff: Handoff;
  readonly #state: StatePart | undefined;
  #descriptors: Promise<DescriptorIndex> | undefined;
  #inSetup = true;

  private constructor(options: PluginServerOptions) {
    this.#options = options;
    const { plugin, log } = options;
    this.#handoff = new Handoff(this.#gate, plugin.resources ?? {}, log);
    this.#state = plugin.state === undefined ? undefined : new StatePart(plugin.state, log);
    this.broker = new PluginBroker(this.#callsOfThePlugin(), this.#lineage.carry);
    this.#departure = new Departure({
      calls: this.#calls,
      health: this.health,
      drain: () => this.drain(),
      log,
      graceMs: options.shutdownGraceMs,
      timeoutMs: options.shutdownTimeoutMs,
    });
  }

  /** Runs the plugin's setup. @throws what it throws */
  static async setUp(options: PluginServerOptions): Promise<PluginServer> {
    const server = new PluginServer(options);
    server.#offerBuiltIn();
    await options.plugin.setup(server.#context());
    server.#inSetup = false;
    for (const name of WHOLE_PLUGIN) server.health.setDefault(name, 'SERVING');
    return server;
  }

  /**
   * Begins to work, unless somebody is to say when: there is a state to take over first, or another version that has to
   * release something.
   * @throws RpcError with HANDOFF_HOOK_FAILED
   */
  async begin(when: Beginning): Promise<void> {
    if (when === 'now' || !this.#handsOver) await this.#handoff.activate(SELF_ACTIVATION_LIMIT_MS);
    if (when !== 'told-or-called') this.#handoff.lead();
  }

  /** The function takes the connections on which calls come in. */
  accept(credentials: ServerCredentials): (connection: Duplex) => void {
    const injector = this.#server.createConnectionInjector(credentials);
    return (connection) => injector.injectConnection(connection);
  }

  /** The descriptors that reflection gives away. @throws PluginError DESCRIPTORS_INVALID */
  descriptors(): Promise<DescriptorIndex> {
    this.#descriptors ??= loadDescriptors(this.#options.plugin.descriptors).catch((error: unknown) => {
      this.#options.log.error('reflection has no descriptors', errorFields(error));
      throw error;
    });
    return this.#descriptors;
  }

  /** New calls go to another generation from now on. */
  drain(): void {
    this.#draining.abort();
    // Nobody is to open the gate.
    this.#gate.refuse();
  }

  /** New calls come again: the exchange that it was drained for has been undone. */
  #undrain(): void {
    if (!this.#draining.signal.aborted || this.#departure.begun) return;
    this.#draining = new AbortController();
  }

  /** Calls in flight end, then the hooks run. Never rejects, and ends within the limits of the options. */
  depart(why: string): Promise<void> {
    // A hook that waited for a host would wait in vain.
    this.broker.expectNoMore();
    return this.#departure.begin(why);
  }

  /** Lets the connections end by themselves, so that what was answered arrives; cuts what is left at the limit. */
  async close(limitMs: number): Promise<void> {
    this.#options.hub.end();
    this.broker.close();
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      timer = setTimeout(resolve, limitMs);
      this.#server.tryShutdown(() => resolve());
    });
    clearTimeout(timer);
    this.#server.forceShutdown();
  }

  get #handsOver(): boolean {
    const { state, resources = {} } = this.#options.plugin;
    return state !== undefined || Object.keys(resources).length > 0;
  }

  #context(): PluginContext {
    const { protocolVersion, log } = this.#options;
    const { hooks } = this.#handoff;
    const ofHandoff = (name: string): void =>
      check(this.#handsOver, name, 'used in a plugin that declares state or resources');
    return {
      protocolVersion,
      log,
      health: { set: (service, status) => this.health.set(service, status) },
      onShutdown: (hook) => this.#departure.add(hook),
      state: this.#state ?? noState,
      onActivate: (hook) => hooks.activate.add(hook),
      onPause: (hook) => {
        ofHandoff('ctx.onPause');
        hooks.pause.add(hook);
      },
      onResume: (hook) => {
        ofHandoff('ctx.onResume');
        hooks.resume.add(hook);
      },
      onRelease: (hook) => {
        ofHandoff('ctx.onRelease');
        hooks.release.add(hook);
      },
      broker: this.broker.context,
      service: (definition, implementation) => {
        if (!this.#inSetup) {
          throw new PluginError('OPTIONS_INVALID', 'A service can be offered during setup only.', {
            facts: { option: 'ctx.service' },
          });
        }
        this.#offer(definition, implementation, this.#callsOfThePlugin());
      },
    };
  }

  /** How the plugin's own services are called, on whatever connection. */
  #callsOfThePlugin(): AdaptOptions {
    const signal = (): AbortSignal => this.#draining.signal;
    return {
      get draining() {
        return signal();
      },
      onError: (error, path, code) => this.#report(error, path, code),
      track: () => this.#calls.begin(),
      // A call that need not be held back is not even asked.
      ...(this.#handsOver ? { admission: this.#handoff.admission } : {}),
      scope: this.#lineage.scope,
    };
  }

  #offerBuiltIn(): void {
    const { plugin, hub, log, onLeave } = this.#options;
    const { track, scope, admission, ...calls } = this.#callsOfThePlugin();
    offerBuiltIn((definition, implementation) => this.#offer(definition, implementation, calls), {
      health: this.health,
      reflected: { serviceNames: () => [...this.#services].sort(), descriptors: () => this.descriptors() },
      broker: this.broker.service,
      hub,
      log,
      lifecycle: {
        identity: { name: plugin.name, version: plugin.version },
        state: this.#state,
        resources: plugin.resources ?? {},
        single: plugin.single ?? false,
        handoff: this.#handoff,
        drain: () => this.drain(),
        undrain: () => this.#undrain(),
      },
      shutDown: async () => {
        await this.depart('the host asked for it');
        // After the answer is on its way.
        setImmediate(onLeave);
      },
    });
  }

  #offer<Def extends AnyServiceDefinition>(
    definition: Def,
    implementation: Partial<ServiceImplementation<Def>>,
    calls: AdaptOptions,
  ): void {
    const adapted = adaptService(definition, implementation, calls);
    const names = new Set(Object.values(adapted.definition).map(({ path }) => path.split('/')[1] ?? ''));
    for (const name of names) {
      if (this.#services.has(name)) {
        throw new PluginError('OPTIONS_INVALID', `The service ${name} is offered twice.`, {
          facts: { service: name },
        });
      }
      this.#services.add(name);
    }
    // grpc-js refuses a service without methods; there is nothing to serve then.
    if (names.size > 0) this.#server.addService(adapted.definition, adapted.handlers);
  }

  /** A status that the plugin chose is an answer; anything else it should hear of. */
  #report(error: unknown, path: string, code: status): void {
    if (code !== status.UNKNOWN && code !== status.INTERNAL) return;
    this.#options.log.error('a call failed', { method: path, ...errorFields(error) });
  }
}
