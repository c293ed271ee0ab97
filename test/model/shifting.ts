import type { UndoName } from '../../host/src/upgrade/step-table';
import { nextAsk, placeIn } from './controller';
import { end, faulty, inFlightOn, isUp } from './effects';
import type { Setting, Share, ShiftMoves, Transition, World } from './world';

// While both versions share the calls: what a strategy may do, what supervision does meanwhile, and how it is undone, bit by bit.

/** What happens within a step that takes its time: the loop hears of its end alone. */
export function innerMoves(world: World, setting: Setting): Transition[] {
  const { shift } = setting;
  if (shift === undefined) return [];
  const ask = nextAsk(world.controller, setting.rows);
  const moves = supervision(world, setting);
  if (world.oldLeaving) moves.push(...leavingEnds(world));
  if (ask?.ask === 'perform' && ask.row.step === 'shift' && !world.givenUp) {
    moves.push(...strategyMoves(world, shift));
  } else if (ask?.ask === 'undo') {
    moves.push(...undoMoves(world, ask.undo, setting, shift));
  }
  return moves;
}

function strategyMoves(world: World, { shares, taps, rolls, instances }: ShiftMoves): Transition[] {
  const moves: Transition[] = [];
  for (const share of shares) {
    // Who sends away all of the old one keeps all calls from it.
    if (share === world.share || (share !== 'all' && world.oldSize === 0)) continue;
    moves.push({ label: `the new one shares: ${share}`, to: { ...world, share } });
  }
  if (taps && !world.tapped) moves.push({ label: 'calls are mirrored', to: { ...world, tapped: true } });
  const { newSize, newCount, oldSize, oldCount } = world;
  const most = rolls === undefined ? Number.POSITIVE_INFINITY : instances + rolls.surge;
  if (newSize < instances && newSize + oldSize < most && newCount > 0) {
    const to = { ...world, newSize: newSize + 1, newCount: newCount + 1 };
    moves.push({ label: 'another one of the new one is there', to });
  }
  if (rolls !== undefined && oldSize > 0 && oldSize + newSize > instances - rolls.unavailable) {
    const fallsTo = oldSize === 1 ? 'all' : world.share;
    // Whom nothing is left of beside it has been given all calls before.
    if (fallsTo === world.share && (oldCount > 1 || oldSize === 1)) {
      moves.push({ label: 'one of the old one leaves', to: withOneLess(world) });
    }
  }
  return moves;
}

/** One of the old one's is sent away: what it has it may end. */
export function withOneLess(world: World): World {
  const oldCount = Math.max(0, world.oldCount - 1);
  const busy = world.calls.some((call) => inFlightOn(call, 'old'));
  return {
    ...world,
    oldSize: world.oldSize - 1,
    oldCount,
    ...(oldCount === 0 ? { old: 'dead' as const } : {}),
    oldLeaving: world.oldLeaving || busy,
  };
}

function leavingEnds(world: World): Transition[] {
  const busy = world.calls.some((call) => inFlightOn(call, 'old'));
  const oldLeaving = false;
  // Its calls may also be those of one that stays.
  if (!busy || world.oldCount > 0)
    return [{ label: 'who was to leave has left', to: { ...world, oldLeaving } }];
  return world.faults === 0 ? [] : [{ label: 'who leaves is cut', to: { ...cut(world, 'old'), oldLeaving } }];
}

function cut(world: World, side: 'old' | 'new'): World {
  const calls = world.calls.map((call) => (inFlightOn(call, side) ? 'failed' : call));
  return { ...faulty(world), calls };
}

/** Both are looked after: the old one as long as it is in the route, the new one from the shift on. */
function supervision(world: World, { rows }: Setting): Transition[] {
  const moves: Transition[] = [];
  const { controller, oldCount, oldSize, newCount, newSize } = world;
  if (world.host === 'up' && world.route === 'old' && oldCount < oldSize) {
    const to: World = { ...world, old: 'up', oldReleased: false, oldCount: oldCount + 1 };
    moves.push({ label: 'an instance of the old one is replaced', to });
  }
  const place = placeIn(controller, rows);
  const ended = controller.undone.includes('end-new') || controller.undone.includes('shift-back');
  if (world.host === 'up' && place === 'between' && newCount < newSize && !ended) {
    const to: World = { ...world, new: 'up', newActive: true, newCount: newCount + 1 };
    moves.push({ label: 'an instance of the new one is replaced', to });
  }
  return moves;
}

/** A process that ends by itself takes its calls with it, which may be all that there are on its side, or none. */
export function crashes(world: World, side: 'old' | 'new', setting: Setting): Transition[] {
  const label = `crash of the ${side} one`;
  if (setting.shift === undefined) return [{ label, to: faulty(end(world, side, 'itself', setting)) }];
  const count = side === 'old' ? world.oldCount : world.newCount;
  const lost = side === 'new' && placeIn(world.controller, setting.rows) === 'between';
  const newLost = world.newLost || lost;
  const leaves = side === 'old' && world.oldLeaving;
  if (count <= 1 && !leaves)
    return [{ label, to: { ...faulty(end(world, side, 'itself', setting)), newLost } }];
  const without: World = {
    ...world,
    newLost,
    ...(side === 'old' ? { oldCount: count - 1 } : { newCount: count - 1 }),
    ...(count === 1 ? { [side]: 'dead' } : {}),
  };
  const calls = [{ label: `${label}, that has no calls`, to: faulty(without) }];
  if (!world.calls.some((call) => inFlightOn(call, side))) return calls;
  return [...calls, { label: `${label}, that has them all`, to: cut(without, side) }];
}

/** Instances of the old one come back; where there is no room for both, the new one gives its own for them. */
function givenBack(world: World, { worldRules }: Setting, { instances, rolls }: ShiftMoves): Transition[] {
  const { oldSize, oldCount, newSize, newCount } = world;
  const room = rolls === undefined ? instances : instances + rolls.surge - oldSize - newSize;
  // Nobody is sent away from where all calls go.
  const gives = world.route === 'old' || !worldRules.swapsBackFirst;
  if (room <= 0 && newSize > 0 && gives) {
    const busy = world.calls.some((call) => inFlightOn(call, 'new'));
    if (busy && newCount <= 1) return [];
    const left = Math.max(0, newCount - 1);
    const fewer: World = {
      ...world,
      newSize: newSize - 1,
      newCount: left,
      ...(left === 0 ? { new: 'dead' } : {}),
    };
    return [{ label: 'one of the new one leaves', to: fewer }];
  }
  const comes = Math.min(instances - oldSize, Math.max(1, room));
  const again: World = {
    ...world,
    old: 'up',
    oldReleased: false,
    oldSize: oldSize + comes,
    oldCount: oldCount + comes,
  };
  const moves = [{ label: 'what has left of the old one is started again', to: again }];
  if (world.faults === 0) return moves;
  return [...moves, { label: 'what has left does not start', to: { ...faulty(world), missing: true } }];
}

function undoMoves(world: World, undo: UndoName, setting: Setting, shift: ShiftMoves): Transition[] {
  const { instances } = shift;
  const { worldRules } = setting;
  if (undo !== 'shift-back' && undo !== 'swap-back') return [];
  if (undo === 'swap-back' && world.route !== 'new') return [];
  if (undo === 'swap-back' && !worldRules.refillsFirst && !isUp(world, 'old')) return [];
  if (world.oldSize < instances && !world.missing && worldRules.refills)
    return givenBack(world, setting, shift);
  if (undo === 'swap-back') {
    return isUp(world, 'old') ? [{ label: 'the route leads back', to: { ...world, route: 'old' } }] : [];
  }
  if (world.oldSize === 0 && worldRules.failsWithoutOld) return [];
  const share: Share = worldRules.unshares ? 'none' : world.share;
  if (world.share === share && !world.tapped) return [];
  return [{ label: 'the new one shares no more', to: { ...world, share, tapped: false } }];
}

/** How undoing the shift may come out now; none: it waits for what must happen before. */
export function shiftBackOutcomes(
  world: World,
  { shift, worldRules }: Setting,
): { how: string; ok: boolean; world: World }[] {
  const whole = world.oldSize >= (shift?.instances ?? 1);
  const refilled = whole || world.missing || !worldRules.refills;
  if (!refilled) return [];
  if (world.oldSize === 0 && worldRules.failsWithoutOld) {
    return [{ how: 'fails, for nothing of it starts', ok: false, world }];
  }
  if ((worldRules.unshares && world.share !== 'none') || world.tapped) return [];
  if (world.route === 'new') {
    return [
      {
        how: 'done',
        ok: true,
        world: { ...world, violation: 'the new one is told to leave, and calls go to it' },
      },
    ];
  }
  return drained(world, worldRules.drainsNew);
}

/** Back to the old one after a swap: {@link innerMoves} have led the route there, if it had led to the new one at all. */
export function swapBackOutcomes(
  world: World,
  { shift, worldRules }: Setting,
): { how: string; ok: boolean; world: World }[] {
  if (world.route !== 'new') {
    return world.share === 'none' ? drained(world, true) : [{ how: 'done', ok: true, world }];
  }
  // What was sent away is not lost.
  const comes = worldRules.refillsFirst && !world.missing && world.oldSize < (shift?.instances ?? 1);
  return isUp(world, 'old') || (comes && worldRules.refills)
    ? []
    : [{ how: 'fails, for it is gone', ok: false, world }];
}

function drained(world: World, waits: boolean): { how: string; ok: boolean; world: World }[] {
  const busy = world.calls.some((call) => inFlightOn(call, 'new'));
  if (!busy || !waits) return [{ how: 'done', ok: true, world }];
  return world.faults === 0 ? [] : [{ how: 'cuts what is left', ok: true, world: cut(world, 'new') }];
}
