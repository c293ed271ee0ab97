import type { PluginSpec } from '../instance/plugin-spec';
import type { Snapshot } from '../state/snapshot';
import type { UpgradeStrategy } from '../strategies/traffic';
import type { ContractPolicy } from './contract-policy';
import type { OperationControls } from './operation-controls';
import type { OperationProgress } from './operation-handle';
import type { OperationName } from './report';
import type { StrategyName } from './step-table';
import type { UpgradeOptions } from './upgrade-options';
import type { InstanceCheck } from './verify';
import type { WarmGeneration } from './warm-generation';

/** What one operation is to do. */
export interface OperationOptions {
  readonly operation: OperationName;
  /** What the new one is to be, as far as it is known before `prepare`. */
  readonly version: string;
  /** See `admitStrategy`. */
  readonly strategy: StrategyName;
  /** Reads the options and finds the command. */
  readonly prepare: () => PluginSpec;
  readonly verify: UpgradeOptions['verify'];
  /** The host's own check, before that. */
  readonly check: InstanceCheck | undefined;
  readonly dryRun: boolean;
  /** Swaps although the contract is broken. */
  readonly force: boolean;
  readonly contractPolicy: ContractPolicy;
  readonly bakeMs: number;
  /** After an overlap the old one is neither drained nor stopped: its owner does that later. */
  readonly keepsWarm: boolean;
  /** Is there already, and served before: nothing needs to be started. Whoever gave it ends it as long as it is not taken. */
  readonly warm: WarmGeneration | undefined;
  /** What misses its expectations is refused as long as it bakes. */
  readonly strict: boolean;
  /** What the new one gets instead of the old one's state, which is then lost. */
  readonly state: Snapshot | undefined;
  /** How calls are shifted, where the strategy is one by which both serve for a while. */
  readonly shift: UpgradeStrategy | undefined;
  readonly shiftTimeoutMs: number;
  /** How many instances there may be more than usual while both run; undefined: as many as both have. */
  readonly maxSurge: number | undefined;
  readonly controls: OperationControls;
  /** Gives the operation up, as long as it has not swapped. */
  readonly signal: AbortSignal;
  readonly onProgress: (progress: OperationProgress) => void;
}
