import { PluginError } from '@plugd/protocol/plugin-error';
import { checkExpectations } from '../instance/expect-options';
import { resolveHealth } from '../instance/health-options';
import { resolveLimits } from '../instance/limit-options';
import { resolveMemory } from '../instance/memory-options';
import { checkedPorts } from '../instance/resource-options';
import { resolveRestart } from '../instance/restart-options';
import { checkShadowOptions } from '../shadow/shadow-options';
import { blueGreenStrategy } from '../strategies/blue-green';
import { canaryStrategy } from '../strategies/canary';
import { resolveRolling } from '../strategies/rolling';
import type { Manifest } from './manifest';
import { type DataPath, formatPath, printableSentence, type SourceProblem } from './problem';
import type { YamlSource } from './yaml-source';

/** What the checks look at. */
type CheckedOptions = Pick<
  Manifest,
  | 'restart'
  | 'health'
  | 'limits'
  | 'expect'
  | 'memory'
  | 'ports'
  | 'instances'
  | 'canary'
  | 'rolling'
  | 'blueGreen'
  | 'shadow'
>;

/**
 * What options say together, by the checks that `load` and `upgrade` hold them to: one truth for both. `base`: where in the
 * file they stand.
 */
export function optionProblems(
  options: CheckedOptions,
  source: YamlSource,
  base: DataPath = [],
): SourceProblem[] {
  const { restart, health, limits, expect, memory, ports, instances = 1 } = options;
  const { canary, rolling, blueGreen, shadow } = options;
  const checks = [
    () => resolveRestart(restart),
    () => resolveHealth(health),
    () => resolveLimits(limits),
    () => checkExpectations(expect),
    () => resolveMemory(memory),
    () => checkedPorts(ports, instances),
    () => canaryStrategy(canary),
    () => resolveRolling(rolling),
    () => blueGreenStrategy(blueGreen),
    () => checkShadowOptions(shadow),
  ];
  return checks.flatMap((check) => {
    try {
      check();
      return [];
    } catch (error) {
      if (!(error instanceof PluginError) || error.code !== 'OPTIONS_INVALID') throw error;
      const path = [...base, ...pathOf(String(error.facts['option']))];
      const { line, column } = source.placeOf(path);
      return [{ line, column, path: formatPath(path), message: printableSentence(error.summary) }];
    }
  });
}

/** `canary.steps[1].weight` as steps. */
function pathOf(option: string): DataPath {
  return option
    .split(/[.[\]]+/)
    .flatMap((step) => (step === '' ? [] : [/^\d+$/.test(step) ? Number(step) : step]));
}
