import type { LoadOptions, Plugin, PluginStatistics } from '@plugd/host';
import type { HostRoom } from '../support/host-room';
import type { Ledger } from '../support/ledger';
import { poll } from '../support/poll';

/** For a plugin that is killed all the time, on a machine that may be busy: neither budget nor hold come to an end. */
export const often = {
  restart: {
    backoff: { initialMs: 0, maxMs: 0 },
    budget: { crashes: 10_000, withinMs: 1_000 },
    hold: { limitMs: 30_000 },
  },
} as const satisfies Partial<LoadOptions>;

/** Waits until so many more calls have been answered, by one process; returns its pid. */
export async function answered(ledger: Ledger, plugin: Plugin, count: number): Promise<number> {
  let from = ledger.entries.length;
  let answers = 0;
  let pid: number | undefined;
  await poll(
    () => {
      const serving = plugin.status().instances[0]?.pid;
      if (serving !== pid) answers = 0;
      pid = serving;
      for (; from < ledger.entries.length; from++) if (ledger.entries[from]?.pid === pid) answers++;
      return { state: plugin.status().state, answers };
    },
    (seen) => pid !== undefined && seen.state === 'serving' && seen.answers >= count,
    30_000,
  );
  if (pid === undefined) throw new Error('unreachable: a process has answered');
  return pid;
}

/** The milliseconds from a moment to the end of the first call that a process answered. */
export function firstAnswerMs(ledger: Ledger, pid: number, since: number): number {
  let first = Number.NaN;
  // The latest stand at the end.
  for (let i = ledger.entries.length - 1; i >= 0; i--) {
    const entry = ledger.entries[i];
    if (entry === undefined || entry.endedAt < since) break;
    if (entry.pid === pid) first = entry.endedAt - since;
  }
  return first;
}

/** What the host has counted of its one plugin. */
export function counted(room: HostRoom): PluginStatistics {
  const [plugin] = room.host.snapshot().plugins;
  if (plugin === undefined) throw new Error('no plugin is loaded');
  return plugin.statistics;
}
