import type { Registry } from 'prom-client';
import type { LogCounters } from '../logs/log-writer';
import type { HostSnapshot } from '../plugin-snapshot';
import { families } from './families';
import { lookedUp } from './registered';
import type { UsageBook } from './usage-book';

export interface DaemonSources {
  readonly version: string;
  readonly snapshot: () => HostSnapshot;
  readonly events: ReadonlyMap<string, number>;
  readonly log: { readonly counters: LogCounters; readonly problem: unknown } | undefined;
  readonly usage: UsageBook;
}

/** What is told of the daemon itself. */
export function registerDaemonFamilies(
  registry: Registry,
  { version, snapshot, events, log, usage }: DaemonSources,
): void {
  const startedAt = Date.now() / 1000 - process.uptime();
  lookedUp(registry, families.info, (set) => set(1, { version }));
  lookedUp(registry, families.events, (set) => {
    for (const [type, count] of events) set(count, { type });
  });
  lookedUp(registry, families.stalls, (set) => set(snapshot().stalls.stalls));
  lookedUp(registry, families.late, (set) => set(snapshot().stalls.lateMs / 1000));
  lookedUp(registry, families.ownCpu, (set) => {
    const { user, system } = process.cpuUsage();
    set((user + system) / 1e6);
  });
  lookedUp(registry, families.ownMemory, (set) => set(process.memoryUsage.rss()));
  lookedUp(registry, families.ownFds, (set) => set(usage.own?.descriptors));
  lookedUp(registry, families.ownStart, (set) => set(startedAt));
  if (log === undefined) return;
  lookedUp(registry, families.logRecords, (set) => set(log.counters.written));
  lookedUp(registry, families.logBytes, (set) => set(log.counters.writtenBytes));
  lookedUp(registry, families.logDropped, (set) => set(log.counters.dropped));
  lookedUp(registry, families.logWritable, (set) => set(log.problem === undefined ? 1 : 0));
}
