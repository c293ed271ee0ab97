import type { CallStatistics } from '../routing/endpoint';

/**
 * What has happened since `before`. A wait is the longest only if it is longer than all that were before: of the others nobody
 * knows how long they were.
 */
export function callsSince(before: CallStatistics, now: CallStatistics): CallStatistics {
  return {
    started: now.started - before.started,
    ended: now.ended - before.ended,
    cut: now.cut - before.cut,
    lost: now.lost - before.lost,
    retried: now.retried - before.retried,
    excused: now.excused - before.excused,
    resumed: now.resumed - before.resumed,
    longestWaitMs: now.longestWaitMs > before.longestWaitMs ? now.longestWaitMs : 0,
  };
}
