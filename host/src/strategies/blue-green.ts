import { PluginError } from '@plugd/protocol/plugin-error';
import { Analysis } from '../analysis/analysis';
import type { Judgement } from '../analysis/judgement';
import { type AnalysisRule, type AnalysisSpec, resolveAnalysis } from '../analysis/rule';
import { checkedWaitMs, checkGroup } from '../instance/option-check';
import { judgeOne, monotonic, type Now } from './observation';
import type { Traffic, UpgradeStrategy } from './traffic';

/** How a swap with the old version kept beside it goes. Plain data. */
export interface BlueGreenOptions {
  /** How long the old one is kept, and the new one judged, in milliseconds. Default: the operation's `bakeMs`, else 60,000. */
  readonly bakeMs?: number;
  /** How long the old one is watched before the swap, to know what is usual, in milliseconds. Default 10,000. */
  readonly baselineMs?: number;
  /** When calls go back to the old one. What compares with the old one does so with what was usual of it before the swap. */
  readonly rule?: AnalysisRule;
}

interface BlueGreenSpec {
  readonly bakeMs: number;
  readonly baselineMs: number;
  readonly analysis: AnalysisSpec;
}

const lookEveryMs = 200;
const tellEveryMs = 1_000;

interface Surroundings {
  /** The operation's, for what the strategy's own options leave open. */
  readonly bakeMs?: number | undefined;
  readonly now?: Now;
}

/**
 * Sends all calls to the new version at once, keeps the old one as it is, and goes back to it by rule. Throws PluginError
 * OPTIONS_INVALID. The strategy throws BAKE_FAILED.
 */
export function blueGreenStrategy(
  options: BlueGreenOptions = {},
  { bakeMs = 60_000, now = monotonic }: Surroundings = {},
): UpgradeStrategy {
  checkGroup('blueGreen', options);
  const spec: BlueGreenSpec = {
    bakeMs: checkedWaitMs('blueGreen.bakeMs', options.bakeMs, bakeMs, 0),
    baselineMs: checkedWaitMs('blueGreen.baselineMs', options.baselineMs, 10_000, 0),
    analysis: resolveAnalysis('blueGreen.rule', options.rule),
  };
  let analysis: Analysis | undefined;
  return {
    name: 'blue-green',
    run: async (traffic) => {
      const message = `${traffic.old.version} is watched for what is usual`;
      traffic.progress({ message, percentNew: 0, done: 0 });
      analysis = new Analysis(spec.analysis, now(), 'before');
      const usual = judgeOne(traffic.old, 'old', analysis, now);
      for (const due = now() + spec.baselineMs; now() < due && !traffic.promoted; usual.look()) {
        await traffic.wait(Math.min(lookEveryMs, due - now()));
      }
    },
    bake: (traffic) => bake(spec, traffic, analysis ?? new Analysis(spec.analysis, now(), 'before'), now),
  };
}

async function bake(
  { bakeMs }: BlueGreenSpec,
  traffic: Traffic,
  analysis: Analysis,
  now: Now,
): Promise<void> {
  const began = now();
  analysis.shares(began, 100);
  analysis.beginStep();
  const judged = judgeOne(traffic.new, 'new', analysis, now);
  let told = Number.NEGATIVE_INFINITY;
  for (;;) {
    const judgement = judged.look();
    const at = now();
    if (judgement.verdict === 'refuse') throw notAsUsual(traffic, judgement);
    if (at - told >= tellEveryMs) {
      told = at;
      const done = Math.min(1, (at - began) / Math.max(1, bakeMs));
      const message = `all new calls go to ${traffic.new.version}: ${judgement.why}`;
      traffic.progress({ message, percentNew: 100, done, facts: { ...judgement } });
    }
    const leftMs = began + bakeMs - at;
    if (leftMs <= 0 || traffic.promoted) return;
    await traffic.wait(Math.min(lookEveryMs, leftMs));
  }
}

function notAsUsual({ plugin, new: { version } }: Traffic, judgement: Judgement): PluginError {
  return new PluginError(
    'BAKE_FAILED',
    `Version ${version} of plugin ${plugin} did worse than is usual: ${judgement.why}`,
    { facts: { version, score: judgement.score, metrics: judgement.metrics } },
  );
}
