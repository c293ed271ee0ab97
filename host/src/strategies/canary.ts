import { PluginError } from '@plugd/protocol/plugin-error';
import { Analysis } from '../analysis/analysis';
import type { Judgement } from '../analysis/judgement';
import { type AnalysisRule, type AnalysisSpec, resolveAnalysis } from '../analysis/rule';
import { check, checkedCount, checkedWaitMs, checkGroup, isText } from '../instance/option-check';
import { judgeBoth, monotonic, type Now } from './observation';
import type { Traffic, UpgradeStrategy } from './traffic';

/** One step of a canary. */
export interface CanaryStep {
  /** The share of new calls that goes to the new version, in percent: greater than the step's before, 100 in the last one. */
  readonly weight: number;
  /** How long it has to do well, in milliseconds. Default: `bakeMs` of the canary. */
  readonly bakeMs?: number;
}

/** How a canary goes. Plain data. */
export interface CanaryOptions {
  /** Default: 5, 25, 50 and 100 percent. */
  readonly steps?: readonly CanaryStep[];
  /** How long each step lasts at least, in milliseconds. Default 30,000. */
  readonly bakeMs?: number;
  /** How long a step may wait for enough calls, in milliseconds; then CANARY_INCONCLUSIVE. Default 600,000. */
  readonly maxStepMs?: number;
  /**
   * The key of the calls' metadata by whose value they stay on one version: as the share grows, callers go over to the new one,
   * and none comes back. Calls without it are shared one by one. Default: none.
   */
  readonly stickyKey?: string;
  /** Calls that each version must have answered in a step before it ends. Default: that of the rule, 50. */
  readonly minCalls?: number;
  /** When the new one is refused, and when it may go on. Default: no more errors than the old one, and no p99 above 1.5 times its. */
  readonly rule?: AnalysisRule;
}

interface CanarySpec {
  readonly steps: readonly Required<CanaryStep>[];
  readonly maxStepMs: number;
  readonly stickyKey: string | undefined;
  readonly analysis: AnalysisSpec;
}

const standardSteps: readonly CanaryStep[] = [{ weight: 5 }, { weight: 25 }, { weight: 50 }, { weight: 100 }];
const mostSteps = 100;
/** How often the calls are judged. */
const lookEveryMs = 200;
/** How often it tells how it goes, where nothing else happens. */
const tellEveryMs = 1_000;

/**
 * Sends a growing share of the calls to the new version, for as long as it does no worse than the old one at the same time.
 *
 * Throws PluginError OPTIONS_INVALID. The strategy throws CANARY_REFUSED and CANARY_INCONCLUSIVE.
 */
export function canaryStrategy(options: CanaryOptions = {}, now: Now = monotonic): UpgradeStrategy {
  const spec = resolve(options);
  const [first] = spec.steps;
  return {
    name: 'canary',
    firstInstances: (instances) => instancesFor(first?.weight ?? 100, instances),
    run: (traffic) => run(spec, traffic, now),
  };
}

function resolve(options: CanaryOptions): CanarySpec {
  checkGroup('canary', options);
  const { steps = standardSteps, stickyKey, rule = {} } = options;
  const bakeMs = checkedWaitMs('canary.bakeMs', options.bakeMs, 30_000, 0);
  const listed = Array.isArray(steps) && steps.length > 0 && steps.length <= mostSteps;
  check(listed, 'canary.steps', steps, `a list of 1 to ${mostSteps} steps`);
  let before = 0;
  const checked = steps.map((step, index) => {
    const option = `canary.steps[${index}]`;
    checkGroup(option, step);
    const { weight } = step;
    const good = Number.isFinite(weight) && weight > before && weight <= 100;
    check(good, `${option}.weight`, weight, `a number above ${before}, up to 100`);
    before = weight;
    return { weight, bakeMs: checkedWaitMs(`${option}.bakeMs`, step.bakeMs, bakeMs, 0) };
  });
  check(before === 100, `canary.steps[${steps.length - 1}].weight`, before, '100, since it is the last one');
  check(
    stickyKey === undefined || (isText(stickyKey) && /^[0-9a-z_.-]+$/.test(stickyKey)),
    'canary.stickyKey',
    stickyKey,
    'the key of metadata: lower-case letters, digits, "_", "-" and "."',
  );
  const analysis = resolveAnalysis('canary.rule', rule);
  const minCalls = checkedCount('canary.minCalls', options.minCalls, analysis.minCalls, 1, 1_000_000);
  return {
    steps: checked,
    maxStepMs: checkedWaitMs('canary.maxStepMs', options.maxStepMs, 600_000, 1),
    stickyKey,
    analysis: { ...analysis, minCalls },
  };
}

/** So many that each has no more to do than one of the old ones. */
function instancesFor(weight: number, instances: number): number {
  return Math.max(1, Math.ceil((instances * weight) / 100));
}

async function run(spec: CanarySpec, traffic: Traffic, now: Now): Promise<void> {
  const analysis = new Analysis(spec.analysis, now());
  const judged = judgeBoth(traffic, analysis, now);
  for (const [index, step] of spec.steps.entries()) {
    const { weight } = step;
    const needed = instancesFor(weight, traffic.new.whole);
    if (traffic.new.instances < needed) await traffic.new.resize(needed);
    traffic.split(weight, spec.stickyKey === undefined ? {} : { stickyKey: spec.stickyKey });
    const began = now();
    analysis.shares(began, weight);
    analysis.beginStep();
    const tell = (judgement: Judgement): void =>
      traffic.progress({
        message: `${weight} % of new calls go to ${traffic.new.version}: ${judgement.why}`,
        percentNew: weight,
        done: (index + Math.min(1, (now() - began) / Math.max(1, step.bakeMs))) / spec.steps.length,
        facts: { step: index + 1, steps: spec.steps.length, ...judgement },
      });
    tell(judged.look());
    let told = began;
    for (;;) {
      const leftMs = began + step.bakeMs - now();
      await traffic.wait(leftMs > 0 ? Math.min(lookEveryMs, leftMs) : lookEveryMs);
      const judgement = judged.look();
      if (judgement.verdict === 'refuse') {
        tell(judgement);
        throw refused(traffic, weight, judgement);
      }
      const at = now();
      // At the last step nobody is left to be compared with, and it has had its calls.
      const enough = judgement.verdict === 'promote' || weight === 100;
      if (traffic.promoted || (at - began >= step.bakeMs && enough)) {
        tell(judgement);
        break;
      }
      if (at - began >= Math.max(spec.maxStepMs, step.bakeMs)) throw inconclusive(traffic, weight, judgement);
      if (at - told >= tellEveryMs) {
        told = at;
        tell(judgement);
      }
    }
    if (traffic.promoted) return;
  }
}

function refused(traffic: Traffic, weight: number, judgement: Judgement): PluginError {
  return new PluginError(
    'CANARY_REFUSED',
    `Version ${traffic.new.version} of plugin ${traffic.plugin} did worse than ${traffic.old.version} at ${weight} % of the calls: ${judgement.why}`,
    { facts: { ...about(traffic, weight), score: judgement.score, metrics: judgement.metrics } },
  );
}

function inconclusive(traffic: Traffic, weight: number, judgement: Judgement): PluginError {
  return new PluginError(
    'CANARY_INCONCLUSIVE',
    `Version ${traffic.new.version} of plugin ${traffic.plugin} could not be judged at ${weight} % of the calls: ${judgement.why}`,
    { facts: { ...about(traffic, weight), calls: judgement.calls, metrics: judgement.metrics } },
  );
}

function about({ new: { version } }: Traffic, weight: number): Readonly<Record<string, unknown>> {
  return { version, weight };
}
