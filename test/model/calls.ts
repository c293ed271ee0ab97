import { staying } from '../../host/src/upgrade/step-table';
import { placeIn } from './controller';
import { inFlightOn, isUp, leaving, routed } from './effects';
import { type CallKind, type CallState, type Setting, type Transition, type World, WRONG } from './world';

/** What calls may do next: begin, be executed, be answered. */
export function callTransitions(world: World, setting: Setting): Transition[] {
  if (world.host === 'killed') return [];
  const transitions: Transition[] = [];
  setting.calls.forEach((kind, place) => {
    const call = world.calls[place];
    if (call === undefined) return;
    const to = (next: CallState, rest: Partial<World> = {}) => ({
      ...world,
      ...rest,
      calls: world.calls.map((other, index) => (index === place ? next : other)),
    });
    const name = `call ${place}`;
    if (call === 'idle') {
      const since = world.since.map((value, index) => (index === place ? world.truth : value));
      for (const begun of begins(world, kind, setting)) {
        const violation = kind.parent === undefined ? misled(world, begun, setting) : undefined;
        transitions.push({
          label: `${name} begins: ${begun}`,
          to: to(begun, { since, ...(violation === undefined ? {} : { violation }) }),
        });
      }
    } else if (call === 'old' || call === 'new') {
      const executed = execute(world, kind, place, call, setting);
      if (executed !== undefined) {
        transitions.push({ label: `${name} is executed by ${call}`, to: to(`${call}!`, executed) });
      }
    } else if (call === 'old!' || call === 'new!') {
      const waits = setting.calls.some(
        ({ parent }, child) => parent === place && isUnderWay(world.calls[child]),
      );
      if (!waits) {
        const by = call === 'old!' ? 'by-old' : 'by-new';
        transitions.push({ label: `${name} is answered`, to: to(by) });
      }
    } else if (call === 'held' && world.faults > 0) {
      transitions.push({
        label: `${name} was held too long`,
        to: to('failed', { faults: world.faults - 1 }),
      });
    }
  });
  return transitions;
}

export function isUnderWay(call: CallState | undefined): boolean {
  return call === 'held' || call === 'old' || call === 'old!' || call === 'new' || call === 'new!';
}

/** Where a call must not go that begins now. */
function misled(world: World, begun: CallState, setting: Setting): string | undefined {
  const { controller } = world;
  if (begun === 'old' && world.oldLeaves) return leaving;
  if (world.host !== 'up') return undefined;
  const at = placeIn(controller, setting.rows);
  if (begun === 'old' && at === 'after') return 'a call begins on the old one after the swap';
  if (begun === 'new' && at === 'before') return 'a call begins on a new one that is not proved';
  if (begun === 'new' && at === 'undone') return 'a call begins on the new one after it was undone';
  return undefined;
}

/** Where a call goes that begins now; none: it can't begin. */
function begins(
  world: World,
  kind: CallKind,
  { calls, strategy, worldRules }: Setting,
): readonly CallState[] {
  const { parent } = kind;
  if (parent !== undefined) {
    const above = world.calls[parent];
    if (above === undefined) return [];
    const side = (['old', 'new'] as const).find((candidate) => inFlightOn(above, candidate));
    if (side === undefined) return [];
    const aboveIsAwaited = calls[parent]?.writes === true || staying[strategy] === 'nothing';
    const passes = aboveIsAwaited || !kind.writes || !worldRules.readersPassOnlyReads;
    if (worldRules.descendantsPass && passes) {
      if (isUp(world, side)) return [side];
      // All that were beside the one that has the root have left: it goes where any call goes.
      return side === 'old' && world.oldLeaving ? routed(world) : ['failed'];
    }
  }
  return world.hold ? ['held'] : routed(world);
}

/** What changes when a call is executed; undefined: its process does not execute it now. */
function execute(
  world: World,
  { writes }: CallKind,
  place: number,
  side: 'old' | 'new',
  { stateful }: Setting,
): Partial<World> | undefined {
  const leaves = side === 'old' && world.oldLeaving;
  if (world[side] !== 'up' && (writes || world[side] !== 'paused') && !leaves) return undefined;
  // What it does beside the old one is no reason to keep it.
  const newWorked = world.newWorked || (side === 'new' && (stateful || world.route === 'new'));
  if (!stateful) return { newWorked };
  const value = side === 'old' ? world.oldValue : world.newValue;
  const wrong = ((): string | undefined => {
    if (side === 'new' && !world.newActive) return 'a call is executed by a new one that was not activated';
    if (value === WRONG) return 'a call meets a state that nobody was given';
    if (writes && value < world.truth) return 'a call is executed on a state that lacks what others did';
    if (!writes && value < (world.since[place] ?? 0)) return 'a read tells less than was there when it began';
    return undefined;
  })();
  const violation = wrong === undefined ? {} : { violation: wrong };
  if (!writes) return { newWorked, ...violation };
  const changed = side === 'old' ? { oldValue: value + 1 } : { newValue: value + 1 };
  return { newWorked, ...changed, truth: value + 1, ...violation };
}
