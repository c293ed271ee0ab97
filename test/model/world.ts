import type { JournalLine } from '../../host/src/upgrade/loop-environment';
import type { StepRow, StrategyName } from '../../host/src/upgrade/step-table';
import type { ControllerRules, ControllerState } from './controller';

// Everything that matters at one moment, as plain data. A number stands for the plugin's state: how many calls that
// change it were executed. Whoever holds the truth holds as many as were; the old one begins with 1, a fresh process
// with 0, so that what was forgotten shows.

export const FRESH = 0;
export const FIRST = 1;
/** A state that nobody was given. */
export const WRONG = -2;
export const NONE = -1;

export type Process = 'absent' | 'up' | 'paused' | 'dead';

/**
 * `idle` not begun · `held` · `old`, `new` in flight there · `old!`, `new!` executed there, not yet answered ·
 * `by-old`, `by-new` answered · `failed` with a code.
 */
export type CallState = 'idle' | 'held' | 'old' | 'old!' | 'new' | 'new!' | 'by-old' | 'by-new' | 'failed';

export interface CallKind {
  readonly writes: boolean;
  /** The call, by its place, in whose handler this one is made. */
  readonly parent?: number;
}

/** What a plugin still does though nobody waits for it any more. */
export type LateEffect = 'pause' | 'release' | 'restore' | 'activate';

export interface World {
  readonly controller: ControllerState;
  readonly host: 'up' | 'killed' | 'again';
  readonly old: Process;
  readonly oldValue: number;
  readonly oldReleased: boolean;
  /** It was told that it leaves. */
  readonly oldLeaves: boolean;
  readonly new: Process;
  readonly newValue: number;
  readonly newActive: boolean;
  readonly route: 'none' | 'old' | 'new';
  readonly hold: boolean;
  readonly snapshot: number;
  /** The journal's last line. */
  readonly line: JournalLine | undefined;
  readonly late: readonly LateEffect[];
  readonly calls: readonly CallState[];
  /** For each call: how many changes had been answered or made when it began. */
  readonly since: readonly number[];
  readonly truth: number;
  /** How many more things may go wrong. */
  readonly faults: number;
  /** Excuses: what went wrong in a way that allows what else would be a violation. */
  readonly journalFailed: boolean;
  readonly unkillable: boolean;
  readonly unresponsive: boolean;
  /** The new one executed a call, and the route has led to it since. */
  readonly newWorked: boolean;
  /** What a transition found to be wrong. */
  readonly violation: string | undefined;
}

/** What a mutation may take from the world around the loop. */
export interface WorldRules {
  /** A plugin executes lifecycle calls one after another, in the order in which they were sent. */
  readonly lifecycleInOrder: boolean;
  /** A call that descends from one that the hold waits for is not held. */
  readonly descendantsPass: boolean;
  /** One that changes state and descends only from calls without side effects is like any other call. */
  readonly readersPassOnlyReads: boolean;
  /** Nothing replaces the old one while it is held. */
  readonly noReplacementWhileHeld: boolean;
  /** Nor the new one, before calls go to it. */
  readonly noReplacementOfNew: boolean;
  readonly resumeTakesAgain: boolean;
  readonly recovery: 'by-journal' | 'forgets' | 'without-snapshot';
}

export const soundWorld: WorldRules = {
  lifecycleInOrder: true,
  descendantsPass: true,
  readersPassOnlyReads: true,
  noReplacementWhileHeld: true,
  noReplacementOfNew: true,
  resumeTakesAgain: true,
  recovery: 'by-journal',
};

export interface Setting {
  readonly name: string;
  readonly strategy: StrategyName;
  readonly rows: readonly StepRow[];
  readonly stateful: boolean;
  readonly exclusive: boolean;
  /** It can't run twice. */
  readonly single: boolean;
  readonly calls: readonly CallKind[];
  readonly faults: number;
  readonly worldRules: WorldRules;
  readonly controllerRules: ControllerRules;
}

/** A way on from a world. `answer` is there if the loop sees it. */
export interface Transition {
  readonly label: string;
  readonly to: World;
}

export function keyOf(world: World): string {
  const { controller: c } = world;
  return [
    c.mode,
    c.index,
    c.undos.join('+'),
    c.undone.join('+'),
    c.failed,
    c.outcome,
    world.host,
    world.old,
    world.oldValue,
    world.oldReleased,
    world.oldLeaves,
    world.new,
    world.newValue,
    world.newActive,
    world.route,
    world.hold,
    world.snapshot,
    ...Object.values(world.line ?? {}),
    world.late.join('+'),
    world.calls.join('+'),
    world.since.join('+'),
    world.truth,
    world.faults,
    world.journalFailed,
    world.unkillable,
    world.unresponsive,
    world.newWorked,
  ].join();
}
