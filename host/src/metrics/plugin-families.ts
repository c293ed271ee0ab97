import type { Registry } from 'prom-client';
import type { HostSnapshot, PluginSnapshot } from '../plugin-snapshot';
import type { Family } from './families';
import { families } from './families';
import { lookedUp } from './registered';
import type { PluginUsage, UsageBook } from './usage-book';

/** What is looked up in a snapshot: a series for each plugin. */
const ofPlugin: readonly (readonly [Family, (plugin: PluginSnapshot) => number])[] = [
  [families.pluginUp, ({ state }) => (state === 'serving' ? 1 : 0)],
  [families.callsInFlight, ({ instances }) => instances.reduce((sum, { inFlight }) => sum + inFlight, 0)],
  [families.callsHeld, ({ statistics }) => statistics.held.held],
  [families.callsHeldTotal, ({ statistics }) => statistics.held.heldEver],
  [families.callsRefused, ({ statistics }) => statistics.held.refused],
  [families.callsExpired, ({ statistics }) => statistics.held.expired],
  [families.callsCut, ({ statistics }) => statistics.calls.cut],
  [families.callsLost, ({ statistics }) => statistics.calls.lost],
  [families.callsRetried, ({ statistics }) => statistics.calls.retried],
  [families.streamsResumed, ({ statistics }) => statistics.calls.resumed],
  [families.failedStarts, ({ statistics }) => statistics.restarts.failedStarts],
  [families.givenUp, ({ statistics }) => statistics.restarts.givenUp],
];

const ofProcesses: readonly (readonly [Family, (usage: PluginUsage) => number | undefined])[] = [
  [families.processCpu, ({ cpuMs }) => cpuMs / 1000],
  [families.processMemory, ({ memoryBytes }) => memoryBytes],
  [families.processFds, ({ descriptors }) => descriptors],
];

/** What is told of each plugin by the state that it is in. */
export function registerPluginFamilies(
  registry: Registry,
  snapshot: () => HostSnapshot,
  usage: UsageBook,
): void {
  lookedUp(registry, families.pluginInfo, (set) => {
    for (const { name, version, generation } of snapshot().plugins)
      set(1, { plugin: name, version, generation: String(generation) });
  });
  lookedUp(registry, families.instances, (set) => {
    for (const plugin of snapshot().plugins)
      for (const [state, count] of byState(plugin)) set(count, { plugin: plugin.name, state });
  });
  lookedUp(registry, families.restarts, (set) => {
    for (const { name, statistics } of snapshot().plugins)
      for (const [reason, count] of Object.entries(statistics.restarts.lost))
        set(count, { plugin: name, reason: reason.replaceAll('-', '_') });
  });
  for (const [family, value] of ofPlugin) {
    lookedUp(registry, family, (set) => {
      for (const plugin of snapshot().plugins) set(value(plugin), { plugin: plugin.name });
    });
  }
  for (const [family, value] of ofProcesses) {
    lookedUp(registry, family, (set) => {
      for (const { name } of snapshot().plugins) {
        const used = usage.of(name);
        if (used !== undefined) set(value(used), { plugin: name });
      }
    });
  }
}

/** `serving` always, and whichever others there are. */
function byState({ instances }: PluginSnapshot): Map<string, number> {
  const counts = new Map([['serving', 0]]);
  for (const { state } of instances) counts.set(state, (counts.get(state) ?? 0) + 1);
  return counts;
}
