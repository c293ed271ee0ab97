import type { PluginError } from '@plugd/protocol/plugin-error';
import type { EmitEvent } from '../events/host-event';
import type { Logger } from '../events/logger';
import type { PluginSpec } from '../instance/plugin-spec';
import type { Platform } from '../platform/platform';
import type { PluginResources } from '../resources/plugin-resources';
import type { CallFilter } from '../routing/endpoint';
import type { SplitRule } from '../routing/split';
import type { HoldStatistics } from '../routing/swap-channel';
import type { CallTap } from '../routing/tap';
import type { Snapshot } from '../state/snapshot';
import type { KeptState } from '../supervision/begin-life';
import type { Supervisor } from '../supervision/supervisor';
import type { JournalLine } from './loop-environment';

/** The plugin that is worked on, as far as an operation needs to know it. */
export interface OperationTarget {
  readonly name: string;
  /** What is in the route now, or would be if an instance of it could be called. May change at any time. */
  readonly serving: Supervisor | undefined;
  /** What was last in the route. */
  readonly last: { readonly version: string; readonly generation: number };
  readonly holdStatistics: HoldStatistics;
  /** What its generations hold beside memory. */
  readonly resources: PluginResources;
  nextGeneration(): number;
  /** Makes the supervisor of a new generation. */
  supervise(spec: PluginSpec, generation: number): Supervisor;
  /** Puts the generation into the route, and freezes what was there. Nobody looks after it before {@link goOn}. */
  swap(next: Supervisor): void;
  /** Sends a part of new calls to the generation, beside the one in the route. */
  share(next: Supervisor, rule: SplitRule): void;
  /** Ends {@link share}. */
  unshare(): void;
  /** Sees the bytes of calls from now on; undefined: no more. */
  tap(tap: CallTap | undefined): void;
  /** Looks after what serves, again or for the first time. */
  goOn(): void;
  /** New calls wait. */
  hold(): void;
  /** Calls that matter wait from now on even if they descend from calls in flight on this generation. */
  standStill(generation: Supervisor, matters: CallFilter): void;
  /** Held calls go, where the route then leads. */
  letGo(): void;
  /** Nothing serves, and nothing will without another operation. */
  fail(error: PluginError): void;
  /** Nothing is left of a generation that was in the route, or was to come there. */
  retired(generation: Supervisor): void;
}

/** What an operation uses of its host. */
export interface OperationTools {
  readonly platform: Platform;
  readonly emit: EmitEvent;
  readonly logger: Logger;
  /** Private to the host. */
  readonly directory: string;
  /** The state that is kept of the plugin. */
  readonly kept: KeptState;
  /** Makes ready what {@link keep} needs. Rejects where nothing can be kept. */
  readonly prepareToKeep: () => Promise<void>;
  /** Keeps the state of a generation for later; what it resolves to names it. */
  readonly keep: (generation: Supervisor, snapshot: Snapshot) => Promise<string>;
  /** Fires when the plugin is stopped. */
  readonly signal: AbortSignal;
  /** Whether a later host is to go on from what is kept: then nothing goes on that could not be kept. */
  readonly outlives: boolean;
  /**
   * Keeps a line before what it names is begun.
   *
   * @param turns that it changes what a restarted host would do
   */
  readonly journal: (line: JournalLine, turns: boolean) => Promise<void>;
}
