import { isUnderWay } from './calls';
import { placeIn } from './controller';
import { isUp } from './effects';
import type { Setting, World } from './world';

/** What must hold in every world. The sentence says what does not. */
export function violated(world: World, setting: Setting): string | undefined {
  if (world.violation !== undefined) return world.violation;
  if (world.host !== 'up' || world.unkillable) return undefined;
  if (setting.shift !== undefined) {
    const violation = violatedBeside(world, setting);
    if (violation !== undefined) return violation;
  }
  if (setting.single && isUp(world, 'old') && isUp(world, 'new')) return 'a plugin runs twice that must not';
  if (
    setting.exclusive &&
    isUp(world, 'old') &&
    !world.oldReleased &&
    isUp(world, 'new') &&
    world.newActive
  ) {
    return 'both have what only one may have';
  }
  return undefined;
}

/** Where both may serve. */
function violatedBeside(world: World, { rows }: Setting): string | undefined {
  const { route, share, oldSize, newSize } = world;
  if (route === 'old' && oldSize === 0 && (share !== 'all' || newSize === 0)) {
    return 'nothing of the old one is left, and nobody else is in the route';
  }
  if (route === 'new' && newSize === 0 && !world.controller.undone.includes('end-new') && !world.missing) {
    return 'all of the new one has left, and the route leads to it';
  }
  const place = placeIn(world.controller, rows);
  if (world.oldLeaves && place !== 'after') {
    return 'the old one was told to leave before the swap, which can’t be undone';
  }
  return undefined;
}

/** What must hold where nothing more can happen. */
export function violatedAtRest(world: World, setting: Setting): string | undefined {
  const waiting = world.calls.findIndex(isUnderWay);
  if (waiting >= 0) return `call ${waiting} is never answered`;
  const { controller } = world;
  if (world.host === 'again') {
    return world.route === 'none' && !world.unresponsive && !isUp(world, 'old') && !isUp(world, 'new')
      ? 'a restarted host serves nothing'
      : undefined;
  }
  if (controller.mode !== 'ended') return 'the loop waits for what never comes, or for its limit alone';
  if (world.hold) return 'calls are held after the end';
  if (world.faults === setting.faults) {
    const wanted = world.givenUp ? 'undone' : 'done';
    if (controller.outcome !== wanted && !(world.givenUp && controller.outcome === 'go-back')) {
      return `an operation without a fault is not ${wanted}`;
    }
    if (world.calls.includes('failed')) return 'a call fails without a fault';
    if (controller.undone.includes('start-old') && setting.shift !== undefined) {
      return 'the old one is given up and started anew without a fault';
    }
  }
  if (world.givenUp && controller.outcome === 'done') return 'it was given up by hand, and done';
  if (controller.outcome === 'go-back' || controller.outcome === 'down') return undefined;
  const [serving, other] =
    controller.outcome === 'done' ? (['new', 'old'] as const) : (['old', 'new'] as const);
  if (isUp(world, other) && !world.unkillable) return `the ${other} one is left running`;
  const instances = setting.shift?.instances ?? 1;
  if (world.share !== 'none') return 'both are in the route after the end';
  if (world.tapped) return 'a strategy sees calls after the end';
  if (serving === 'new' && world.newSize < instances)
    return 'the new one has fewer instances than it is to have';
  if (
    serving === 'old' &&
    world.oldSize < instances &&
    !(world.missing && setting.worldRules.tellsOfMissing)
  ) {
    return 'the old one has fewer instances than it had, and nobody says so';
  }
  // One that ended by itself is its supervisor's to replace, from the operation's end on.
  if (!isUp(world, serving)) return undefined;
  if (world.route !== serving) return `the route does not lead to the ${serving} one`;
  if (world[serving] === 'paused') return 'what serves is paused';
  if (serving === 'old' && world.oldReleased) return 'the old one serves without what it let go of';
  if (serving === 'new' && !world.newActive) return 'the new one serves and was not activated';
  const value = serving === 'old' ? world.oldValue : world.newValue;
  if (setting.stateful && value !== world.truth) return 'what serves has not the newest state';
  return undefined;
}
