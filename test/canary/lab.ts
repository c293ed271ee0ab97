import { status } from '@grpc/grpc-js';
import { Analysis } from '../../host/src/analysis/analysis';
import { resolveAnalysis } from '../../host/src/analysis/rule';
import { drawLatency } from '../support/canary-latency';
import { SeededRandom } from '../support/seeded-random';
import type { Scenario } from './scenario';

/** As often as the canary's strategy does. */
const LOOK_EVERY_MS = 200;
/** A trial that has not come to a refusal by then never will. */
const MOST_CALLS = 100_000;

/**
 * How many calls of the new version the test itself needs before it refuses: nothing runs, every call takes as long as it was
 * drawn, and the clock is a number. Infinity where it does not refuse.
 *
 * @param weight of the new version, in percent
 * @param callsPerSecond of both
 */
export function callsNeeded(
  { latency, worse }: Scenario,
  { weight, callsPerSecond, seed }: { weight: number; callsPerSecond: number; seed: number },
): number {
  const random = new SeededRandom(seed);
  const analysis = new Analysis(resolveAnalysis('rule'), 0);
  analysis.shares(0, weight);
  analysis.beginStep();
  let calls = 0;
  for (let now = 0, look = LOOK_EVERY_MS; calls < MOST_CALLS; now += 1000 / callsPerSecond) {
    if (now >= look) {
      look += LOOK_EVERY_MS;
      if (analysis.look(now).verdict === 'refuse') return calls;
    }
    const onNew = random.next() < weight / 100;
    const { errors, latency: hers = latency } = onNew ? worse : {};
    const code = errors !== undefined && random.next() < errors.share ? errors.code : status.OK;
    analysis.record(onNew ? 'new' : 'old', '/canary', code, drawLatency(hers, random), now);
    if (onNew) calls++;
  }
  return Number.POSITIVE_INFINITY;
}
