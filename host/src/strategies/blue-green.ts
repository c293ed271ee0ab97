import { PluginError } from '@plugd/protocol/plugin-error';
import { Analysis } from '../analysis/analysis';
import type { Judgement } from '../analysis/judgement';
import { type AnalysisRule, type AnalysisSpec, type MetricSpec, resolveAnalysis } from '../analysis/rule';
import { checkedWaitMs, checkGroup } from '../instance/option-check';
import { judgeOne, monotonic, type Now } from './observation';
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
const baselineWindowMs = 60_000;

/**
 * Sends all calls to the new version at once, keeps the old one as it is, and goes back to it by rule. Throws PluginError
 * OPTIONS_INVALID. The strategy throws BAKE_FAILED.
 */
export function blueGreenStrategy(options: BlueGreenOptions = {}, now: Now = monotonic): UpgradeStrategy {
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
      const judged = judgeOne(traffic.old, new Analysis(measuring(spec.analysis), now()), now);
      judged.look();
      await traffic.wait(spec.baselineMs);
      usual = judged.look();
    },
    bake: (traffic) => bake(spec, traffic, usual, now),
  };
}

async function bake(
  spec: BlueGreenSpec,
  traffic: Traffic,
  usual: Judgement | undefined,
  now: Now,
): Promise<void> {
  const began = now();
  const analysis = new Analysis(againstUsual(spec.analysis, usual), began);
  analysis.shares(began, 100);
  const judged = judgeOne(traffic.new, analysis, now);
  let told = Number.NEGATIVE_INFINITY;
  for (;;) {
    const judgement = judged.look();
    const at = now();
    if (judgement.verdict === 'refuse') throw notAsUsual(traffic, judgement);
    if (at - told >= tellEveryMs) {
      told = at;
      const done = Math.min(1, (at - began) / Math.max(1, spec.bakeMs));
      const message = `all new calls go to ${traffic.new.version}: ${judgement.why}`;
      traffic.progress({ message, percentNew: 100, done, facts: { ...judgement } });
    }
    const leftMs = began + spec.bakeMs - at;
    if (leftMs <= 0 || traffic.promoted) return;
    await traffic.wait(Math.min(lookEveryMs, leftMs));
  }
}

/** The same metrics where nothing is too much: to know what is usual. */
function measuring(spec: AnalysisSpec): AnalysisSpec {
  const metrics = spec.metrics.map((metric): MetricSpec => {
    const most = metric.metric === 'errors' ? 1 : Number.MAX_VALUE;
    const threshold = metric.breach === 'below' ? 0 : most;
    return { ...metric, against: 'absolute', threshold, windowMs: metric.windowMs ?? baselineWindowMs };
  });
  return { ...spec, metrics };
}

/** The rule in absolute values: after the swap there is no old one to be compared with. What nothing is known of is not judged. */
function againstUsual(spec: AnalysisSpec, usual: Judgement | undefined): AnalysisSpec {
  const metrics = spec.metrics.flatMap((metric, index): MetricSpec[] => {
    if (metric.against === 'absolute') return [metric];
    const before = usual?.metrics[index]?.new;
    if (before === undefined) return [];
    const threshold =
      metric.metric === 'errors'
        ? Math.min(1, before + Math.max(metric.threshold, errorMargin))
        : metric.breach === 'below'
          ? before * metric.threshold
          : Math.max(before * metric.threshold, before + metric.minDifference);
    return [{ ...metric, against: 'absolute', threshold, windowMs: metric.windowMs ?? baselineWindowMs }];
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
