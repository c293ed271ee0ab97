import type { Analysis } from '../analysis/analysis';
import type { Judgement, Side } from '../analysis/judgement';
import type { Traffic, TrafficSide } from './traffic';

/** How often it is read what processes use. */
const readEveryMs = 1_000;

/** The time, monotonic, in milliseconds. */
export type Now = () => number;

export const monotonic: Now = () => performance.now();

/** Gives an analysis all that happens on both versions until the traffic ends; to be asked as often as one likes. */
export function judgeBoth(traffic: Traffic, analysis: Analysis, now: Now = monotonic): Judged {
  const readings = [observe(traffic.old, 'old', analysis, now), observe(traffic.new, 'new', analysis, now)];
  return judged(analysis, readings, now);
}

/** The same of one version while it has all calls. */
export function judgeOne(side: TrafficSide, as: Side, analysis: Analysis, now: Now = monotonic): Judged {
  return judged(analysis, [observe(side, as, analysis, now)], now);
}

/** Something that is judged by and by. */
interface Judged {
  look(): Judgement;
}

/** Lets the analysis hear of the calls. What it returns reads what the processes use. */
function observe(side: TrafficSide, as: Side, analysis: Analysis, now: Now): () => Promise<void> {
  side.observe((path, code, elapsedMs) => {
    // The length of a stream is its caller's choice.
    const unary = side.contract.isUnary(path);
    analysis.record(as, path, code, unary ? elapsedMs : undefined, now());
  });
  return async () => {
    const cpuMs = await side.cpuMs();
    const { instances, inFlight } = side;
    analysis.reading({ side: as, instances, cpuMs, inFlight, at: now() });
  };
}

function judged(analysis: Analysis, readings: readonly (() => Promise<void>)[], now: Now): Judged {
  let read = Number.NEGATIVE_INFINITY;
  return {
    look: () => {
      const at = now();
      if (at - read >= readEveryMs) {
        read = at;
        // What can't be read is not judged.
        for (const reading of readings) void reading().catch(() => {});
      }
      return analysis.look(at);
    },
  };
}
