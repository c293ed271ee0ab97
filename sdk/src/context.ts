import type { AnyServiceDefinition } from '@plugd/protocol/rpc/definition';
import type { ServiceImplementation } from '@plugd/protocol/rpc/service';
import type { ContextBroker } from './broker/context-broker';
import type { ShutdownHook } from './departure';
import type { Logger } from './logger';
import type { ServingStatus } from './services/health';
import type { ActivateHook, PauseHook, ReleaseHook, ResumeHook } from './state/hooks';
import type { StateHandle } from './state/state-part';

/** What a plugin's `setup` gets. */
export interface PluginContext<State = unknown> {
  /** The version of the contract that host and plugin agreed on. */
  readonly protocolVersion: number;
  /** The plugin's log. */
  readonly log: Logger;
  readonly health: {
    /**
     * Says how a service does. The names `''` and `plugin` stand for the whole plugin, and are SERVING once
     * setup is done unless it set them itself. Services that were never set are not known to health checks.
     * @throws PluginError OPTIONS_INVALID for another status
     */
    set(service: string, status: ServingStatus): void;
  };
  /**
   * Runs before the plugin leaves, hooks in the reverse order of their adding, all within the shutdown
   * timeout (5 seconds unless `serve` was told otherwise). May be used at any time.
   */
  onShutdown(hook: ShutdownHook): void;
  /** The state that the definition's `state` describes. */
  readonly state: StateHandle<State>;
  /**
   * Runs when the plugin is in charge: exclusive resources are taken and background work begins here, not in setup. In
   * a plugin with state or resources a plugd host says when; else, and under other hosts, it is right after setup.
   * Hooks run in the order of their adding; what one throws fails the start, or the handoff.
   */
  onActivate(hook: ActivateHook): void;
  /**
   * Runs when the state is to be handed over: from then on nothing may change it. Calls that may, by their contract, are
   * kept waiting by the SDK, and those in flight are waited for, so a hook stops what goes on beside calls, and makes
   * streams without an end come to one. Hooks run in the reverse order of their adding.
   * @throws PluginError OPTIONS_INVALID in a plugin that declares neither state nor resources
   */
  onPause(hook: PauseHook): void;
  /**
   * Runs after a handoff that failed: undoes what the pause and release hooks did. In the order of their adding.
   * @throws PluginError OPTIONS_INVALID in a plugin that declares neither state nor resources
   */
  onResume(hook: ResumeHook): void;
  /**
   * Lets go of the named resources, in the reverse order of adding.
   * @throws PluginError OPTIONS_INVALID in a plugin that declares neither state nor resources
   */
  onRelease(hook: ReleaseHook): void;
  /** Further connections, which the plugin or the host opens later: calls back into the host among them. */
  readonly broker: ContextBroker;
  /**
   * Offers a service. Only during setup.
   *
   * The definition is one that ts-proto generated (`KvDefinition`), or a grpc-js ServiceDefinition. Unary
   * methods are async functions, streams of responses are async generators, streams of requests arrive as
   * AsyncIterables. Thrown errors reach the caller as gRPC statuses.
   * @throws PluginError OPTIONS_INVALID if it is no definition, is offered twice or after setup
   */
  service<Def extends AnyServiceDefinition>(
    definition: Def,
    implementation: ServiceImplementation<Def>,
  ): void;
}
