import { check, isText } from '../instance/option-check';
import { shadowStrategy } from '../shadow/shadow-strategy';
import { blueGreenStrategy } from '../strategies/blue-green';
import { canaryStrategy } from '../strategies/canary';
import { resolveRolling, rollingStrategy } from '../strategies/rolling';
import type { UpgradeStrategy } from '../strategies/traffic';
import type { StrategyName } from './step-table';
import { strategies } from './step-table';
import type { UpgradeOptions } from './upgrade-options';

/** What an operation's options say of its strategy. */
export interface AskedStrategy {
  /** Undefined: as the plugin says of itself. */
  readonly name: StrategyName | undefined;
  /** Undefined where both versions never share the calls. */
  readonly shift?: UpgradeStrategy;
  /** How many instances there may be more than usual while both run; undefined: as many as both have. */
  readonly maxSurge?: number;
}

const names = Object.keys(strategies).filter((name) => name !== 'custom');

/** Throws PluginError OPTIONS_INVALID. */
export function askedStrategy(options: UpgradeOptions): AskedStrategy {
  const { strategy, canary, shadow, rolling, blueGreen, bakeMs } = options;
  const groups = { canary, shadow, rolling, 'blue-green': blueGreen };
  for (const [name, group] of Object.entries(groups)) {
    const fits = group === undefined || strategy === name;
    check(fits, 'strategy', strategy, `'${name}', since options for that are given`);
  }
  if (typeof strategy === 'object') {
    check(isText(strategy.name) && strategy.name !== '', 'strategy.name', strategy.name, 'a text');
    check(typeof strategy.run === 'function', 'strategy.run', strategy.run, 'a function');
    return { name: 'custom', shift: lastingFor(bakeMs, strategy) };
  }
  const known = strategy === undefined || names.includes(strategy);
  check(
    known,
    'strategy',
    strategy,
    `${names.map((name) => `'${name}'`).join(', ')}, or a strategy of your own`,
  );
  switch (strategy) {
    case 'canary':
      return { name: strategy, shift: canaryStrategy(canary) };
    case 'shadow':
      return { name: strategy, shift: shadowStrategy(shadow) };
    case 'blue-green':
      return { name: strategy, shift: blueGreenStrategy(blueGreen, { bakeMs }) };
    case 'rolling': {
      const spec = resolveRolling(rolling);
      return { name: strategy, shift: rollingStrategy(spec), maxSurge: spec.maxSurge };
    }
    default:
      return { name: strategy };
  }
}

/** What has a bake of its own may end it sooner, and the new one has to last all the same. */
function lastingFor(bakeMs: number | undefined, strategy: UpgradeStrategy): UpgradeStrategy {
  if (bakeMs === undefined || strategy.bake === undefined) return strategy;
  return {
    name: strategy.name,
    firstInstances: (instances) => strategy.firstInstances?.(instances) ?? instances,
    run: (traffic) => strategy.run(traffic),
    bake: async (traffic) => {
      await Promise.all([strategy.bake?.(traffic), traffic.wait(bakeMs)]);
    },
  };
}
