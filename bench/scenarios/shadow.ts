import { setTimeout as sleep } from 'node:timers/promises';
import { type CallTap, createHost, type Host, shadowStrategy, type Traffic } from '@plugd/host';
import {
  type Figures,
  interleave,
  measure,
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

interface Sample extends Latencies {
  /** What the host's process spent on one call of a caller, mirroring included, in user and system time. */
  readonly cpuUs: number;
}

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
  const measured: { samples?: Record<Variant, Sample[]>; compared: number } = { compared: 0 };
  const run = async (traffic: Traffic): Promise<void> => {
    const shadowed = new Windows(traffic);
    const strategy = shadowStrategy({
      ignore: ['served_by', 'pid'],
      minCalls: 2 ** 40,
      timeoutMs: 3_600_000,
    });
    const ran = strategy.run(shadowed.traffic);
    const quiet = (): Promise<Sample> => window(load);
    measured.samples = await interleave<Variant, Sample>(
      ROUNDS,
      WARM_UP,
      {
        quiet,
        control: quiet,
        shadow: async () => {
          shadowed.open();
          try {
            return await window(load);
          } finally {
            shadowed.shut();
          }
        },
      },
      (round, of) => context.progress(`${language}, round ${round} of ${of}`),
    );
    shadowed.end();
    await ran;
    measured.compared = strategy.report?.compared ?? 0;
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

/** Lets a strategy see calls in windows alone: what it does once is none of theirs. */
class Windows {
  readonly traffic: Traffic;
  readonly #real: Traffic;
  #tap: CallTap | undefined;
  #ended = false;

  constructor(real: Traffic) {
    this.#real = real;
    const ended = (): boolean => this.#ended;
    this.traffic = {
      ...real,
      get promoted() {
        return ended();
      },
      tap: (tap) => {
        this.#tap = tap;
      },
    };
  }

  open(): void {
    this.#real.tap(this.#tap);
  }

  shut(): void {
    this.#real.tap(undefined);
  }

  end(): void {
    this.#ended = true;
  }
}

async function window(load: Load): Promise<Sample> {
  load.forget();
  const [from, before] = [load.now(), load.calls];
  const { cpuMs } = await measure(async () => {
    await sleep(WINDOW_MS);
  });
  const cpuUs = (cpuMs * 1000) / (load.calls - before);
  return { ...load.latencies({ from, to: load.now() }), cpuUs };
}

function report(
  context: ScenarioContext,
  language: Language,
  samples: Readonly<Record<Variant, Sample[]>>,
  load: Load,
  compared: number,
): Figures {
  const figures: Figures = {
    [`${language}_compared`]: compared,
    [`${language}_failed_calls`]: load.failed,
  };
  const rows = [
    [language, 'calls', 'p50 ms', 'p99 ms', 'CPU µs/call', 'p50 ×quiet', 'p99 ×quiet', 'CPU ×quiet'],
  ];
  const pick = (variant: Variant, figure: keyof Sample): number[] =>
    samples[variant].map((one) => one[figure]);
  for (const variant of ['quiet', 'control', 'shadow'] as const) {
    const row = [
      variant,
      median(pick(variant, 'calls')).toFixed(0),
      withSpread(pick(variant, 'p50')),
      withSpread(pick(variant, 'p99')),
      withSpread(pick(variant, 'cpuUs'), 1),
    ];
    for (const figure of ['p50', 'p99', 'cpuUs'] as const) {
      const against = ratios(pick(variant, figure), pick('quiet', figure));
      row.push(variant === 'quiet' ? '' : withSpread(against));
      const [name, unit] = figure === 'cpuUs' ? ['cpu', 'us_per_call'] : [figure, 'ms'];
      figures[`${language}_${variant}_${name}_${unit}`] = median(pick(variant, figure));
      if (variant !== 'quiet') figures[`${language}_${variant}_${name}_ratio`] = median(against);
    }
    rows.push(row);
  }
  context.table(rows);
  return figures;
}
