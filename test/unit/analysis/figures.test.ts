import { simulate } from './simulation';
import { equalWorlds, worseWorlds } from './worlds';

// How many calls a refusal takes, and how often chance refuses, in thousands of simulated canaries: minutes of work,
// so only in the whole run, which prints the figures. `ANALYSIS_RUNS` is their number for each line.
const whole = process.env['PLUGD_FULL'] === '1';
const runs = Number(process.env['ANALYSIS_RUNS'] ?? 100);
const shares = [5, 25, 50];

(whole ? describe : describe.skip)('a thousand canaries', () => {
  test.each(Object.entries(worseWorlds))(
    '%s is found',
    (name, world) => {
      for (const share of shares) {
        const outcomes = seeds().map((seed) => simulate(world(share), seed, 60_000));
        const calls = outcomes.map(({ newCalls }) => newCalls).sort((a, b) => a - b);
        const at = (quantile: number) => calls[Math.floor(calls.length * quantile)];
        process.stdout.write(
          `${name}, ${share} %: median ${at(0.5)}, p95 ${at(0.95)}, most ${calls.at(-1)}\n`,
        );
        expect(outcomes.filter(({ judgement }) => judgement.verdict !== 'refuse')).toEqual([]);
      }
    },
    3_600_000,
  );

  test.each(Object.entries(equalWorlds))(
    'an equal version is not refused: %s',
    (name, world) => {
      for (const share of shares) {
        const refused = seeds()
          .map((seed) => simulate({ ...world(share, 31 * seed), callsPerSecond: 80 }, seed, 6_400))
          .filter(({ judgement }) => judgement.verdict === 'refuse');
        const by = refused.map(({ judgement, newCalls }) => `${judgement.why} (${newCalls})`);
        process.stdout.write(`${name}, ${share} %: ${refused.length} of ${runs} refused ${by.join(' ')}\n`);
        // One process that pauses alone for a second now and then is worse meanwhile, for all that anybody can know.
        const allowed = name.startsWith('long pauses') ? 0.1 : 0.003;
        expect(refused.length).toBeLessThanOrEqual(Math.ceil(allowed * runs));
      }
    },
    3_600_000,
  );
});

function seeds(): number[] {
  return Array.from({ length: runs }, (_, i) => i + 1);
}
