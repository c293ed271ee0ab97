// What the loop, its model and the pages say of an operation's steps comes from here. Data only.

import type { TimedStep } from '../instance/expect-options';

/** Those by which the new one takes the old one's place at once. */
export type DirectStrategyName = 'overlap' | 'handoff' | 'recreate';

/** Those by which both run for a while and share the calls: see `UpgradeStrategy`. `custom`: an application's own. */
export type ShiftStrategyName = 'canary' | 'shadow' | 'rolling' | 'blue-green' | 'custom';

export type StrategyName = DirectStrategyName | ShiftStrategyName;

/** The options of expectations name them too, and can't import from here. */
export type StepName = TimedStep;

export type UndoName = 'end-new' | 'let-go' | 'resume' | 'shift-back' | 'start-old' | 'swap-back';

/** What a step touches: a generation, or the route that calls take. */
export type StepSide = 'new' | 'old' | 'route' | 'both';

/**
 * The option that limits a wait. The steps with `held` share `holdTimeoutMs` besides: each of them ends at the earlier
 * of its own limit and of what is left of that one.
 */
export type LimitOption =
  | 'startTimeoutMs'
  | 'quiesceTimeoutMs'
  | 'lifecycleTimeoutMs'
  | 'transferTimeoutMs'
  | 'drainTimeoutMs'
  | 'stopTimeoutMs'
  | 'shiftTimeoutMs'
  | 'bakeMs';

/** When a step is done at all; where it is not, it is neither in the journal nor in the report. */
export type StepCondition =
  | 'always'
  | 'contract-given'
  | 'verify-given'
  | 'stateful'
  | 'exclusive'
  | 'bake-asked'
  | 'no-surge'
  | 'not-kept-warm';

/**
 * `undo`: what was done is undone, the latest first, and the old one goes on. `go-on`: a warning in the report.
 * `go-back`: an operation of its own in the other direction, since the new one has answered calls and has a state.
 */
export type OnFailure = 'undo' | 'go-on' | 'go-back';

/**
 * What a host does that starts and finds this line as its journal's last one. `clean`: nothing was done to the old one;
 * what is left of the new one goes. `undo`: the old version is started, with the operation's snapshot if there is one.
 * `finish`: the new version is, in the same way.
 */
export type OnRestart = 'clean' | 'undo' | 'finish';

export interface StepWords {
  /** One sentence, for pages and progress. */
  readonly does: string;
  readonly side: StepSide;
  /** Undefined: it waits for nothing. */
  readonly limit: LimitOption | undefined;
}

export interface StepRow {
  readonly step: StepName;
  readonly when: StepCondition;
  /** Whether new calls wait in the host while it runs. */
  readonly held: boolean;
  readonly phase: 'before' | 'swap' | 'after';
  /** What makes it as if it had not been begun, whatever came of it. Absent: there is nothing to undo. */
  readonly undo?: UndoName;
  readonly onFailure: OnFailure;
  /** With `done` the step has done its work if the old one's process is no more; else its end is a failure. */
  readonly ifOldIsGone: 'fails' | 'done';
  readonly onRestart: OnRestart;
  /** How far the operation is when it is done. */
  readonly percent: number;
}

export interface UndoWords extends StepWords {
  /** What is done where it fails. */
  readonly orElse?: UndoName;
  /** What need not be done any more where it was. */
  readonly covers?: readonly UndoName[];
}

export const stepWords: Readonly<Record<StepName, StepWords>> = {
  prepare: {
    does: 'Checks the options and finds the command.',
    side: 'new',
    limit: 'startTimeoutMs',
  },
  'make-room': {
    does: 'Lets an instance of the old one finish its calls and leave: no more may run at a time than before.',
    side: 'old',
    limit: 'drainTimeoutMs',
  },
  start: {
    does: 'Starts the new process, reads its handshake line and connects.',
    side: 'new',
    limit: 'startTimeoutMs',
  },
  health: {
    does: 'Asks the new one for its health until it serves, and who it says it is.',
    side: 'new',
    limit: 'startTimeoutMs',
  },
  contract: {
    does: 'Compares the contracts of the old one, of the new one and of the application.',
    side: 'both',
    limit: 'startTimeoutMs',
  },
  verify: {
    does: "Runs the application's own check through clients of the new one alone.",
    side: 'new',
    limit: 'startTimeoutMs',
  },
  shift: {
    does: 'Lets both serve beside each other, as the strategy says: it watches them, and shifts calls from the old one to the new one.',
    side: 'both',
    limit: 'shiftTimeoutMs',
  },
  hold: {
    does: 'Lets new calls wait in the host, those excepted that descend from a call in flight; nothing replaces the old one any more.',
    side: 'route',
    limit: undefined,
  },
  quiesce: {
    does: 'Waits until the calls in flight on the old one have ended, those that stay excepted; what has not soon is told that it should.',
    side: 'old',
    limit: 'quiesceTimeoutMs',
  },
  pause: {
    does: 'Tells the old one to finish or park its work: its state stands still.',
    side: 'old',
    limit: 'lifecycleTimeoutMs',
  },
  snapshot: {
    does: "Reads the old one's state, checks its digest and keeps it.",
    side: 'old',
    limit: 'transferTimeoutMs',
  },
  release: {
    does: 'Tells the old one to let go of what only one generation can have.',
    side: 'old',
    limit: 'lifecycleTimeoutMs',
  },
  restore: {
    does: 'Gives the state to the new one.',
    side: 'new',
    limit: 'transferTimeoutMs',
  },
  check: {
    does: 'Compares the state that the new one has with the one it was given; in a handoff, asks it for its health a last time beside that.',
    side: 'new',
    limit: 'transferTimeoutMs',
  },
  swap: {
    does: 'Asks the new one for its health a last time, unless the check has; then sends all new calls to it, by one assignment.',
    side: 'route',
    limit: 'startTimeoutMs',
  },
  activate: {
    does: 'Tells the new one to begin; calls wait until it has answered.',
    side: 'new',
    limit: 'lifecycleTimeoutMs',
  },
  'release-calls': {
    does: 'Lets the held calls go to the new one, if its process is still there; from now on it is supervised.',
    side: 'route',
    limit: undefined,
  },
  bake: {
    does: 'Watches the new one at work; the old one is kept as it is.',
    side: 'new',
    limit: 'bakeMs',
  },
  drain: {
    does: 'Tells the old one that it leaves, waits for the calls that it has and cuts what is left at the limit.',
    side: 'old',
    limit: 'drainTimeoutMs',
  },
  stop: {
    does: 'Stops the old one and removes what is left of it.',
    side: 'old',
    limit: 'stopTimeoutMs',
  },
};

export const undoWords: Readonly<Record<UndoName, UndoWords>> = {
  'swap-back': {
    does: 'Sends new calls to the old one again, by one assignment; calls that the new one has end within the limit.',
    side: 'route',
    limit: 'drainTimeoutMs',
    orElse: 'start-old',
  },
  'shift-back': {
    does: 'Starts again what has left of the old one, and sends all new calls to it; calls that the new one has end within the limit.',
    side: 'both',
    limit: 'startTimeoutMs',
    // Where nothing of it is left nobody would start it any more.
    orElse: 'start-old',
  },
  'end-new': {
    does: 'Ends the new process, and waits until it is gone: what it does late must meet nobody.',
    side: 'new',
    limit: 'stopTimeoutMs',
  },
  'start-old': {
    does: 'Ends what is left of the old process and starts its version again, with the last snapshot if there is one.',
    side: 'old',
    limit: 'startTimeoutMs',
    // It is whole then, and alone in the route: what would be started again beside it is of the one that was ended.
    covers: ['resume', 'shift-back'],
  },
  resume: {
    does: 'Tells the old one to go on, and to take again what it let go of.',
    side: 'old',
    limit: 'lifecycleTimeoutMs',
    orElse: 'start-old',
  },
  'let-go': {
    does: 'Lets the held calls go to the old one; if there is none they fail with a code.',
    side: 'route',
    limit: undefined,
  },
};

/**
 * Calls in flight on the old one that a hold does not wait for: they end on it while it is paused, or in its drain. Of
 * what such a call makes in its turn, only what has no side effects either goes to the old one; the rest is held as any
 * call, for a paused plugin would not do it. Where nothing stays, every descendant of a call in flight goes on at once: the
 * old one is drained while calls are held, and would wait for it.
 */
export const staying: Readonly<Record<StrategyName, 'without-side-effects' | 'nothing'>> = {
  overlap: 'nothing',
  canary: 'nothing',
  shadow: 'nothing',
  rolling: 'nothing',
  'blue-green': 'nothing',
  custom: 'nothing',
  handoff: 'without-side-effects',
  recreate: 'nothing',
};

const before = {
  when: 'always',
  held: false,
  phase: 'before',
  onFailure: 'undo',
  ifOldIsGone: 'fails',
  onRestart: 'clean',
} as const;
const moving = { ...before, held: true, onRestart: 'undo' } as const;
const after = {
  when: 'always',
  held: false,
  phase: 'after',
  onFailure: 'go-on',
  ifOldIsGone: 'done',
  onRestart: 'finish',
} as const;

// What fails here is the new one, wherever the old one is.
const baking = { ...after, step: 'bake', when: 'bake-asked', ifOldIsGone: 'fails' } as const;

/** Steps of all strategies by which both versions share the calls for a while: they differ in what is done in `shift` and `bake`. */
const shifting: readonly StepRow[] = [
  { ...before, step: 'prepare', percent: 2 },
  { ...before, step: 'make-room', when: 'no-surge', undo: 'shift-back', onRestart: 'undo', percent: 4 },
  { ...before, step: 'start', undo: 'end-new', onRestart: 'undo', percent: 10 },
  { ...before, step: 'health', onRestart: 'undo', percent: 13 },
  { ...before, step: 'contract', when: 'contract-given', onRestart: 'undo', percent: 15 },
  { ...before, step: 'verify', when: 'verify-given', onRestart: 'undo', percent: 18 },
  { ...before, step: 'shift', undo: 'shift-back', onRestart: 'undo', percent: 80 },
  { ...before, step: 'swap', phase: 'swap', undo: 'swap-back', onRestart: 'finish', percent: 85 },
  { ...baking, onFailure: 'undo', percent: 90 },
  { ...after, step: 'drain', when: 'not-kept-warm', percent: 95 },
  { ...after, step: 'stop', when: 'not-kept-warm', percent: 100 },
];

/** The steps of each strategy, in their order. */
export const strategies: Readonly<Record<StrategyName, readonly StepRow[]>> = {
  overlap: [
    { ...before, step: 'prepare', percent: 5 },
    { ...before, step: 'start', undo: 'end-new', percent: 35 },
    { ...before, step: 'health', percent: 50 },
    { ...before, step: 'contract', when: 'contract-given', percent: 60 },
    { ...before, step: 'verify', when: 'verify-given', percent: 70 },
    { ...before, step: 'swap', phase: 'swap', undo: 'swap-back', onRestart: 'finish', percent: 80 },
    // Before the drain: what was told to leave can't be told to stay.
    { ...baking, onFailure: 'undo', percent: 85 },
    { ...after, step: 'drain', when: 'not-kept-warm', percent: 95 },
    { ...after, step: 'stop', when: 'not-kept-warm', percent: 100 },
  ],
  canary: shifting,
  shadow: shifting,
  rolling: shifting,
  'blue-green': shifting,
  custom: shifting,
  handoff: [
    { ...before, step: 'prepare', percent: 5 },
    { ...before, step: 'start', undo: 'end-new', percent: 30 },
    { ...before, step: 'health', percent: 40 },
    { ...before, step: 'contract', when: 'contract-given', percent: 45 },
    { ...before, step: 'verify', when: 'verify-given', percent: 50 },
    { ...moving, step: 'hold', undo: 'let-go', percent: 52 },
    { ...moving, step: 'quiesce', percent: 55 },
    { ...moving, step: 'pause', undo: 'resume', percent: 58 },
    { ...moving, step: 'snapshot', when: 'stateful', percent: 63 },
    { ...moving, step: 'release', when: 'exclusive', undo: 'resume', ifOldIsGone: 'done', percent: 66 },
    { ...moving, step: 'restore', when: 'stateful', percent: 71 },
    { ...moving, step: 'check', when: 'stateful', percent: 74 },
    { ...moving, step: 'swap', phase: 'swap', undo: 'swap-back', percent: 76 },
    // It may have begun whatever came of it: before the old one goes on, the new one must be gone.
    { ...moving, step: 'activate', phase: 'after', undo: 'end-new', percent: 78 },
    { ...moving, step: 'release-calls', phase: 'after', onRestart: 'finish', percent: 80 },
    { ...baking, onFailure: 'go-back', percent: 85 },
    { ...after, step: 'drain', percent: 95 },
    { ...after, step: 'stop', percent: 100 },
  ],
  recreate: [
    { ...before, step: 'prepare', percent: 5 },
    { ...moving, step: 'hold', undo: 'let-go', percent: 7 },
    // Without state what does not end by itself may be cut, and begun anew where that does no harm.
    { ...moving, step: 'quiesce', when: 'stateful', percent: 20 },
    { ...moving, step: 'pause', when: 'stateful', undo: 'resume', percent: 23 },
    { ...moving, step: 'snapshot', when: 'stateful', percent: 28 },
    // What was told to leave can't be told to stay, but be started again.
    { ...moving, step: 'drain', undo: 'start-old', ifOldIsGone: 'done', percent: 30 },
    { ...moving, step: 'stop', undo: 'start-old', ifOldIsGone: 'done', percent: 40 },
    { ...moving, step: 'start', undo: 'end-new', percent: 65 },
    { ...moving, step: 'health', percent: 75 },
    { ...moving, step: 'contract', when: 'contract-given', percent: 78 },
    { ...moving, step: 'restore', when: 'stateful', percent: 83 },
    { ...moving, step: 'check', when: 'stateful', percent: 86 },
    { ...moving, step: 'verify', when: 'verify-given', percent: 90 },
    { ...moving, step: 'swap', phase: 'swap', undo: 'end-new', percent: 92 },
    { ...moving, step: 'activate', phase: 'after', undo: 'end-new', percent: 95 },
    { ...moving, step: 'release-calls', phase: 'after', onRestart: 'finish', percent: 97 },
    { ...baking, onFailure: 'go-back', percent: 100 },
  ],
};
