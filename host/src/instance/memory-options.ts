import { check, checkedChoice, checkGroup } from './option-check';

/** Whether two versions of a plugin may be in memory at the same time. Asked before anything is started. */
export interface MemoryOptions {
  /**
   * What one process of the next version is going to need. Default: as much as one of the old version's has at the time,
   * which may be more than a fresh one needs, or less.
   */
  readonly expectedBytes?: number;
  /** The most that all processes of this plugin may have together, both versions' during an upgrade. Default: no limit. */
  readonly budgetBytes?: number;
  /** What has to stay free on the machine, and within the limits of its container. Default 67,108,864 (64 MiB). */
  readonly reserveBytes?: number;
  /**
   * What becomes of an operation whose versions would not fit beside each other. `refuse`: it fails with MEMORY_SHORT, and
   * the old version serves on. `recreate`: the old version ends before the new one starts; calls wait meanwhile. Default
   * `refuse`.
   */
  readonly ifShort?: 'refuse' | 'recreate';
}

/** Memory options with every default filled in and every value checked. */
export interface MemorySpec {
  readonly expectedBytes: number | undefined;
  readonly budgetBytes: number | undefined;
  readonly reserveBytes: number;
  readonly ifShort: 'refuse' | 'recreate';
}

/** Throws PluginError OPTIONS_INVALID, naming the option. */
export function resolveMemory(options: MemoryOptions = {}): MemorySpec {
  checkGroup('memory', options);
  return {
    expectedBytes: checkedBytes('memory.expectedBytes', options.expectedBytes, 1),
    budgetBytes: checkedBytes('memory.budgetBytes', options.budgetBytes, 1),
    reserveBytes: checkedBytes('memory.reserveBytes', options.reserveBytes, 0) ?? 64 * 1024 * 1024,
    ifShort: checkedChoice('memory.ifShort', options.ifShort, ['refuse', 'recreate'], 'refuse'),
  };
}

/** A number of bytes, as options have it. Throws PluginError OPTIONS_INVALID, naming the option. */
export function checkedBytes(option: string, value: number | undefined, minimum: number): number | undefined {
  const good = value === undefined || (Number.isSafeInteger(value) && value >= minimum);
  check(good, option, value, `a whole number of bytes, at least ${minimum}`);
  return value;
}
