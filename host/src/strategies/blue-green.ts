import { PluginError } from '@plugd/protocol/plugin-error';
import { Analysis } from '../analysis/analysis';
import type { Judgement } from '../analysis/judgement';
import { type AnalysisRule, type AnalysisSpec, type MetricSpec, resolveAnalysis } from '../analysis/rule';
import { checkedWaitMs, checkGroup } from '../instance/option-check';
import { judgeBoth } from './observation';
import type { Traffic, UpgradeStrategy } from './traffic';

/** How a swap with the old version kept beside it goes. Plain data. */
export interface BlueGreenOptions {
  /** How long the old one is kept, and the new one judged, in milliseconds. Default 60,000. */
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
/** A share of errors that is above the usual one by less is no reason to go back: hardly a baseline is so exact. */
const errorMargin = 0.01;

/**
 * Sends all calls to the new version at once, keeps the old one as it is, and goes back to it by rule. Throws PluginError
 * OPTIONS_INVALID. The strategy throws BAKE_FAILED.
 */
export function blueGreenStrategy(options: BlueGreenOptions = {}): UpgradeStrategy {
  checkGroup('blueGreen', options);
  const spec: BlueGreenSpec = {
    bakeMs: checkedWaitMs('blueGreen.bakeMs', options.bakeMs, 60_000, 0),
    baselineMs: checkedWaitMs('blueGreen.baselineMs', options.baselineMs, 10_000, 0),
    analysis: resolveAnalysis('blueGreen.rule', options.rule),
  };
  let usual: Judgement | undefined;
  return {
    name: 'blue-green',
    run: async (traffic) => {
      traffic.progress({
        message: `${traffic.old.version} is watched for what is usual`,
        percentNew: 0,
        done: 0,
      });
      const judged = judgeBoth(traffic, new Analysis(spec.analysis, performance.now()), ['old']);
      judged.look();
      await traffic.wait(spec.baselineMs);
      usual = judged.look();
    },
    bake: (traffic) => bake(spec, traffic, usual),
  };
}

async function bake(spec: BlueGreenSpec, traffic: Traffic, usual: Judgement | undefined): Promise<void> {
  const began = performance.now();
  const analysis = new Analysis(againstUsual(spec.analysis, usual), began);
  analysis.shares(began, 100);
  const judged = judgeBoth(traffic, analysis, ['new']);
  let told = Number.NEGATIVE_INFINITY;
  for (;;) {
    const judgement = judged.look();
    const now = performance.now();
    if (judgement.verdict === 'refuse') throw notAsUsual(traffic, judgement);
    if (now - told >= tellEveryMs) {
      told = now;
      const done = Math.min(1, (now - began) / Math.max(1, spec.bakeMs));
      const message = `all new calls go to ${traffic.new.version}: ${judgement.why}`;
      traffic.progress({ message, percentNew: 100, done, facts: { ...judgement } });
    }
    const leftMs = began + spec.bakeMs - now;
    if (leftMs <= 0 || traffic.promoted) return;
    await traffic.wait(Math.min(lookEveryMs, leftMs));
  }
}

/** The rule in absolute values: after the swap there is no old one to be compared with. What nothing is known of is not judged. */
function againstUsual(spec: AnalysisSpec, usual: Judgement | undefined): AnalysisSpec {
  const metrics = spec.metrics.flatMap((metric, index): MetricSpec[] => {
    if (metric.against === 'absolute') return [metric];
    const before = usual?.metrics[index]?.old;
    if (before === undefined) return [];
    const threshold =
      metric.metric === 'errors'
        ? Math.min(1, before + Math.max(metric.threshold, errorMargin))
        : metric.breach === 'below'
          ? before * metric.threshold
          : Math.max(before * metric.threshold, before + metric.minDifference);
    return [{ ...metric, against: 'absolute', threshold, windowMs: metric.windowMs ?? 60_000 }];
  });
  return { ...spec, metrics };
}

function notAsUsual({ plugin, new: { version } }: Traffic, judgement: Judgement): PluginError {
  return new PluginError(
    'BAKE_FAILED',
    `Version ${version} of plugin ${plugin} did worse than is usual: ${judgement.why}`,
    { facts: { version, score: judgement.score, metrics: judgement.metrics } },
  );
}
