import type { JournalLine } from '../../host/src/upgrade/loop-environment';
import { callTransitions } from './calls';
import { type Answer, type Ask, answered, begin, decideRecovery, nextAsk, placeIn } from './controller';
import { bestKept, end, faulty, isUp, lower } from './effects';
import { crashes, innerMoves } from './shifting';
import { effectOf, stepOutcomes, undoOutcomes } from './steps';
import { FIRST, FRESH, NONE, type Setting, type Transition, type World } from './world';

// The whole of it: the loop, both generations, the host, the calls. All that may happen next in a world.

export function initialWorld(setting: Setting): World {
  return {
    controller: begin(setting.controllerRules),
    host: 'up',
    old: 'up',
    oldValue: FIRST,
    oldReleased: false,
    oldLeaves: false,
    new: 'absent',
    newValue: NONE,
    newActive: false,
    oldSize: setting.shift?.instances ?? 1,
    oldCount: setting.shift?.instances ?? 1,
    newSize: 0,
    newCount: 0,
    oldLeaving: false,
    route: 'old',
    share: 'none',
    tapped: false,
    givenUp: false,
    hold: false,
    snapshot: NONE,
    line: undefined,
    late: [],
    calls: setting.calls.map(() => 'idle'),
    since: setting.calls.map(() => 0),
    truth: FIRST,
    faults: setting.faults,
    journalFailed: false,
    unkillable: false,
    unresponsive: false,
    missing: false,
    newLost: false,
    newWorked: false,
    violation: undefined,
  };
}

/** What the loop asked and was answered, where a transition is of that kind. */
export interface Exchange {
  readonly ask: Ask;
  readonly answer: Answer;
}

export type LabelledTransition = Transition & { readonly exchange?: Exchange; readonly crash?: true };

export function transitions(world: World, setting: Setting): LabelledTransition[] {
  if (world.host === 'killed') return restarts(world, setting);
  const loop = world.host === 'up' ? loopTransitions(world, setting) : [];
  return [
    ...loop,
    ...callTransitions(world, setting),
    ...innerMoves(world, setting),
    ...byHand(world, setting),
    ...accidents(world, setting),
  ];
}

function loopTransitions(world: World, setting: Setting): LabelledTransition[] {
  const { rows, controllerRules } = setting;
  const ask = nextAsk(world.controller, rows);
  if (ask === undefined) return [];
  const outcomes =
    ask.ask === 'journal'
      ? journalOutcomes(world, ask.line)
      : ask.ask === 'perform'
        ? stepOutcomes(world, ask.row, setting)
        : undoOutcomes(world, ask.undo, setting);
  return outcomes.map(({ how, ok, world: after }) => {
    const answer = { ok, oldIsGone: !isUp(after, 'old') };
    const controller = answered(world.controller, answer, rows, controllerRules);
    return { label: `${askName(ask)} ${how}`, to: { ...after, controller }, exchange: { ask, answer } };
  });
}

function journalOutcomes(world: World, line: JournalLine) {
  const kept = { how: 'kept', ok: true, world: { ...world, line } };
  if (world.faults === 0) return [kept];
  return [
    kept,
    { how: 'not kept', ok: false, world: { ...faulty(world), journalFailed: true } },
    { how: 'kept, but not known to be', ok: false, world: { ...faulty(world), line } },
  ];
}

export function askName(ask: Ask): string {
  switch (ask.ask) {
    case 'journal':
      return `line ${lineKey(ask.line)}`;
    case 'perform':
      return ask.row.step;
    case 'undo':
      return `undo ${ask.undo}`;
  }
}

export function lineKey(line: JournalLine): string {
  switch (line.kind) {
    case 'step':
      return `step ${line.step}`;
    case 'undo':
      return `undo ${line.undo}`;
    case 'end':
      return `end ${line.outcome}`;
  }
}

/** Somebody gives it up, and is told that he has. */
function byHand(world: World, { hand, rows, worldRules }: Setting): LabelledTransition[] {
  const { mode, index } = world.controller;
  if (!hand || world.givenUp || world.host !== 'up') return [];
  const last = rows.findLastIndex(({ step }) => step === 'bake' || step === 'swap');
  // While a line is written it is as if the step had just begun.
  const open = mode === 'step' && index <= last;
  const late = !worldRules.givesUpInTime && index === last + 1 && mode === 'line';
  return open || late ? [{ label: 'it is given up by hand', to: { ...world, givenUp: true } }] : [];
}

/** What nobody asked for. */
function accidents(world: World, setting: Setting): LabelledTransition[] {
  const accidents: LabelledTransition[] = [];
  for (const effect of world.late) {
    const late = world.late.filter((other) => other !== effect);
    accidents.push({ label: `late ${effect}`, to: effectOf[effect]({ ...world, late }, setting) });
  }
  if (!setting.worldRules.noReplacementWhileHeld && world.hold && world.old === 'dead') {
    const old = { old: 'up', oldValue: FRESH, oldReleased: false } as const;
    accidents.push({ label: 'the old one is replaced', to: { ...world, ...old } });
  }
  if (!setting.worldRules.noReplacementOfNew && world.hold && world.route === 'new' && world.new === 'dead') {
    const fresh = { new: 'up', newValue: FRESH, newActive: true } as const;
    accidents.push({ label: 'the new one is replaced', to: { ...world, ...fresh } });
  }
  if (world.faults === 0) return accidents;
  for (const side of ['old', 'new'] as const) {
    if (isUp(world, side)) accidents.push(...crashes(world, side, setting));
  }
  if (world.host !== 'killed') {
    accidents.push({ label: 'the host is killed', to: killHost(world, setting), crash: true });
  }
  return accidents;
}

/** The guardian ends what the host leaves behind; its callers were in it, or see their connections end. */
function killHost(world: World, setting: Setting): World {
  const dead = end(end(world, 'old', 'itself', setting), 'new', 'itself', setting);
  return {
    ...faulty(dead),
    host: 'killed',
    route: 'none',
    share: 'none',
    tapped: false,
    hold: false,
    late: [],
    calls: dead.calls.map((call) => (call === 'held' ? 'failed' : call)),
    ...lower(dead, bestKept(dead, setting)),
  };
}

function restarts(world: World, setting: Setting): LabelledTransition[] {
  const { recovery } = setting.worldRules;
  const { line } = world;
  const decided =
    recovery === 'forgets' && line?.kind !== 'end' ? 'nothing' : decideRecovery(line, setting.rows);
  if (decided === 'nothing' && recovery === 'forgets') {
    return [{ label: 'the host starts again, and starts nothing', to: { ...world, host: 'again' } }];
  }
  const start = (side: 'old' | 'new', from: World): World => {
    const value = recovery === 'without-snapshot' || from.snapshot === NONE ? FRESH : from.snapshot;
    const instances = setting.shift?.instances ?? 1;
    const process = {
      [side]: 'up',
      [`${side}Value`]: value,
      [`${side}Size`]: instances,
      [`${side}Count`]: instances,
    } as Partial<World>;
    const active = side === 'new' ? { newActive: true } : { oldReleased: false, oldLeaves: false };
    const line = { kind: 'end', outcome: side === 'new' ? 'done' : 'undone' } as const;
    const started: World = { ...from, ...process, ...active, host: 'again', route: side, line };
    const newWorked = side === 'new' && started.newWorked;
    return { ...started, newWorked, violation: wrongVersion(started, setting) };
  };
  // Of an operation that has ended the host knows which version it left.
  const ended = line?.kind === 'end' && line.outcome === 'done';
  const side = decided === 'new' || ended ? 'new' : 'old';
  const ways = [{ label: `the host starts again, with the ${side} one`, to: start(side, world) }];
  if (world.faults === 0) return ways;
  const left = faulty(world);
  if (side === 'new') {
    const to = { ...start('old', left), violation: undefined };
    return [...ways, { label: 'the host starts again; the new one fails, the old one serves', to }];
  }
  return [
    ...ways,
    { label: 'the host starts again; the old one fails', to: { ...left, host: 'again', unresponsive: true } },
  ];
}

/** Which version a restarted host must not serve with. What it could not have written down yet it can't know. */
function wrongVersion(world: World, { rows }: Setting): string | undefined {
  const { mode, undone, failed, outcome } = world.controller;
  const place = placeIn(world.controller, rows);
  const swaps = rows[world.controller.index]?.step === 'swap';
  if (world.route === 'new' && failed === undefined && place !== 'after' && !swaps) {
    return 'a restarted host serves with one that was not proved';
  }
  const refused = failed !== undefined && outcome !== 'done';
  const told = mode === 'undo' || mode === 'ended' || undone.length > 0;
  if (world.route === 'new' && refused && told && !world.journalFailed) {
    return 'a restarted host serves with what was refused';
  }
  if (world.route === 'old' && world.newWorked && !refused) {
    return 'a restarted host forgets that the new one answered calls';
  }
  return undefined;
}
