import { episodes, type World } from './simulation';

const begin = 1_000_000;
const mixed = [
  { name: '/s/quick', medianMs: 2, errors: 0.001 },
  { name: '/s/slow', medianMs: 60, errors: 0.02 },
  { name: '/s/middle', medianMs: 10, errors: 0.005 },
];
/** A fifth of a minute after the begin, for a minute. */
const inMinute = (at: number) => at - begin > 12_000 && at - begin < 72_000;

/** Worlds in which both versions are equal, each made anew by its seed. */
export const equalWorlds: Readonly<Record<string, (percentNew: number, seed: number) => World>> = {
  quiet: (percentNew) => ({ percentNew, weather: () => ({ errors: 0.002 }) }),
  'a slow minute': (percentNew) => ({
    percentNew,
    weather: (_, at) => (inMinute(at) ? { slower: 4 } : {}),
  }),
  'a failing minute': (percentNew) => ({
    percentNew,
    weather: (_, at) => ({ errors: inMinute(at) ? 0.3 : 0.001 }),
  }),
  'other methods on each side': (percentNew) => ({
    percentNew,
    methods: mixed,
    pick: (side, next) => (next() < (side === 'new' ? 0.85 : 0.1) ? 1 : next() < 0.5 ? 0 : 2),
  }),
  'slow seconds that both have': (percentNew, seed) => {
    const slow = episodes(seed, 4_000, 800);
    return { percentNew, weather: (_, at) => (slow(at) ? { slower: 5, errors: 0.1 } : {}) };
  },
  'pauses of one process': (percentNew, seed) => {
    const slow = { old: episodes(seed, 4_000, 60), new: episodes(seed + 7, 4_000, 60) };
    return { percentNew, weather: (side, at) => (slow[side](at) ? { slower: 8 } : {}) };
  },
  'long pauses of one process': (percentNew, seed) => {
    const slow = { old: episodes(seed, 20_000, 500), new: episodes(seed + 7, 20_000, 500) };
    return { percentNew, weather: (side, at) => (slow[side](at) ? { slower: 8, errors: 0.05 } : {}) };
  },
};

/** Worlds in which the new version is worse. */
export const worseWorlds: Readonly<Record<string, (percentNew: number) => World>> = {
  '2 % errors against none': (percentNew) => ({ percentNew, worse: () => ({ errors: 0.02 }) }),
  '2 % errors against 0.2 %': (percentNew) => ({
    percentNew,
    weather: () => ({ errors: 0.002 }),
    worse: () => ({ errors: 0.02 }),
  }),
  'all twice as slow': (percentNew) => ({
    percentNew,
    worse: (latencyMs) => ({ latencyMs: 2 * latencyMs }),
  }),
  // 3 % of the calls take what the slowest hundredth of the old one takes, and twice that.
  'p99 twice as long, the rest alike': (percentNew) => ({
    percentNew,
    worse: (latencyMs, next) => (next() < 0.015 ? { latencyMs: 32 + 15 * next() } : { latencyMs }),
  }),
};
