import type { Analysis } from '../analysis/analysis';
import type { Judgement, Side } from '../analysis/judgement';
import type { Traffic } from './traffic';

/** How often it is read what processes use. */
const readEveryMs = 1_000;

/** Gives an analysis all that happens on both versions until the traffic ends; to be asked as often as one likes. */
export function judgeBoth(
  traffic: Traffic,
  analysis: Analysis,
  sides: readonly Side[] = ['old', 'new'],
): { look(): Judgement } {
  for (const side of sides) {
    traffic[side].observe((path, code, elapsedMs) => {
      // The length of a stream is its caller's choice.
      const unary = traffic[side].contract.isUnary(path);
      analysis.record(side, path, code, unary ? elapsedMs : undefined, performance.now());
    });
  }
  let read = Number.NEGATIVE_INFINITY;
  const readings = async (side: Side): Promise<void> => {
    const cpuMs = await traffic[side].cpuMs();
    const { instances, inFlight } = traffic[side];
    analysis.reading({ side, instances, cpuMs, inFlight, at: performance.now() });
  };
  return {
    look: () => {
      const now = performance.now();
      if (now - read >= readEveryMs) {
        read = now;
        // What can't be read is not judged.
        for (const side of sides) void readings(side).catch(() => {});
      }
      return analysis.look(now);
    },
  };
}
