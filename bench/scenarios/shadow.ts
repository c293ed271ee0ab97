import { setTimeout as sleep } from 'node:timers/promises';
import { createHost, type Host, shadowStrategy, type Traffic } from '@plugd/host';
import {
  type Figures,
  interleave,
  median,
  ratios,
  type Scenario,
  type ScenarioContext,
  withSpread,
} from '../harness';
import { type Latencies, Load } from './load';
import { builtLanguages, type Language, sample } from './samples';

const LOOPS = 16;
const ROUNDS = 40;
const WARM_UP = 4;
/** Some thousand calls, so that one in a hundred of them is more than an accident. */
const WINDOW_MS = 500;

/** `quiet` twice: what it differs from itself is noise. */
type Variant = 'quiet' | 'shadow' | 'control';

/** What callers notice when their calls are mirrored: both versions run all the time, and only the mirroring comes and goes. */
export const shadow: Scenario = {
  name: 'shadow',
  about: `latencies of ${LOOPS} unary loops while calls are mirrored, against windows of the same run in which none is`,
  async run(context) {
    const figures: Figures = {};
    for (const language of builtLanguages(context.progress)) {
      const host = await createHost();
      try {
        Object.assign(figures, await mirrored(context, host, language));
      } finally {
        await host.close();
      }
    }
    return figures;
  },
};

async function mirrored(context: ScenarioContext, host: Host, language: Language): Promise<Figures> {
  const plugin = await host.load({ name: `kv-${language}`, ...sample(language) });
  const load = new Load(plugin, LOOPS);
  const measured: { samples?: Record<Variant, Latencies[]>; compared: number } = { compared: 0 };
  const run = async (traffic: Traffic): Promise<void> => {
    const window = async (work: () => Promise<unknown>): Promise<Latencies> => {
      load.forget();
      const from = load.now();
      await work();
      return load.latencies({ from, to: load.now() });
    };
    const quiet = (): Promise<Latencies> => window(() => sleep(WINDOW_MS));
    measured.samples = await interleave<Variant, Latencies>(
      ROUNDS,
      WARM_UP,
      {
        quiet,
        control: quiet,
        shadow: () =>
          window(async () => {
            const strategy = shadowStrategy({
              ignore: ['served_by', 'pid'],
              minCalls: 1,
              durationMs: WINDOW_MS,
            });
            await strategy.run(traffic);
            measured.compared += strategy.report?.compared ?? 0;
          }),
      },
      (round, of) => context.progress(`${language}, round ${round} of ${of}`),
    );
  };
  try {
    await sleep(1_000);
    await plugin.upgrade({
      ...sample(language, 2),
      strategy: { name: 'windows', run },
      shiftTimeoutMs: 600_000,
    });
  } finally {
    await load.stop();
  }
  const { samples, compared } = measured;
  if (samples === undefined) throw new Error('nothing was measured');
  return report(context, language, samples, load, compared);
}

function report(
  context: ScenarioContext,
  language: Language,
  samples: Readonly<Record<Variant, Latencies[]>>,
  load: Load,
  compared: number,
): Figures {
  const figures: Figures = {
    [`${language}_compared`]: compared,
    [`${language}_failed_calls`]: load.failed,
  };
  const rows = [[language, 'calls', 'p50 ms', 'p99 ms', 'p50 ×quiet', 'p99 ×quiet']];
  const pick = (variant: Variant, figure: keyof Latencies): number[] =>
    samples[variant].map((one) => one[figure]);
  for (const variant of ['quiet', 'control', 'shadow'] as const) {
    const row = [
      variant,
      median(pick(variant, 'calls')).toFixed(0),
      withSpread(pick(variant, 'p50')),
      withSpread(pick(variant, 'p99')),
    ];
    for (const figure of ['p50', 'p99'] as const) {
      const against = ratios(pick(variant, figure), pick('quiet', figure));
      row.push(variant === 'quiet' ? '' : withSpread(against));
      figures[`${language}_${variant}_${figure}_ms`] = median(pick(variant, figure));
      if (variant !== 'quiet') figures[`${language}_${variant}_${figure}_ratio`] = median(against);
    }
    rows.push(row);
  }
  context.table(rows);
  return figures;
}
