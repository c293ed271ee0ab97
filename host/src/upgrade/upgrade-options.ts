import type { LoadOptions } from '../instance/load-options';
import type { ShadowOptions } from '../shadow/shadow-options';
import type { BlueGreenOptions } from '../strategies/blue-green';
import type { CanaryOptions } from '../strategies/canary';
import type { RollingOptions } from '../strategies/rolling';
import type { UpgradeStrategy } from '../strategies/traffic';
import type { ContractPolicy } from './contract-policy';
import type { InstanceCalls } from './instance-calls';
import type { StrategyName } from './step-table';

/** A new generation before any traffic, for the application's own check. Its clients work until the check ends. */
export type Candidate = InstanceCalls;

/** What to change. What is left out stays as it was, `sha256` excepted: another command has another sum. */
export interface UpgradeOptions extends Partial<Omit<LoadOptions, 'name'>> {
  /**
   * The application tries the new one through stubs before any call goes to it; a throw refuses it with
   * VERIFY_FAILED. Has to end within `startTimeoutMs`.
   */
  readonly verify?: (candidate: Candidate) => Promise<void> | void;
  /**
   * Proves the new one beside the old one, and stops it again: the route is not touched. A `recreate` is refused with
   * STRATEGY_UNFIT, for nothing can be beside it. Default false.
   */
  readonly dryRun?: boolean;
  /**
   * How the new one takes the old one's place; default: as the plugin says of itself. `overlap`: both run for a while, and
   * share nothing. `handoff`: the old one's state is handed to the new one while new calls wait. `recreate`: the old one
   * is ended before the new one is started, and calls wait. `canary`, `shadow`, `rolling` and `blue-green`: both run for a while and
   * are watched, each in its way; or a strategy of your own, see {@link UpgradeStrategy}. What can't be done is refused with STRATEGY_UNFIT.
   */
  readonly strategy?: Exclude<StrategyName, 'custom'> | UpgradeStrategy;
  /** How a `canary` goes. */
  readonly canary?: CanaryOptions;
  /** How a `shadow` goes. */
  readonly shadow?: ShadowOptions;
  /** How a `rolling` upgrade goes. */
  readonly rolling?: RollingOptions;
  /** How a `blue-green` upgrade goes. */
  readonly blueGreen?: BlueGreenOptions;
  /**
   * How long both versions may share the calls before the swap, and how long a strategy may watch after it, in milliseconds each; then
   * the upgrade is undone with STRATEGY_TIMEOUT. Default 86,400,000, a day.
   */
  readonly shiftTimeoutMs?: number;
  /** Swaps although the new version breaks the contract (CONTRACT_BROKEN); the report says so. Default false. */
  readonly force?: boolean;
  /**
   * What becomes of a new version whose contract can't be compared with the old one's, for want of descriptors. `report`
   * (default): the report says so. `require`: it is refused with CONTRACT_UNCHECKED.
   */
  readonly contractPolicy?: ContractPolicy;
  /**
   * How long the new one has to last before the old one is ended, in milliseconds: should an instance of it be lost in this
   * time, the old one serves again, and the upgrade fails with BAKE_FAILED. For `blue-green` the default of its own `bakeMs`.
   * Default 0: the old one is ended at once.
   */
  readonly bakeMs?: number;
  /**
   * How long the old version is kept after an `overlap`, for a `rollback` that takes no start, in milliseconds. It finishes
   * its calls meanwhile, and is drained and stopped when the time is over or the next operation begins. A version whose state
   * was handed over has an old state, and is never kept. Default 0: not at all.
   */
  readonly keepWarmMs?: number;
  /** What to do while another operation runs on this plugin. Default `wait`. */
  readonly ifBusy?: 'wait' | 'fail';
}

/** How to go back. */
export interface RollbackOptions
  extends Pick<
    UpgradeOptions,
    | 'verify'
    | 'dryRun'
    | 'ifBusy'
    | 'strategy'
    | 'canary'
    | 'shadow'
    | 'rolling'
    | 'blueGreen'
    | 'shiftTimeoutMs'
    | 'force'
    | 'contractPolicy'
    | 'bakeMs'
    | 'keepWarmMs'
  > {
  /**
   * Where a plugin with state gets it from. `handoff` (default): the version that serves hands its state over, so the former
   * one has to read that schema, by a migration backwards. `snapshot`: the last state that was kept of the former version;
   * what has changed since is lost. See `rollbackPlan`.
   */
  readonly state?: 'handoff' | 'snapshot';
}

/** What a rollback would do, told beforehand. */
export interface RollbackPlan {
  /** The version that would serve. */
  readonly version: string;
  /** Whether its process is still there, or has to be started by its command. */
  readonly from: 'warm' | 'command';
  readonly strategy: StrategyName;
  /** Undefined for a plugin without state. */
  readonly state:
    | { readonly from: 'handoff' }
    | {
        readonly from: 'snapshot';
        readonly id: string;
        /** By the wall clock, in ms since 1970. */
        readonly takenAt: number;
        readonly ageMs: number;
        readonly schema: number;
        readonly bytes: number;
      }
    | undefined;
  /** What is lost, in words; undefined: nothing. */
  readonly lost: string | undefined;
}
