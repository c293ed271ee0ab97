import type { UpgradeReport } from '../../../host/src/upgrade/report';

/** The report of an upgrade in which all went well. */
export function report(over: Partial<UpgradeReport> = {}): UpgradeReport {
  return {
    plugin: 'kv',
    operation: 'upgrade',
    strategy: 'overlap',
    outcome: 'swapped',
    from: { version: '1.0.0', generation: 1, pid: 100, memoryBytes: 50 * 1024 * 1024 },
    to: { version: '2.0.0', generation: 2, pid: 200, memoryBytes: 60 * 1024 * 1024 },
    steps: [
      { step: 'start', elapsedMs: 100.04 },
      { step: 'swap', elapsedMs: 0.06 },
    ],
    totalMs: 123.4,
    pauseMs: 0,
    stateBytes: undefined,
    contract: { changes: [], unchecked: [], forced: false },
    calls: { held: 0, drained: 3, cut: 1, failed: 0, retried: 0, resumed: 0, longestWaitMs: 0.25 },
    hostMemoryBytes: { before: 1, after: 2 },
    verdict: { lines: [], verdict: 'met' },
    shift: undefined,
    warnings: [],
    ...over,
  };
}
