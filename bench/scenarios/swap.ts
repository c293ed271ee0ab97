import { setTimeout as sleep } from 'node:timers/promises';
import { createHost, type Host, type HostEventListener, type Plugin } from '@plugd/host';
import { type Figures, median, ratios, type Scenario, type ScenarioContext, withSpread } from '../harness';
import { type Latencies, Load, type Window } from './load';
import { builtLanguages, type Language, sample } from './samples';

const LOOPS = 64;
const SWAPS = 30;
const WARM_UP = 3;
/** Quiet windows are as long as those around swaps: else the larger of two maxima would say nothing. */
const WINDOW_MS = 100;
const PAUSE_MS = 100;

const windows = ['quiet', 'start', 'swap', 'after'] as const;
type WindowName = (typeof windows)[number];
type Round = Readonly<Record<WindowName, Latencies>>;

/** What a caller notices of an upgrade, on a plugin that is called without pause. */
export const swap: Scenario = {
  name: 'swap',
  about: `latencies of ${LOOPS} unary loops around upgrades, against quiet time of the same run`,
  async run(context) {
    const figures: Figures = {};
    for (const language of builtLanguages(context.progress)) {
      const host = await createHost();
      try {
        Object.assign(figures, await upgradeUnderLoad(context, host, language));
      } finally {
        await host.close();
      }
    }
    return figures;
  },
};

async function upgradeUnderLoad(context: ScenarioContext, host: Host, language: Language): Promise<Figures> {
  const plugin = await host.load({ name: `kv-${language}`, ...sample(language) });
  const load = new Load(plugin, LOOPS);
  const rounds: Round[] = [];
  try {
    await sleep(1_000);
    for (let round = 1 - WARM_UP; round <= SWAPS; round++) {
      context.progress(`${language}, swap ${Math.max(0, round)} of ${SWAPS}`);
      const measured = await oneUpgrade(host, plugin, load, language);
      if (round > 0) rounds.push(measured);
    }
  } finally {
    await load.stop();
  }
  return report(context, language, rounds, load);
}

/**
 * quiet: nothing but calls. start: from the order to the swap, while the new process comes up beside the old one.
 * swap: from half a window before the swap to half a window after it. after: when the old process has left.
 */
async function oneUpgrade(host: Host, plugin: Plugin, load: Load, language: Language): Promise<Round> {
  await sleep(PAUSE_MS);
  const quiet = load.now();
  await sleep(WINDOW_MS);
  const begun = load.now();
  const swapped = swapTime(host, load);
  const version = plugin.status().version === '1.0.0' ? 2 : 1;
  await plugin.upgrade(sample(language, version));
  const at = await swapped;
  await sleep(WINDOW_MS / 2);
  const end = load.now();
  await sleep(WINDOW_MS);
  const half = WINDOW_MS / 2;
  const spans: Readonly<Record<WindowName, Window>> = {
    quiet: { from: quiet, to: begun },
    start: { from: begun, to: at },
    swap: { from: at - half, to: at + half },
    after: { from: end, to: end + WINDOW_MS },
  };
  const measured = Object.fromEntries(windows.map((name) => [name, load.latencies(spans[name])]));
  load.forget();
  return measured as Round;
}

function swapTime(host: Host, load: Load): Promise<number> {
  return new Promise((resolve) => {
    const listener: HostEventListener = (event) => {
      if (event.type !== 'operation' || event.step !== 'swap' || event.phase !== 'done') return;
      host.off('event', listener);
      resolve(load.now());
    };
    host.on('event', listener);
  });
}

function report(context: ScenarioContext, language: Language, rounds: readonly Round[], load: Load): Figures {
  const figures: Figures = {
    [`${language}_swaps`]: rounds.length,
    [`${language}_calls`]: load.calls,
    [`${language}_failed_calls`]: load.failed,
  };
  const rows: string[][] = [
    [
      `${language}, ${rounds.length} upgrades`,
      'calls',
      'p50 ms',
      'p99 ms',
      'max ms',
      'p50 ×',
      'p99 ×',
      'max ×',
    ],
  ];
  const pick = (window: WindowName, figure: keyof Latencies): number[] =>
    rounds.map((round) => round[window][figure]);
  for (const window of windows) {
    const row = [window, median(pick(window, 'calls')).toFixed(0)];
    const compared: string[] = [];
    for (const figure of ['p50', 'p99', 'max'] as const) {
      const values = pick(window, figure);
      const against = ratios(values, pick('quiet', figure));
      row.push(withSpread(values, 2));
      compared.push(window === 'quiet' ? '' : withSpread(against, 2));
      figures[`${language}_${window}_${figure}_ms`] = median(values);
      if (window !== 'quiet') figures[`${language}_${window}_${figure}_ratio`] = median(against);
    }
    rows.push([...row, ...compared]);
  }
  rows.push(['all', String(load.calls), `${load.failed} failed`]);
  context.table(rows);
  return figures;
}
