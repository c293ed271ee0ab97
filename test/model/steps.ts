import { type StepName, type StepRow, staying, type UndoName } from '../../host/src/upgrade/step-table';
import { end, faulty, inFlightOn, isUp, letGo } from './effects';
import { FIRST, FRESH, type LateEffect, NONE, type Setting, type World, WRONG } from './world';

/** How a step may come out: what it did to the world, and what the loop is told of it. */
export interface Outcome {
  readonly how: string;
  readonly ok: boolean;
  readonly world: World;
}

const done = (world: World): Outcome => ({ how: 'done', ok: true, world });
const fails = (world: World, how = 'fails'): Outcome => ({ how, ok: false, world });

/** A request to a plugin: it may fail undone, done, or be done later by a plugin that is only slow. */
function request(world: World, effect: LateEffect | undefined, after: World): Outcome[] {
  if (world.faults === 0) return [done(after)];
  const left = faulty(world);
  const outcomes = [done(after), fails(left)];
  outcomes.push(fails({ ...after, faults: left.faults }, 'fails, but was done'));
  if (effect !== undefined) {
    const late = [...new Set([...left.late, effect])].sort();
    outcomes.push(fails({ ...left, late }, 'is late, and will be done'));
  }
  return outcomes;
}

function mayFail(world: World, after: World): Outcome[] {
  return world.faults === 0 ? [done(after)] : [done(after), fails(faulty(world))];
}

/** All ways in which a step may come out now. None: it waits for what must happen before. */
export function stepOutcomes(world: World, { step }: StepRow, setting: Setting): Outcome[] {
  const needs = needsOf[step];
  if (needs !== undefined && !isUp(world, needs)) return [fails(world, 'fails, for it is gone')];
  return steps[step](world, setting);
}

/** The side whose process a step can't do without. */
const needsOf: Readonly<Partial<Record<StepName, 'old' | 'new'>>> = {
  health: 'new',
  contract: 'new',
  verify: 'new',
  hold: 'old',
  quiesce: 'old',
  pause: 'old',
  snapshot: 'old',
  release: 'old',
  restore: 'new',
  check: 'new',
  swap: 'new',
  activate: 'new',
  'release-calls': 'new',
  bake: 'new',
  drain: 'old',
  stop: 'old',
};

export const effectOf: Readonly<Record<LateEffect, (world: World) => World>> = {
  pause: (world) => ({ ...world, old: 'paused' }),
  release: (world) => ({ ...world, oldReleased: true }),
  restore: (world) => ({ ...world, newValue: world.snapshot }),
  activate: (world) => ({ ...world, newActive: true }),
};

const steps: Readonly<Record<StepName, (world: World, setting: Setting) => Outcome[]>> = {
  prepare: (world) => mayFail(world, world),
  start: (world, setting) =>
    request(world, undefined, {
      ...world,
      new: 'up',
      newValue: FRESH,
      newActive: !setting.stateful && !setting.exclusive,
    }),
  health: (world) => mayFail(world, world),
  contract: (world) => mayFail(world, world),
  verify: (world) => mayFail(world, world),
  hold: (world) => [done({ ...world, hold: true })],
  quiesce: (world, setting) => {
    const busy = setting.calls.some(
      ({ writes }, place) =>
        (writes || staying[setting.strategy] === 'nothing') &&
        inFlightOn(world.calls[place] ?? 'idle', 'old'),
    );
    const outcomes = busy ? [] : [done(world)];
    return world.faults === 0 ? outcomes : [...outcomes, fails(faulty(world), 'takes too long')];
  },
  pause: (world) => request(world, 'pause', effectOf.pause(world)),
  snapshot: (world) => mayFail(world, { ...world, snapshot: world.oldValue }),
  release: (world) => request(world, 'release', effectOf.release(world)),
  restore: (world) => {
    const outcomes = request(world, 'restore', effectOf.restore(world));
    if (world.faults === 0) return outcomes;
    return [...outcomes, { how: 'lies', ok: true, world: { ...faulty(world), newValue: WRONG } }];
  },
  check: (world) =>
    world.newValue === world.snapshot ? mayFail(world, world) : [fails(world, 'finds a difference')],
  swap: (world) => mayFail(world, { ...world, route: 'new' }),
  activate: (world) => request(world, 'activate', effectOf.activate(world)),
  'release-calls': (world) => [done(letGo(world))],
  bake: (world) => mayFail(world, world),
  drain: (world) => {
    const told = { ...world, oldLeaves: true };
    if (!world.calls.some((call) => inFlightOn(call, 'old'))) return mayFail(told, told);
    if (world.faults === 0) return [];
    const calls = told.calls.map((call) => (inFlightOn(call, 'old') ? 'failed' : call));
    return [{ how: 'cuts what is left', ok: true, world: { ...faulty(told), calls } }, fails(faulty(told))];
  },
  stop: (world, setting) => {
    const after = end(world, 'old', 'loop', setting);
    return world.faults === 0 ? [done(after)] : [done(after), fails({ ...faulty(world), unkillable: true })];
  },
};

/** All ways in which an undo may come out now. */
export function undoOutcomes(world: World, undo: UndoName, setting: Setting): Outcome[] {
  return undos[undo](world, setting);
}

const undos: Readonly<Record<UndoName, (world: World, setting: Setting) => Outcome[]>> = {
  'swap-back': (world) => {
    if (!isUp(world, 'old')) return [fails({ ...world, route: 'none' }, 'finds nobody')];
    return [done({ ...world, route: 'old', newWorked: false })];
  },
  'end-new': (world, setting) => {
    if (!isUp(world, 'new')) return [done(world)];
    const after = end(world, 'new', 'loop', setting);
    // What the loop waits for are the calls that it has, in an overlap that is swapped back.
    const busy = world.calls.some((call) => inFlightOn(call, 'new'));
    if (world.faults === 0) return busy ? [] : [done(after)];
    const left = faulty(world);
    return [
      busy ? { how: 'cuts what is left', ok: true, world: { ...after, faults: left.faults } } : done(after),
      fails({ ...left, unkillable: true }),
    ];
  },
  resume: (world, setting) => {
    if (!isUp(world, 'old')) return [fails(world, 'fails, for it is gone')];
    const { lifecycleInOrder, resumeTakesAgain } = setting.worldRules;
    const late = lifecycleInOrder
      ? world.late.filter((effect) => effect === 'restore' || effect === 'activate')
      : world.late;
    const oldReleased = resumeTakesAgain ? false : world.oldReleased;
    const after: World = { ...world, old: 'up', oldReleased, late };
    return world.faults === 0
      ? [done(after)]
      : [done(after), fails({ ...faulty(world), unresponsive: true })];
  },
  'start-old': (world, setting) => {
    const ended = end(world, 'old', 'loop', setting);
    const value = ended.snapshot === NONE ? FRESH : ended.snapshot;
    const after: World = {
      ...ended,
      old: 'up',
      oldValue: setting.stateful ? value : FIRST,
      oldReleased: false,
      oldLeaves: false,
      route: 'old',
      newWorked: false,
    };
    if (world.faults === 0) return [done(after)];
    return [done(after), fails({ ...faulty(ended), route: 'none' })];
  },
  'let-go': (world) => [done(letGo(world))],
};
