import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { createHost, type Host, stderrLogger } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import {
  type Figures,
  interleave,
  median,
  quantile,
  ratios,
  type Scenario,
  type ScenarioContext,
  withSpread,
} from '../harness';
import { builtLanguages, type Language, sample } from './samples';

const ROUNDS = 20;
const WARM_UP = 3;
/** Between a call that failed and the next: an application that tries again would wait longer. */
const PAUSE_MS = 2;
/** Far beyond any start: a plugin that is not back by then does not come back. */
const PATIENCE_MS = 30_000;
const TARGET_RATIO = 1.3;

/** One life of a plugin: how long its first start took, and how long it was away when it was killed. */
interface Life {
  readonly startMs: number;
  readonly recoverMs: number;
  /** Calls that got an error meanwhile: the others waited for the new process. */
  readonly failed: number;
}

/** What a caller notices of a crash, against what a start of the same plugin takes. */
export const recover: Scenario = {
  name: 'recover',
  about: 'from SIGKILL of a plugin to the first good call, against its own start',
  async run(context) {
    // Each crash is logged as an error, which here it is not.
    const host = await createHost({ logger: { ...stderrLogger(), error: () => {} } });
    try {
      const languages = builtLanguages(context.progress);
      const variants = Object.fromEntries(
        languages.map((language) => [language, () => oneLife(host, language)]),
      ) as Record<Language, () => Promise<Life>>;
      const lives = await interleave(ROUNDS, WARM_UP, variants, (round, of) =>
        context.progress(`round ${round} of ${of}`),
      );
      return report(context, languages, lives);
    } finally {
      await host.close();
    }
  },
};

let loaded = 0;

/** A plugin for each round, since one that crashes again and again is given up. */
async function oneLife(host: Host, language: Language): Promise<Life> {
  const begin = performance.now();
  const plugin = await host.load({ ...sample(language), name: `kv-${language}-${++loaded}` });
  try {
    const kv = plugin.client(KvDefinition);
    const { pid } = await kv.get({ key: 'key' });
    const startMs = performance.now() - begin;
    const crashed = performance.now();
    process.kill(pid, 'SIGKILL');
    for (let failed = 0; ; failed++) {
      const left = crashed + PATIENCE_MS - performance.now();
      if (left <= 0) throw new Error(`${plugin.name} did not come back within ${PATIENCE_MS} ms`);
      const answer = await kv.get({ key: 'key' }, { timeoutMs: left }).catch(() => undefined);
      if (answer !== undefined && answer.pid !== pid) {
        return { startMs, recoverMs: performance.now() - crashed, failed };
      }
      await sleep(PAUSE_MS);
    }
  } finally {
    await plugin.stop();
  }
}

/** Each life's own start is what its recovery is held against. */
function report(
  context: ScenarioContext,
  languages: readonly Language[],
  lives: Readonly<Record<Language, readonly Life[]>>,
): Figures {
  const figures: Figures = {};
  const rows = [['plugin', 'start ms', 'recovery ms', 'of a start', 'target', 'calls that failed']];
  for (const language of languages) {
    const starts = lives[language].map(({ startMs }) => startMs);
    const recoveries = lives[language].map(({ recoverMs }) => recoverMs);
    const failed = lives[language].map((life) => life.failed);
    const compared = ratios(recoveries, starts);
    figures[`${language}_start_ms`] = median(starts);
    figures[`${language}_recover_ms`] = median(recoveries);
    figures[`${language}_recover_p90_ms`] = quantile(recoveries, 0.9);
    figures[`${language}_recover_ratio`] = median(compared);
    figures[`${language}_failed_calls`] = median(failed);
    rows.push([
      language,
      withSpread(starts, 1),
      withSpread(recoveries, 1),
      `× ${withSpread(compared, 2)}`,
      `≤ × ${TARGET_RATIO}`,
      withSpread(failed, 1),
    ]);
  }
  context.table(rows);
  return figures;
}
