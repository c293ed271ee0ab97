import { PluginError } from '@plugd/protocol/plugin-error';
import { checkedCount, checkedWaitMs, checkGroup } from '../instance/option-check';
import type { Traffic, UpgradeStrategy } from './traffic';

/** How instances are replaced a few at a time. Plain data. */
export interface RollingOptions {
  /** How many instances there may be more than usual while it goes on. Default 1; 0 only where `maxUnavailable` is not. */
  readonly maxSurge?: number;
  /** How many instances there may be fewer than usual. Default 0. */
  readonly maxUnavailable?: number;
  /** How long new instances have to last before the next ones follow, in milliseconds. Default 0. */
  readonly pauseMs?: number;
}

export interface RollingSpec {
  readonly maxSurge: number;
  readonly maxUnavailable: number;
  readonly pauseMs: number;
}

/** Throws PluginError OPTIONS_INVALID. */
export function resolveRolling(options: RollingOptions = {}): RollingSpec {
  checkGroup('rolling', options);
  const maxSurge = checkedCount('rolling.maxSurge', options.maxSurge, 1, 0, 1_000);
  const maxUnavailable = checkedCount('rolling.maxUnavailable', options.maxUnavailable, 0, 0, 1_000);
  const pauseMs = checkedWaitMs('rolling.pauseMs', options.pauseMs, 0, 0);
  if (maxSurge + maxUnavailable > 0) return { maxSurge, maxUnavailable, pauseMs };
  throw new PluginError(
    'OPTIONS_INVALID',
    'Options rolling.maxSurge and rolling.maxUnavailable are both 0: then no instance can be replaced.',
    { facts: { option: 'rolling.maxSurge' } },
  );
}

/** Replaces instances a few at a time: new ones are proved before old ones leave. */
export function rollingStrategy(spec: RollingSpec): UpgradeStrategy {
  return {
    name: 'rolling',
    firstInstances: (instances) => Math.min(instances, Math.max(1, spec.maxSurge)),
    run: (traffic) => roll(spec, traffic),
  };
}

async function roll({ maxSurge, maxUnavailable, pauseMs }: RollingSpec, traffic: Traffic): Promise<void> {
  const { old, new: fresh } = traffic;
  const instances = fresh.whole;
  // The versions may differ in how many they are to be: in between is neither fewer than the lesser nor more than the greater.
  let stay = old.instances;
  let there = fresh.instances;
  const least = Math.max(0, Math.min(old.whole, instances) - maxUnavailable);
  const most = Math.max(old.whole, instances) + maxSurge;
  const share = (): void => {
    const percentNew = (100 * there) / (there + stay);
    traffic.split(percentNew);
    traffic.progress({
      message: `${there} of ${instances} instances are of ${fresh.version}, ${stay} of ${old.version}`,
      percentNew,
      done: there / instances,
      facts: { new: there, old: stay },
    });
  };
  for (;;) {
    share();
    await traffic.wait(pauseMs);
    // What is left of the old one then leaves after the swap, as in any upgrade.
    if (there >= instances || traffic.promoted) return;
    const needed = Math.max(0, least - there);
    if (needed < stay) {
      stay = needed;
      share();
      await old.resize(stay);
    }
    const room = Math.max(0, most - stay - there);
    there = Math.min(instances, there + Math.max(1, room));
    await fresh.resize(there);
  }
}
