import { check, checkedCount, checkedWaitMs, checkGroup } from './option-check';

/** What a plugin may use. One over its limit is replaced by an upgrade to itself. Without a number: no limit. */
export interface LimitOptions {
  /** Resident memory. */
  readonly memoryBytes?: number;
  /** Open files and sockets. */
  readonly descriptors?: number;
  /** Processors that it keeps busy, averaged over the readings: 0.5 is half of one, 2 is two of them. */
  readonly cpuShare?: number;
  /** A process is replaced at most this long after its start, and up to a tenth earlier, so that replicas don't go together. */
  readonly ageMs?: number;
  /** Default 10,000. */
  readonly checkEveryMs?: number;
  /** So many readings in a row must be over a limit: a peak is no leak. Default 3. */
  readonly readings?: number;
}

/** Limit options with every default filled in and every value checked. */
export interface LimitSpec {
  readonly memoryBytes: number | undefined;
  readonly descriptors: number | undefined;
  readonly cpuShare: number | undefined;
  readonly ageMs: number | undefined;
  readonly checkEveryMs: number;
  readonly readings: number;
}

/** Undefined where nothing is limited. Throws PluginError OPTIONS_INVALID, naming the option. */
export function resolveLimits(options: LimitOptions = {}): LimitSpec | undefined {
  checkGroup('limits', options);
  const { memoryBytes, descriptors, cpuShare, ageMs } = options;
  check(
    memoryBytes === undefined || (Number.isFinite(memoryBytes) && memoryBytes > 0),
    'limits.memoryBytes',
    memoryBytes,
    'a number of bytes above 0',
  );
  check(
    descriptors === undefined || (Number.isSafeInteger(descriptors) && descriptors > 0),
    'limits.descriptors',
    descriptors,
    'a whole number above 0',
  );
  check(
    cpuShare === undefined || (Number.isFinite(cpuShare) && cpuShare > 0),
    'limits.cpuShare',
    cpuShare,
    'a number of processors above 0',
  );
  // An age may be longer than a timer can measure: it is looked at with the readings.
  check(
    ageMs === undefined || (Number.isFinite(ageMs) && ageMs > 0),
    'limits.ageMs',
    ageMs,
    'a number of milliseconds above 0',
  );
  const checkEveryMs = checkedWaitMs('limits.checkEveryMs', options.checkEveryMs, 10_000, 10);
  const readings = checkedCount('limits.readings', options.readings, 3, 1);
  if ([memoryBytes, descriptors, cpuShare, ageMs].every((limit) => limit === undefined)) return undefined;
  return { memoryBytes, descriptors, cpuShare, ageMs, checkEveryMs, readings };
}
