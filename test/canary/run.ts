import { rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type OperationHandle, type Plugin, PluginError } from '@plugd/host';
import type { MetricJudgement } from '../../host/src/analysis/judgement';
import { CanaryBook, type CanaryCall, withinWeight } from '../support/canary-book';
import { CanaryCallers } from '../support/canary-callers';
import { reachesShare, turnPages } from '../support/canary-progress';
import type { CanaryOrder } from '../upgrade/canary-plugin';
import type { Scenario } from './scenario';

/** What came of one trial. */
export interface Outcome {
  readonly outcome: 'refused' | 'promoted' | 'failed';
  /** What it failed with. */
  readonly code: string | undefined;
  /** From the beginning of the operation to its end. */
  readonly elapsedMs: number;
  /** For how long both shared the calls. */
  readonly sharedMs: number;
  /** Of all calls that began on the trial's page: those that went to the new one, and the others. */
  readonly callsNew: number;
  readonly callsOld: number;
  /** Of the calls that were answered meanwhile, as their callers saw it. */
  readonly p99Ms: { readonly old: number; readonly new: number };
  /** Those that the new one failed, as it was told. */
  readonly ownFailures: number;
  /** What was said of the new one last, metric by metric. */
  readonly said: readonly string[];
  /** What must not be. */
  readonly wrong: readonly string[];
}

export interface Trying {
  readonly scenario: Scenario;
  readonly plugin: Plugin;
  /** Of the version that serves, and of the one that is tried. */
  readonly from: string;
  readonly to: string;
  readonly weight: number;
  readonly weather: string;
  /** What makes a version of any operation's options. */
  readonly options: (order: CanaryOrder) => {
    readonly version: string;
    readonly command: string;
    readonly env: Readonly<Record<string, string>>;
  };
}

/** Tries a version once, under the eyes of callers who write down how every call went. */
export async function tryOnce(trying: Trying): Promise<Outcome> {
  const { scenario, plugin, from, to, weight } = trying;
  const { latency, worse, bakeMs, callers: count } = scenario;
  const book = new CanaryBook();
  const half = Math.ceil(count / 2);
  const callers = new CanaryCallers(plugin, book, { repeatable: half, single: count - half });
  try {
    await callers.more(2 * count);
    const begun = performance.now();
    const handle = plugin.upgrade({
      ...trying.options({ version: to, latency, weather: trying.weather, ...worse }),
      strategy: 'canary',
      canary: {
        steps: [
          { weight, bakeMs },
          { weight: 100, bakeMs: 0 },
        ],
      },
    });
    void turnPages(handle, book);
    const said = lastSaid(handle, weight);
    const bad = scenario.slow === undefined ? Promise.resolve() : badWeather(handle, weight, trying);
    const { outcome, code } = await ended(handle);
    const endedAt = performance.now();
    await bad;
    await callers.more(2 * count);
    await callers.end();
    const serving = outcome === 'promoted' ? to : from;
    const on = (side: string): readonly CanaryCall[] =>
      book.calls.filter(({ page, version }) => page === weight && version === side);
    return {
      outcome,
      code,
      elapsedMs: endedAt - begun,
      sharedMs: lasted([...on(from), ...on(to)]),
      callsNew: on(to).length,
      callsOld: on(from).length,
      p99Ms: { old: p99(on(from)), new: p99(on(to)) },
      ownFailures: book.calls.filter(({ failed }) => failed === 'own').length,
      said: await said,
      wrong: wrongIn(book, { from, to, serving, endedAt }),
    };
  } finally {
    await callers.end();
    rmSync(trying.weather, { force: true });
  }
}

function lasted(calls: readonly CanaryCall[]): number {
  const beginnings = calls.map(({ beganAt }) => beganAt);
  return calls.length === 0 ? 0 : Math.max(...beginnings) - Math.min(...beginnings);
}

function p99(calls: readonly CanaryCall[]): number {
  const sorted = calls.map(({ beganAt, endedAt }) => endedAt - beganAt).sort((a, b) => a - b);
  return Math.round(sorted[Math.floor(0.99 * sorted.length)] ?? Number.NaN);
}

async function lastSaid(handle: OperationHandle, weight: number): Promise<readonly string[]> {
  let said: readonly string[] = [];
  for await (const { shift } of handle) {
    const metrics = shift?.percentNew === weight ? shift.facts?.['metrics'] : undefined;
    if (!Array.isArray(metrics)) continue;
    said = metrics.map(({ metric, pValue, why }: MetricJudgement) => `${metric}, p ${pValue}: ${why}`);
  }
  return said;
}

async function ended(handle: OperationHandle): Promise<Pick<Outcome, 'outcome' | 'code'>> {
  try {
    await handle;
    return { outcome: 'promoted', code: undefined };
  } catch (error) {
    const code = error instanceof PluginError ? error.code : String(error);
    return { outcome: code === 'CANARY_REFUSED' ? 'refused' : 'failed', code };
  }
}

async function badWeather(
  handle: OperationHandle,
  weight: number,
  { scenario, weather }: Trying,
): Promise<void> {
  const { slow } = scenario;
  if (slow === undefined) return;
  try {
    await reachesShare(handle, weight);
  } catch {
    return;
  }
  await sleep(slow.fromMs);
  writeFileSync(weather, String(slow.factor));
  await sleep(slow.toMs - slow.fromMs);
  rmSync(weather, { force: true });
}

function wrongIn(
  book: CanaryBook,
  { from, to, serving, endedAt }: { from: string; to: string; serving: string; endedAt: number },
): string[] {
  const wrong = Object.entries(book.wrong()).map(([what, times]) => `${times} times: ${what}`);
  const strangers = book.calls.filter(({ version = from }) => version !== from && version !== to);
  if (strangers.length > 0) wrong.push(`${strangers.length} calls were answered by another version`);
  const late = book.calls.filter(
    ({ beganAt, version = serving }) => beganAt > endedAt && version !== serving,
  );
  if (late.length > 0) wrong.push(`${late.length} calls that began after its end went to the wrong version`);
  for (const share of book.shares(to)) {
    if (Number.isNaN(share.percent) || withinWeight(share)) continue;
    wrong.push(`${share.hers} of ${share.calls} calls went to the new one at ${share.percent} %`);
  }
  const notHers = book.calls.filter(({ failed, version }) => failed === 'own' && version !== to);
  if (notHers.length > 0) wrong.push(`${notHers.length} calls were failed by the old one`);
  return wrong;
}
