import {
  check,
  checkedChoice,
  checkedCount,
  checkedWaitMs,
  checkGroup,
  isRecord,
} from '../instance/option-check';

/** What can be judged of a version. Errors, p99 and call rate are of its calls, the other two of its instances. */
export type MetricName = 'errors' | 'p99' | 'call-rate' | 'cpu' | 'queue-length';

/** When one metric counts as breached. Plain data. */
export interface MetricRule {
  /**
   * - `errors`: the share of calls whose status is neither OK nor CANCELLED.
   * - `p99`: the time that the slowest hundredth of the unary calls takes, method by method.
   * - `call-rate`: how many calls come.
   * - `cpu`: processor time of an instance.
   * - `queue-length`: calls in flight on an instance.
   */
  readonly metric: MetricName;
  /** `old` compares with the old version at the same time, `absolute` with the threshold alone. Default `old`. */
  readonly against?: 'old' | 'absolute';
  /**
   * Against `old`: of `errors` by how much its share may be greater (default 0); of `p99` (1.5), `cpu` (2) and
   * `queue-length` (2) how many times the old one's; of `call-rate` how many times what its share of the traffic lets
   * expect (0.5, or 2 with `breach: 'above'`).
   *
   * `absolute`, where it must be given: of `errors` a share from 0 to 1, of `p99` milliseconds, of `call-rate` calls
   * a second, of `cpu` cores for an instance, of `queue-length` calls for an instance.
   */
  readonly threshold?: number;
  /** On which side of the threshold it is bad. Default `above`, of `call-rate` `below`; of `errors` and `p99` nothing else. */
  readonly breach?: 'above' | 'below';
  /**
   * A smaller difference from the old one harms nobody, whatever the factor. Default: of `p99` 2 ms, of `cpu` 0.05
   * cores, of `queue-length` 1 call. Not for `errors` and `call-rate`, and not where `against` is `absolute`.
   */
  readonly minDifference?: number;
  /** What a breach adds to the sum. Default 1. */
  readonly weight?: number;
  /**
   * How far back it looks, in milliseconds, from 1,000. Default 60,000; but of `errors` and `p99` against `old` all
   * that was seen, since they compare what was at the same time and lose nothing by it.
   */
  readonly windowMs?: number;
}

/** By which rule a new version is judged. Plain data. */
export interface AnalysisRule {
  /** Default: `errors` against the old one, and `p99` against 1.5 times the old one's. At most 16. */
  readonly metrics?: readonly MetricRule[];
  /** Sum of the weights of breached metrics at which the new version is refused. Default 1. */
  readonly abortAt?: number;
  /** Sum at or above which it is not promoted yet. Default: any breach keeps it from that. */
  readonly promoteBelow?: number;
  /** Calls that each side must have answered before anything is decided. Default 50. */
  readonly minCalls?: number;
  /**
   * How likely a version that is no worse may be refused by its calls, over the whole time and all metrics.
   * Default 0.001.
   */
  readonly alpha?: number;
}

/** A {@link MetricRule} with everything in it. */
export interface MetricSpec extends Required<Omit<MetricRule, 'windowMs'>> {
  /** Undefined: all that was seen. */
  readonly windowMs: number | undefined;
}

/** An {@link AnalysisRule} that was checked, with everything in it. */
export interface AnalysisSpec {
  readonly metrics: readonly MetricSpec[];
  readonly abortAt: number;
  /** Undefined: any breach keeps it from being promoted. */
  readonly promoteBelow: number | undefined;
  readonly minCalls: number;
  readonly alpha: number;
}

const metricNames: readonly MetricName[] = ['errors', 'p99', 'call-rate', 'cpu', 'queue-length'];
const standardMetrics: readonly MetricRule[] = [{ metric: 'errors' }, { metric: 'p99' }];
const MAX_METRICS = 16;

/** Throws PluginError OPTIONS_INVALID, naming what in `option` is wrong. */
export function resolveAnalysis(option: string, rule: AnalysisRule = {}): AnalysisSpec {
  checkGroup(option, rule);
  const { metrics = standardMetrics } = rule;
  const few = Array.isArray(metrics) && metrics.length > 0 && metrics.length <= MAX_METRICS;
  check(few, `${option}.metrics`, metrics, `a list of 1 to ${MAX_METRICS} rules`);
  const abortAt = checkedNumber(`${option}.abortAt`, rule.abortAt, 1, 0, false);
  const { promoteBelow } = rule;
  if (promoteBelow !== undefined) {
    checkedNumber(`${option}.promoteBelow`, promoteBelow, 0, 0, false);
    const good = promoteBelow <= abortAt;
    check(good, `${option}.promoteBelow`, promoteBelow, `at most abortAt, which is ${abortAt}`);
  }
  const alpha = rule.alpha ?? 0.001;
  check(inside(alpha, 1e-9, 0.1), `${option}.alpha`, alpha, 'a number from 1e-9 to 0.1');
  return {
    metrics: metrics.map((metric, i) => checkedMetric(`${option}.metrics[${i}]`, metric)),
    abortAt,
    promoteBelow,
    minCalls: checkedCount(`${option}.minCalls`, rule.minCalls, 50, 1, 1_000_000),
    alpha,
  };
}

function checkedMetric(option: string, rule: MetricRule): MetricSpec {
  check(isRecord(rule), option, rule, 'an object');
  const name: unknown = rule.metric;
  const known = metricNames.some((metric) => metric === name);
  check(known, `${option}.metric`, name, metricNames.map((metric) => `'${metric}'`).join(' or '));
  const { metric } = rule;
  const against = checkedChoice(`${option}.against`, rule.against, ['old', 'absolute'], 'old');
  const onlyAbove = metric === 'errors' || metric === 'p99';
  const breach = checkedChoice(
    `${option}.breach`,
    rule.breach,
    onlyAbove ? ['above'] : ['above', 'below'],
    metric === 'call-rate' ? 'below' : 'above',
  );
  const standardWindow = onlyAbove && against === 'old' ? undefined : 60_000;
  const { windowMs } = rule;
  return {
    metric,
    against,
    threshold: checkedThreshold(`${option}.threshold`, rule, against, breach),
    breach,
    minDifference: checkedDifference(`${option}.minDifference`, rule, against),
    weight: checkedNumber(`${option}.weight`, rule.weight, 1, 0, true),
    windowMs:
      windowMs === undefined ? standardWindow : checkedWaitMs(`${option}.windowMs`, windowMs, 0, 1_000),
  };
}

function checkedThreshold(
  option: string,
  { metric, threshold }: MetricRule,
  against: 'old' | 'absolute',
  breach: 'above' | 'below',
): number {
  if (against === 'absolute')
    check(threshold !== undefined, option, threshold, 'given with an absolute rule');
  if (metric === 'errors') {
    const share = threshold ?? 0;
    check(inside(share, 0, 0.999), option, share, 'a share from 0 to 0.999');
    return share;
  }
  return checkedNumber(option, threshold, standardFactor(metric, breach), 0, false);
}

function standardFactor(metric: MetricName, breach: 'above' | 'below'): number {
  if (metric === 'p99') return 1.5;
  return breach === 'above' ? 2 : 0.5;
}

function checkedDifference(
  option: string,
  { metric, minDifference }: MetricRule,
  against: 'old' | 'absolute',
): number {
  const standards = { errors: undefined, p99: 2, 'call-rate': undefined, cpu: 0.05, 'queue-length': 1 };
  const standard = against === 'old' ? standards[metric] : undefined;
  if (standard !== undefined) return checkedNumber(option, minDifference, standard, 0, true);
  check(minDifference === undefined, option, minDifference, `left out of this rule on ${metric}`);
  return 0;
}

function checkedNumber(
  option: string,
  value: number | undefined,
  standard: number,
  minimum: number,
  inclusive: boolean,
): number {
  if (value === undefined) return standard;
  const good = Number.isFinite(value) && (inclusive ? value >= minimum : value > minimum) && value <= 1e9;
  check(good, option, value, `a number ${inclusive ? 'of at least' : 'above'} ${minimum}`);
  return value;
}

function inside(value: number, least: number, most: number): boolean {
  return Number.isFinite(value) && value >= least && value <= most;
}
