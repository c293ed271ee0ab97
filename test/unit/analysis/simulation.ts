import { status } from '@grpc/grpc-js';
import { Analysis } from '../../../host/src/analysis/analysis';
import type { Judgement, Side } from '../../../host/src/analysis/judgement';
import { type AnalysisRule, resolveAnalysis } from '../../../host/src/analysis/rule';

/** Numbers from 0 to 1 that are the same in each run (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What a call meets: multiplied to its latency, and how likely it fails. */
export interface Weather {
  readonly slower?: number;
  readonly errors?: number;
}

export interface World {
  readonly percentNew: number;
  readonly callsPerSecond?: number;
  readonly methods?: readonly {
    readonly name: string;
    readonly medianMs: number;
    readonly errors?: number;
  }[];
  /** Which method a call is of. By default all are as frequent on both sides. */
  readonly pick?: (side: Side, random: () => number) => number;
  /** Of what a side suffers at a time. */
  readonly weather?: (side: Side, at: number) => Weather;
  /** What the new version does worse. */
  readonly worse?: (latencyMs: number, random: () => number) => { errors?: number; latencyMs?: number };
}

export interface Outcome {
  readonly judgement: Judgement;
  readonly newCalls: number;
}

const oneMethod = [{ name: '/s/m', medianMs: 5 }];

/** At least two seconds and 300 calls of the old version alone, then both, until it is refused or so many calls were seen. */
export function simulate(world: World, seed: number, maxCalls: number, rule: AnalysisRule = {}): Outcome {
  const { percentNew, callsPerSecond = 200, methods = oneMethod } = world;
  const next = random(seed);
  let now = 1_000_000;
  const analysis = new Analysis(resolveAnalysis('analysis', rule), now);
  const call = (side: Side) => {
    now += (-Math.log(1 - next()) * 1_000) / callsPerSecond;
    const method = methods[world.pick?.(side, next) ?? Math.floor(next() * methods.length)] ?? oneMethod[0];
    if (!method) throw new Error('no method');
    const { slower = 1, errors = 0 } = world.weather?.(side, now) ?? {};
    let latencyMs = method.medianMs * slower * Math.exp(0.5 * normal(next));
    let chance = Math.max(errors, ('errors' in method ? method.errors : 0) ?? 0);
    if (side === 'new' && world.worse) {
      const worse = world.worse(latencyMs, next);
      latencyMs = worse.latencyMs ?? latencyMs;
      chance = Math.max(chance, worse.errors ?? 0);
    }
    const code = next() < chance ? status.INTERNAL : status.OK;
    analysis.record(side, method.name, code, latencyMs, now);
  };
  for (const begin = now; now - begin < Math.max(2_000, 300_000 / callsPerSecond); ) call('old');
  analysis.shares(now, percentNew);
  let newCalls = 0;
  let judgement = analysis.look(now);
  for (let calls = 1; calls <= maxCalls && judgement.verdict !== 'refuse'; calls++) {
    const side = next() * 100 < percentNew ? 'new' : 'old';
    if (side === 'new') newCalls += 1;
    call(side);
    if (calls % 20 === 0) judgement = analysis.look(now);
  }
  return { judgement, newCalls };
}

function normal(next: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
}

/** On and off by chance, on for so long in the middle: the same for whoever asks with the same seed. */
export function episodes(seed: number, everyMs: number, lengthMs: number): (at: number) => boolean {
  const next = random(seed);
  const ends: number[] = [1_000_000];
  return (at) => {
    while ((ends.at(-1) ?? 0) <= at) {
      const mean = ends.length % 2 === 1 ? everyMs : lengthMs;
      ends.push((ends.at(-1) ?? 0) - Math.log(1 - next()) * mean);
    }
    // Which of the intervals it is in: odd ones are on. Times come nearly in order.
    let i = ends.length - 1;
    while (i > 0 && (ends[i - 1] ?? 0) > at) i--;
    return i % 2 === 0 && i > 0;
  };
}
