import type { LoadOptions } from '../instance/load-options';
import type { UpgradeOptions } from './upgrade-options';

/** The options of the next generation: the last one's, with what is to change. */
export function mergeOptions(current: LoadOptions, changes: UpgradeOptions): LoadOptions {
  const {
    verify: _verify,
    dryRun: _dryRun,
    ifBusy: _ifBusy,
    strategy: _strategy,
    canary: _canary,
    shadow: _shadow,
    rolling: _rolling,
    blueGreen: _blueGreen,
    shiftTimeoutMs: _shiftTimeoutMs,
    force: _force,
    contractPolicy: _contractPolicy,
    bakeMs: _bakeMs,
    keepWarmMs: _keepWarmMs,
    ...given
  } = changes;
  const { sha256, autoMtls, tls, ...kept } = current;
  return {
    ...kept,
    // Another file has another sum, and each way of securing the connection excludes the other.
    ...(sha256 !== undefined && given.command === undefined ? { sha256 } : {}),
    ...(autoMtls !== undefined && given.tls === undefined ? { autoMtls } : {}),
    ...(tls !== undefined && given.autoMtls !== true ? { tls } : {}),
    ...defined(given),
    // Types keep it out of the changes; callers without them may not.
    name: current.name,
  };
}

/** Without the keys whose value is undefined: for a caller, that is the same as leaving them out. */
function defined<T extends object>(object: T): T {
  const copy = { ...object };
  for (const key of Object.keys(copy) as (keyof T)[]) if (copy[key] === undefined) delete copy[key];
  return copy;
}
