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
export type LateEffect = 'pause' | 'release' | 'restore' | 'activate' | 'shift';

/** Which part of new calls goes to the new one while the old one is in the route: none, as the lot falls, or each that it can take. */
export type Share = 'none' | 'some' | 'all';

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
  /** How many instances each is to have, and how many of these are there: where there are none, the process above is dead. */
  readonly oldSize: number;
  readonly oldCount: number;
  readonly newSize: number;
  readonly newCount: number;
  /** Instances of the old one that were asked to leave have calls, perhaps. */
  readonly oldLeaving: boolean;
  readonly route: 'none' | 'old' | 'new';
  readonly share: Share;
  /** The strategy sees calls, or mirrors them. */
  readonly tapped: boolean;
  /** Somebody was told that the operation is given up. */
  readonly givenUp: boolean;
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
  /** What had left of the old one could not be started again. */
  readonly missing: boolean;
  /** An instance of the new one was lost while both shared the calls. */
  readonly newLost: boolean;
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
  /** What a strategy asks for after it was given up is refused. */
  readonly lateStrategyRefused: boolean;
  /** The new one that comes to serve alone has nobody beside it. */
  readonly swapEndsShare: boolean;
  /** What is undone: the share of the new one, the instances that have left the old one, and what it tells of those. */
  readonly unshares: boolean;
  readonly refills: boolean;
  /** Before it is said that nothing of the old one is left, what was sent away is started again. */
  readonly refillsFirst: boolean;
  /** As long as all calls go to the new one, it keeps its instances. */
  readonly swapsBackFirst: boolean;
  readonly tellsOfMissing: boolean;
  /** Where nothing of the old one could be started again, undoing the shift has failed. */
  readonly failsWithoutOld: boolean;
  /** Once it is too late to give up nobody is told that it was done. */
  readonly givesUpInTime: boolean;
  /** Before the new one is ended it has answered the calls that it has. */
  readonly drainsNew: boolean;
  readonly recovery: 'by-journal' | 'forgets' | 'without-snapshot';
}

export const soundWorld: WorldRules = {
  lifecycleInOrder: true,
  descendantsPass: true,
  readersPassOnlyReads: true,
  noReplacementWhileHeld: true,
  noReplacementOfNew: true,
  resumeTakesAgain: true,
  lateStrategyRefused: true,
  swapEndsShare: true,
  unshares: true,
  refills: true,
  refillsFirst: true,
  swapsBackFirst: true,
  tellsOfMissing: true,
  failsWithoutOld: true,
  givesUpInTime: true,
  drainsNew: true,
  recovery: 'by-journal',
};

/** What a strategy may do while both versions are there. */
export interface ShiftMoves {
  /** Instances that each of the two has when it serves alone. */
  readonly instances: number;
  /** Of the new one, those that are started at first. */
  readonly first: number;
  readonly shares: readonly Share[];
  readonly taps: boolean;
  /** How many instances more, and fewer, than usual there may be; undefined: it leaves those of the old one alone. */
  readonly rolls?: { readonly surge: number; readonly unavailable: number };
}

export interface Setting {
  readonly name: string;
  readonly strategy: StrategyName;
  readonly rows: readonly StepRow[];
  readonly stateful: boolean;
  readonly exclusive: boolean;
  /** It can't run twice. */
  readonly single: boolean;
  /** Undefined: both never share the calls. */
  readonly shift: ShiftMoves | undefined;
  /** Somebody may give it up by hand. */
  readonly hand: boolean;
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
    ((world.oldSize * 8 + world.oldCount) * 8 + world.newSize) * 8 + world.newCount,
    (world.oldLeaving ? 1 : 0) +
      (world.tapped ? 2 : 0) +
      (world.givenUp ? 4 : 0) +
      (world.missing ? 8 : 0) +
      (world.newLost ? 16 : 0),
    world.share,
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
