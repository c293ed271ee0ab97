import { PluginError } from '@plugd/protocol/plugin-error';
import { runsAlone } from '../instance/resource-options';
import { keepsState } from '../supervision/begin-life';
import type { Supervisor } from '../supervision/supervisor';
import type { AskedStrategy } from './shift-strategy';
import { type ShiftStrategyName, type StrategyName, strategies } from './step-table';

export interface StrategyQuestion extends Pick<AskedStrategy, 'name' | 'maxSurge'> {
  /** The new one is only to be tried, beside the old one. Default false. */
  readonly dryRun?: boolean;
}

/**
 * How the new one takes the old one's place: as was asked, else as the plugin that serves says of itself. Throws PluginError
 * STRATEGY_UNFIT for what it can't do.
 */
export function chooseStrategy(
  plugin: string,
  old: Supervisor | undefined,
  { name: asked, maxSurge, dryRun = false }: StrategyQuestion,
): StrategyName {
  const { description } = old ?? {};
  const alone = old !== undefined && old.spec.instances === 1;
  const keeps = description !== undefined && keepsState(description);
  if (description?.single === true || (old !== undefined && runsAlone(old.spec))) {
    if (asked !== undefined && asked !== 'recreate')
      throw unfit(plugin, asked, 'it can’t run twice at a time');
    if (dryRun) throw untriable(plugin, 'it can’t run twice at a time');
    return 'recreate';
  }
  if (dryRun && asked === 'recreate') {
    const hint = 'Try it by another strategy: overlap, or handoff where the plugin keeps a state.';
    throw untriable(plugin, 'a recreation ends that first', hint);
  }
  if (asked === 'handoff' && !keeps) {
    throw unfit(plugin, asked, 'it keeps nothing that it could hand over, or does not run');
  }
  if (asked !== undefined && isShift(asked)) {
    if (keeps && description.state?.shareable !== true) {
      throw unfit(plugin, asked, 'it keeps a state that two versions can’t have at a time, by its own word');
    }
    if (maxSurge === 0 && alone) {
      throw unfit(plugin, asked, 'its one instance can’t make room for another one and serve meanwhile');
    }
    // There is nothing that calls could be shared with.
    return old?.alive === true ? asked : 'overlap';
  }
  const strategy = asked ?? (keeps && description.state?.shareable !== true ? 'handoff' : 'overlap');
  if (strategy !== 'overlap' && keeps && !alone) {
    throw unfit(plugin, strategy, 'it keeps state in several instances, and nobody knows which one’s counts');
  }
  // Of one that is lost nobody can ask for anything: what is kept of its state is what there is. And it must not come back
  // meanwhile, and count on from there. What is only tried gets no state, and does not mind.
  if (strategy === 'handoff' && old?.alive !== true && !dryRun) return 'recreate';
  return strategy;
}

/** Whether both versions share the calls for a while. */
export function isShift(name: StrategyName): name is ShiftStrategyName {
  return strategies[name].some(({ step }) => step === 'shift');
}

const withoutDryRun =
  'Upgrade it without the dry run: where the new version fails, the old one is started again.';

/** For an operation that ends the old one first: nothing could be tried before that. */
export function untriable(plugin: string, why: string, hint: string = withoutDryRun): PluginError {
  const summary = `The new version of plugin ${plugin} can't be tried beside the old one: ${why}.`;
  return new PluginError('STRATEGY_UNFIT', summary, { facts: { strategy: 'recreate' }, hint });
}

function unfit(plugin: string, strategy: StrategyName, why: string): PluginError {
  return new PluginError('STRATEGY_UNFIT', `Plugin ${plugin} can't be upgraded by ${strategy}: ${why}.`, {
    facts: { strategy },
  });
}
