import type { LoadOptions } from '../instance/load-options';
import { resolveMemory } from '../instance/memory-options';
import type { Platform } from '../platform/platform';
import { admitOverlap, type MemoryBudget } from './memory-admission';
import { residentBytes } from './memory-watch';
import type { OperationTarget } from './operation-target';
import type { AskedStrategy } from './shift-strategy';
import type { StrategyName } from './step-table';
import { chooseStrategy, isShift, untriable } from './strategy';
import type { UpgradeOptions } from './upgrade-options';

/** The host's budget for all of its plugins, and what they use of it. */
export type HostBudget = () => Promise<Omit<MemoryBudget, 'of'>>;

export interface AdmissionQuestion {
  readonly target: OperationTarget;
  /** What runs. */
  readonly options: LoadOptions;
  readonly changes: UpgradeOptions;
  readonly asked: AskedStrategy;
  readonly platform: Platform;
  /** Undefined: it has none. */
  readonly hostBudget: HostBudget | undefined;
}

/**
 * By which strategy an operation goes, considering what the machine has room for. Asked before anything is started. Throws
 * PluginError STRATEGY_UNFIT, MEMORY_SHORT, OPTIONS_INVALID.
 */
export async function admitStrategy(question: AdmissionQuestion): Promise<StrategyName> {
  const { target, options, changes, asked, platform, hostBudget } = question;
  const { name: plugin, serving: old } = target;
  const { dryRun = false } = changes;
  const strategy = chooseStrategy(plugin, old, { ...asked, dryRun });
  const pids = old?.pids ?? [];
  if (strategy === 'recreate' || pids.length === 0) return strategy;
  const memory = resolveMemory(changes.memory ?? options.memory);
  const oldBytes = await residentBytes(platform, pids);
  const budgets: MemoryBudget[] = [];
  if (memory.budgetBytes !== undefined) {
    budgets.push({ of: 'plugin', limitBytes: memory.budgetBytes, usedBytes: oldBytes ?? 0 });
  }
  if (hostBudget !== undefined) budgets.push({ of: 'host', ...(await hostBudget()) });
  const answer = admitOverlap({
    ...memory,
    plugin,
    oldBytes,
    oldInstances: pids.length,
    newInstances: Math.min(
      changes.instances ?? options.instances ?? 1,
      // Without a surge an old one leaves before a new one comes.
      Math.max(1, (isShift(strategy) ? asked.maxSurge : undefined) ?? Number.POSITIVE_INFINITY),
    ),
    availableBytes: platform.availableMemory(),
    budgets,
  });
  if (answer === 'beside') return strategy;
  if (dryRun) throw untriable(plugin, 'there is no room for both');
  return chooseStrategy(plugin, old, { name: 'recreate' });
}
