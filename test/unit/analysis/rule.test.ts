import { type AnalysisRule, resolveAnalysis } from '../../../host/src/analysis/rule';

describe('the rule by which a version is judged', () => {
  test('errors and p99 against the old version are looked at where nothing is said', () => {
    const spec = resolveAnalysis('analysis');
    expect(spec).toMatchObject({ abortAt: 1, promoteBelow: undefined, minCalls: 50, alpha: 0.001 });
    expect(spec.metrics).toMatchObject([
      { metric: 'errors', against: 'old', threshold: 0, breach: 'above', weight: 1, windowMs: undefined },
      { metric: 'p99', against: 'old', threshold: 1.5, minDifference: 2, breach: 'above' },
    ]);
  });

  test('the call rate is bad when it is low, half of what is due', () => {
    const [low, high] = resolveAnalysis('analysis', {
      metrics: [{ metric: 'call-rate' }, { metric: 'call-rate', breach: 'above' }],
    }).metrics;
    expect(low).toMatchObject({ breach: 'below', threshold: 0.5, windowMs: 60_000 });
    expect(high).toMatchObject({ breach: 'above', threshold: 2 });
  });

  const bad: [string, unknown][] = [
    ['analysis', 'strict'],
    ['analysis.metrics', []],
    ['analysis.metrics', 'errors'],
    ['analysis.metrics', Array(17).fill({ metric: 'errors' })],
    ['analysis.metrics[0]', null],
    ['analysis.metrics[1].metric', 'p98'],
    ['analysis.metrics[0].against', 'new'],
    ['analysis.metrics[0].threshold', Number.NaN],
    ['analysis.metrics[0].breach', 'below'],
    ['analysis.metrics[0].minDifference', 1],
    ['analysis.metrics[0].weight', -1],
    ['analysis.metrics[0].windowMs', 10],
    ['analysis.abortAt', 0],
    ['analysis.promoteBelow', 1.1],
    ['analysis.minCalls', 0],
    ['analysis.alpha', 0.5],
  ];
  test.each(bad)('what is wrong in %s is refused by its name', (option, value) => {
    expect(() => resolveAnalysis('analysis', holding(option, value))).toThrow(
      expect.objectContaining({ code: 'OPTIONS_INVALID', facts: { option } }),
    );
  });

  test('an absolute rule has no threshold by itself', () => {
    const rule: AnalysisRule = { metrics: [{ metric: 'cpu', against: 'absolute' }] };
    expect(() => resolveAnalysis('a', rule)).toThrow(
      expect.objectContaining({ facts: { option: 'a.metrics[0].threshold' } }),
    );
  });
});

/** A rule with that one value in it: what nobody's types let through comes from files all the same. */
function holding(option: string, value: unknown): AnalysisRule {
  const path = option.split(/[.[\]]+/).filter((part) => part !== '');
  const text = path.slice(1).reduceRight<unknown>((inner, part) => {
    if (!/^\d+$/.test(part))
      return part === 'metrics' || path.length === 2 ? { [part]: inner } : field(part, inner);
    return [...Array(Number(part)).fill({ metric: 'errors' }), inner];
  }, value);
  return text as AnalysisRule;
}

function field(part: string, value: unknown): unknown {
  return { metric: 'errors', [part]: value };
}
