import { type CallState, FRESH, type LateEffect, type Setting, type World, WRONG } from './world';

// Changes of the world that several transitions share.

const ofSide: Readonly<Record<'old' | 'new', readonly LateEffect[]>> = {
  old: ['pause', 'release'],
  new: ['restore', 'activate'],
};

export function inFlightOn(call: CallState, side: 'old' | 'new'): boolean {
  return call === side || call === `${side}!`;
}

/**
 * A process ends, and its calls with it. What only it knew is lost: that is a fault of the loop where the loop ended it.
 */
export function end(world: World, side: 'old' | 'new', by: 'itself' | 'loop', setting: Setting): World {
  const leaves = side === 'old' && world.oldLeaving;
  if ((world[side] === 'absent' || world[side] === 'dead') && !leaves) return world;
  const dead: World = {
    ...world,
    [side]: 'dead',
    ...(side === 'old'
      ? { oldReleased: true, oldCount: 0, oldLeaving: false }
      : { newActive: false, newCount: 0 }),
    calls: world.calls.map((call) => (inFlightOn(call, side) ? 'failed' : call)),
    late: world.late.filter((effect) => !ofSide[side].includes(effect)),
  };
  const truth = bestKept(dead, setting);
  const lost = by === 'loop' && truth < world.truth && !world.unresponsive;
  return {
    ...dead,
    ...lower(dead, truth),
    ...(lost ? { violation: `the loop ended the ${side} one, and its state is lost` } : {}),
  };
}

/** What is lost is lost: nobody can be told of it any more. */
export function lower(world: World, truth: number): Pick<World, 'truth' | 'since'> {
  return { truth, since: world.since.map((value) => Math.min(value, truth)) };
}

/** The newest state that is still anywhere. */
export function bestKept(world: World, setting: Setting): number {
  if (!setting.stateful) return world.truth;
  const kept = [FRESH];
  if (world.snapshot !== WRONG) kept.push(world.snapshot);
  if (world.old === 'up' || world.old === 'paused') kept.push(world.oldValue);
  if (world.new === 'up') kept.push(world.newValue);
  return Math.min(world.truth, Math.max(...kept));
}

/** The ways that a call may take as the route leads: with two in it the lot decides, or the call's key. */
export function routed(world: World): readonly ('old' | 'new' | 'failed')[] {
  const { route, share } = world;
  if (route === 'none') return ['failed'];
  const beside = route === 'old' ? 'new' : 'old';
  if (share === 'all' && isUp(world, beside)) return [beside];
  // What is on trial does not stand in for the one that is in the route: calls wait for that one, and for no longer than they may.
  if (!isUp(world, route)) return ['failed'];
  return share === 'some' && isUp(world, beside) ? [route, beside] : [route];
}

export function isUp(world: World, side: 'old' | 'new'): boolean {
  return world[side] === 'up' || world[side] === 'paused';
}

export function letGo(world: World): World {
  // Where calls are held nobody shares them.
  const [to = 'failed'] = routed(world);
  return {
    ...world,
    hold: false,
    calls: world.calls.map((call) => (call === 'held' ? to : call)),
    ...(to === 'old' && world.oldLeaves && world.calls.includes('held') ? { violation: leaving } : {}),
  };
}

export const leaving = 'a call begins on an old one that was told to leave';

/** One fault less to come. */
export function faulty(world: World): World {
  return { ...world, faults: world.faults - 1 };
}
