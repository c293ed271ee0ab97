import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { createHost, type Host, type HostEventListener, type Plugin, type UpgradeReport } from '@plugd/host';
import { type Figures, median, quantile, type Scenario, type ScenarioContext, withSpread } from '../harness';
import { CounterLoad } from './counter-load';
import { builtLanguages, counterSample, type Language } from './samples';
import { WireWatch } from './wire-watch';

const CALLERS = 32;
const KEYS = 8;
const HANDOFFS = 40;
const WARM_UP = 4;
const PAUSE_MS = 200;

/** The steps for which new calls wait, in their order. A counter has nothing to release. */
const heldSteps = [
  'hold',
  'quiesce',
  'pause',
  'snapshot',
  'restore',
  'check',
  'swap',
  'activate',
  'release-calls',
] as const;
type HeldStep = (typeof heldSteps)[number];
/** Those of which the plugin's answer is a part. Of `check` that is also what its health, asked for beside it, takes longer. */
const answered: readonly HeldStep[] = ['pause', 'snapshot', 'restore', 'check', 'activate'];

interface Round {
  readonly report: UpgradeReport;
  /** From the hold to the last answer of the old process, in milliseconds. */
  readonly lastCallsMs: number;
  /** What the wire has of each step, in milliseconds. */
  readonly onWire: ReadonlyMap<HeldStep, number>;
  /** The pause without these two. */
  readonly beyondMs: number;
}

/**
 * pause: how long new calls waited in the host, by the report. The plugin's own part of it: that its calls in flight end,
 * and that it answers Pause, Snapshot, Restore, Check and Activate. The first is taken from the hold to the last answer that
 * a caller has of the old process; as the callers live in the host's process, their own work is in it. The others are taken on the
 * wire, in the same handoff: see WireWatch. Beyond the plugin is all the rest: what the host does before, between and after these
 * calls, its journal and the snapshot on disk, and that the machine lets it wait.
 */
export const handoff: Scenario = {
  name: 'handoff',
  about: `what ${CALLERS} callers of a counter notice while its state is handed over, with a journal on disk`,
  async run(context) {
    const figures: Figures = { failed: 0, gaps: 0, repeats: 0 };
    const beyond: number[] = [];
    for (const language of builtLanguages(context.progress)) {
      const stateDir = mkdtempSync(join(tmpdir(), 'plugd-bench-'));
      const host = await createHost({ stateDir });
      try {
        const measured = await handoffsUnderLoad(context, host, language);
        Object.assign(figures, measured.figures);
        for (const name of ['failed', 'gaps', 'repeats']) {
          figures[name] = (figures[name] ?? 0) + (measured.figures[`${language}_${name}`] ?? 0);
        }
        beyond.push(...measured.rounds.map(({ beyondMs }) => beyondMs));
      } finally {
        await host.close();
        rmSync(stateDir, { recursive: true });
      }
    }
    return {
      ...figures,
      pause_beyond_plugin_ms_p50: median(beyond),
      pause_beyond_plugin_ms_p99: quantile(beyond, 0.99),
    };
  },
};

async function handoffsUnderLoad(
  context: ScenarioContext,
  host: Host,
  language: Language,
): Promise<{ readonly figures: Figures; readonly rounds: readonly Round[] }> {
  const plugin = await host.load({ name: `counter-${language}`, ...counterSample(language, 1) });
  const wire = new WireWatch();
  const load = new CounterLoad(plugin, CALLERS, KEYS);
  const rounds: Round[] = [];
  try {
    await sleep(1_000);
    for (let round = 1 - WARM_UP; round <= HANDOFFS; round++) {
      context.progress(`${language}, handoff ${Math.max(0, round)} of ${HANDOFFS}`);
      await sleep(PAUSE_MS);
      load.forget();
      wire.forget();
      const version = plugin.status().version === '1.0.0' ? 2 : 1;
      const measured = await oneHandoff(host, plugin, { load, wire, to: counterSample(language, version) });
      if (round > 0) rounds.push(measured);
    }
  } finally {
    await load.stop();
    wire.close();
  }
  if (load.firstFailure !== undefined)
    context.progress(`the first failed call: ${String(load.firstFailure)}`);
  return { figures: report(context, language, rounds, load), rounds };
}

async function oneHandoff(
  host: Host,
  plugin: Plugin,
  {
    load,
    wire,
    to,
  }: {
    readonly load: CounterLoad;
    readonly wire: WireWatch;
    readonly to: ReturnType<typeof counterSample>;
  },
): Promise<Round> {
  const began = new Map<string, number>();
  const done = new Map<string, number>();
  const listener: HostEventListener = (event) => {
    if (event.type !== 'operation') return;
    if (event.phase === 'started') began.set(event.step, performance.now());
    if (event.phase === 'done') done.set(event.step, performance.now());
  };
  host.on('event', listener);
  const result = await plugin.upgrade(to);
  host.off('event', listener);
  const heldAt = done.get('hold') ?? Number.NaN;
  const last = load.lastAnswerOf(result.from.pid ?? 0) ?? heldAt;
  const lastCallsMs = Math.max(0, last - heldAt);
  const onWire = new Map(
    answered.map((step) => {
      const window = { from: began.get(step) ?? Number.NaN, to: done.get(step) ?? Number.NaN };
      return [step, wire.busyMs(window)];
    }),
  );
  const ownMs = [...onWire.values()].reduce((sum, ms) => sum + ms, lastCallsMs);
  return { report: result, lastCallsMs, onWire, beyondMs: result.pauseMs - ownMs };
}

function report(
  context: ScenarioContext,
  language: Language,
  rounds: readonly Round[],
  load: CounterLoad,
): Figures {
  const { gaps, repeats } = load.verdict();
  const beyond = rounds.map(({ beyondMs }) => beyondMs);
  const pauses = rounds.map(({ report: { pauseMs } }) => pauseMs);
  const lastCalls = rounds.map(({ lastCallsMs }) => lastCallsMs);
  const answers = rounds.map(({ onWire }) => [...onWire.values()].reduce((sum, ms) => sum + ms, 0));
  const rows: string[][] = [
    [`${language}, ${rounds.length} handoffs`, 'p50 ms', 'p99 ms', 'on the wire, p50 ms'],
  ];
  const row = (name: string, values: readonly number[], wire?: readonly number[]): void => {
    rows.push([
      name,
      withSpread(values, 2),
      quantile(values, 0.99).toFixed(2),
      wire === undefined ? '' : withSpread(wire, 2),
    ]);
  };
  row('pause', pauses);
  for (const step of heldSteps) {
    const took = rounds.map(
      ({ report: { steps } }) => steps.find((one) => one.step === step)?.elapsedMs ?? 0,
    );
    const wire = rounds.map(({ onWire }) => onWire.get(step) ?? Number.NaN);
    row(`  ${step}`, took, answered.includes(step) ? wire : undefined);
  }
  row('its calls in flight', lastCalls);
  row('its answers', answers);
  row('beyond the plugin', beyond);
  rows.push(['calls', String(load.calls), `${load.failed} failed`, `${gaps} gaps, ${repeats} repeats`]);
  context.table(rows);
  return {
    [`${language}_handoffs`]: rounds.length,
    [`${language}_calls`]: load.calls,
    [`${language}_failed`]: load.failed,
    [`${language}_gaps`]: gaps,
    [`${language}_repeats`]: repeats,
    [`${language}_pause_ms_p50`]: median(pauses),
    [`${language}_pause_ms_p99`]: quantile(pauses, 0.99),
    [`${language}_calls_in_flight_ms_p50`]: median(lastCalls),
    [`${language}_answers_ms_p50`]: median(answers),
    [`${language}_pause_beyond_plugin_ms_p50`]: median(beyond),
    [`${language}_pause_beyond_plugin_ms_p99`]: quantile(beyond, 0.99),
  };
}
