import { type StepName, type StepRow, staying, type UndoName } from '../../host/src/upgrade/step-table';
import { placeIn } from './controller';
import { end, faulty, inFlightOn, isUp, letGo } from './effects';
import { shiftBackOutcomes, swapBackOutcomes, withOneLess } from './shifting';
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
export function stepOutcomes(world: World, row: StepRow, setting: Setting): Outcome[] {
  const { step } = row;
  const needs = needsOf[step];
  if (needs !== undefined && !isUp(world, needs)) return [fails(world, 'fails, for it is gone')];
  const { phase } = row;
  if (world.givenUp && (phase !== 'after' || step === 'bake')) return givenUp(world, step, setting);
  return steps[step](world, setting);
}

/** A step that was begun when it was given up may have been done, or not; nobody waits for more. */
function givenUp(world: World, step: StepName, setting: Setting): Outcome[] {
  const not = fails(world, 'is given up');
  if (step !== 'start' && step !== 'make-room') return [not];
  const done = steps[step](world, setting).find(({ ok }) => ok);
  return done === undefined ? [not] : [not, fails(done.world, 'is given up, and was done')];
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

export const effectOf: Readonly<Record<LateEffect, (world: World, setting?: Setting) => World>> = {
  pause: (world) => ({ ...world, old: 'paused' }),
  release: (world) => ({ ...world, oldReleased: true }),
  restore: (world) => ({ ...world, newValue: world.snapshot }),
  activate: (world) => ({ ...world, newActive: true }),
  shift: (world, setting) =>
    setting?.worldRules.lateStrategyRefused === false ? { ...world, share: 'some' } : world,
};

const steps: Readonly<Record<StepName, (world: World, setting: Setting) => Outcome[]>> = {
  prepare: (world) => mayFail(world, world),
  start: (world, setting) =>
    request(world, undefined, {
      ...world,
      new: 'up',
      newValue: FRESH,
      newActive: !setting.stateful && !setting.exclusive,
      newSize: setting.shift?.first ?? 1,
      newCount: setting.shift?.first ?? 1,
    }),
  'make-room': (world) => request(world, undefined, withOneLess(world)),
  shift: (world, { shift }) => {
    const instances = shift?.instances ?? 1;
    const { newSize, newCount } = world;
    const started = instances - newSize;
    // One that was lost is its supervisor's to replace, whatever else is started.
    const grown = {
      ...world,
      newSize: instances,
      newCount: newCount + started,
      tapped: false,
      newLost: false,
    };
    const outcomes = [done(started > 0 ? { ...grown, new: 'up', newActive: true } : grown)];
    if (world.newLost) outcomes.push(fails(world, 'fails, for one was lost'));
    if (world.faults === 0) return outcomes;
    const late = [...new Set<LateEffect>([...world.late, 'shift'])].sort();
    return [
      ...outcomes,
      fails(faulty(world), 'refuses'),
      fails({ ...faulty(world), late }, 'takes too long'),
    ];
  },
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
  swap: (world, setting) => {
    if (world.newCount < world.newSize) return [fails(world, 'fails, for one is gone')];
    const share = setting.worldRules.swapEndsShare ? 'none' : world.share;
    return mayFail(world, { ...world, route: 'new', share });
  },
  activate: (world) => request(world, 'activate', effectOf.activate(world)),
  'release-calls': (world) => [done(letGo(world))],
  bake: (world) =>
    world.newCount < world.newSize ? [fails(world, 'fails, for one is gone')] : mayFail(world, world),
  drain: (world) => {
    const told = { ...world, oldLeaves: true };
    if (!world.calls.some((call) => inFlightOn(call, 'old'))) return mayFail(told, told);
    if (world.faults === 0) return [];
    const calls = told.calls.map((call) => (inFlightOn(call, 'old') ? 'failed' : call));
    return [{ how: 'cuts what is left', ok: true, world: { ...faulty(told), calls } }, fails(faulty(told))];
  },
  stop: (world, setting) => {
    const ended = end(world, 'old', 'loop', setting);
    const early = setting.shift !== undefined && placeIn(world.controller, setting.rows) !== 'after';
    const after = early ? { ...ended, violation: 'the old one is stopped before the swap' } : ended;
    return world.faults === 0 ? [done(after)] : [done(after), fails({ ...faulty(world), unkillable: true })];
  },
};

/** It was the business of what was undone before to wait for its calls. */
function killed(world: World, after: World, busy: boolean): Outcome[] {
  const excused = world.controller.undone.includes('start-old');
  const violation = busy && !excused ? 'the new one is ended with calls that nobody waited for' : undefined;
  const dead = { ...after, ...(violation === undefined ? {} : { violation }) };
  if (world.faults === 0) return [done(dead)];
  return [done(dead), fails({ ...faulty(world), unkillable: true })];
}

/** All ways in which an undo may come out now. */
export function undoOutcomes(world: World, undo: UndoName, setting: Setting): Outcome[] {
  return undos[undo](world, setting);
}

const undos: Readonly<Record<UndoName, (world: World, setting: Setting) => Outcome[]>> = {
  'shift-back': (world, setting) => shiftBackOutcomes(world, setting),
  'swap-back': (world, setting) => {
    if (setting.shift !== undefined) return swapBackOutcomes(world, setting);
    if (!isUp(world, 'old')) return [fails({ ...world, route: 'none' }, 'finds nobody')];
    return [done({ ...world, route: 'old', newWorked: false })];
  },
  'end-new': (world, setting) => {
    // Nobody replaces it any more.
    const newSize = setting.shift === undefined ? world.newSize : 0;
    if (!isUp(world, 'new')) return [done({ ...world, newSize })];
    const after = { ...end(world, 'new', 'loop', setting), newSize };
    // What the loop waits for are the calls that it has, in an overlap that is swapped back.
    const busy = world.calls.some((call) => inFlightOn(call, 'new'));
    if (setting.shift !== undefined) return killed(world, after, busy);
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
    // Who was sent away before ends by himself.
    const beside = setting.shift !== undefined && !isUp(world, 'old');
    const ended = beside ? world : end(world, 'old', 'loop', setting);
    const value = ended.snapshot === NONE ? FRESH : ended.snapshot;
    const after: World = {
      ...ended,
      old: 'up',
      oldValue: setting.stateful ? value : FIRST,
      oldReleased: false,
      oldLeaves: false,
      oldSize: setting.shift?.instances ?? 1,
      oldCount: setting.shift?.instances ?? 1,
      route: 'old',
      share: 'none',
      tapped: false,
      missing: false,
      newWorked: false,
    };
    if (world.faults === 0) return [done(after)];
    const nothing = { oldSize: after.oldSize, route: 'none', share: 'none', tapped: false } as const;
    return [done(after), fails({ ...faulty(ended), ...nothing })];
  },
  'let-go': (world) => [done(letGo(world))],
};
