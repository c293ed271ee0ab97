import { HealthJudge, type ProbeOutcome } from '../../../host/src/supervision/health-judge';

const outcome = (status: ProbeOutcome['status'], stalledMs = 0): ProbeOutcome => ({
  status,
  sentAt: 0,
  answeredAt: 2_000,
  stalledMs,
});
const verdicts = (judge: HealthJudge, outcomes: readonly ProbeOutcome[]) =>
  outcomes.map((one) => judge.record(one));
const judge = () => new HealthJudge({ failures: 3 });

describe('what health checks amount to', () => {
  test('it takes so many failures in a row', () => {
    const [bad, good] = [outcome('failed'), outcome('serving')];
    expect(verdicts(judge(), [bad, bad, good, bad, bad, bad, bad])).toEqual([
      'wait',
      'wait',
      'well',
      'wait',
      'wait',
      'unhealthy',
      'unhealthy',
    ]);
  });

  test('a plugin that says it does not serve is believed, however late the host was', () => {
    const bad = outcome('not-serving', 2_000);
    expect(verdicts(judge(), [bad, bad, bad])).toEqual(['wait', 'wait', 'unhealthy']);
  });

  test('a plugin without a health service is alive if it answers', () => {
    expect(judge().record(outcome('unknown'))).toBe('well');
  });

  test('silence is excused while the host was late, and breaks no row of failures', () => {
    const [bad, excused] = [outcome('failed'), outcome('failed', 500)];
    expect(verdicts(judge(), [bad, excused, bad, excused, bad])).toEqual([
      'wait',
      'wait',
      'wait',
      'wait',
      'unhealthy',
    ]);
  });

  test('a little lateness excuses nothing', () => {
    const bad = outcome('failed', 499);
    expect(verdicts(judge(), [bad, bad, bad]).at(-1)).toBe('unhealthy');
  });

  test('a host that is late for ever does not hide a plugin that hangs for ever', () => {
    const all = verdicts(judge(), Array(11).fill(outcome('failed', 2_000)));
    expect(all.indexOf('unhealthy')).toBe(10);
  });
});
