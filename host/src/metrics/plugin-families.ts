import type { HostSnapshot, PluginSnapshot } from '../plugin-snapshot';
import { familyHead, labelPairs } from './exposition';
import { type Family, families } from './families';
import type { UsageBook } from './usage-book';

/** What a series of a plugin is about beside its name, and its value. */
type Series = readonly [more: Readonly<Record<string, string>> | undefined, value: number | undefined];

type Look = (plugin: PluginSnapshot, usage: UsageBook) => Iterable<Series>;

const one =
  (value: (plugin: PluginSnapshot, usage: UsageBook) => number | undefined): Look =>
  (plugin, usage) => [[undefined, value(plugin, usage)]];

const sources: readonly (readonly [Family, Look])[] = [
  [families.pluginInfo, ({ version, generation }) => [[{ version, generation: String(generation) }, 1]]],
  [families.pluginUp, one(({ state }) => (state === 'serving' ? 1 : 0))],
  [families.instances, byState],
  [
    families.callsInFlight,
    one(({ instances }) => instances.reduce((sum, { inFlight }) => sum + inFlight, 0)),
  ],
  [families.callsHeld, one(({ statistics }) => statistics.held.held)],
  [families.callsHeldTotal, one(({ statistics }) => statistics.held.heldEver)],
  [families.callsRefused, one(({ statistics }) => statistics.held.refused)],
  [families.callsExpired, one(({ statistics }) => statistics.held.expired)],
  [families.callsCut, one(({ statistics }) => statistics.calls.cut)],
  [families.callsLost, one(({ statistics }) => statistics.calls.lost)],
  [families.callsRetried, one(({ statistics }) => statistics.calls.retried)],
  [families.streamsResumed, one(({ statistics }) => statistics.calls.resumed)],
  [families.restarts, byReason],
  [families.failedStarts, one(({ statistics }) => statistics.restarts.failedStarts)],
  [families.givenUp, one(({ statistics }) => statistics.restarts.givenUp)],
  [families.processCpu, one(({ name }, usage) => inSeconds(usage.of(name)?.cpuMs))],
  [families.processMemory, one(({ name }, usage) => usage.of(name)?.memoryBytes)],
  [families.processFds, one(({ name }, usage) => usage.of(name)?.descriptors)],
];

/** What is looked up of each plugin at a scrape, as text, in pieces that take about a millisecond each. */
export function* pluginText({ plugins }: HostSnapshot, usage: UsageBook): Generator<string> {
  const named = plugins.map((plugin) => ({ plugin, pairs: labelPairs({ plugin: plugin.name }) }));
  for (const [family, look] of sources) {
    let text = familyHead(family);
    for (const { plugin, pairs } of named) {
      for (const [more, value] of look(plugin, usage)) {
        if (value === undefined) continue;
        text += `${family.name}{${more === undefined ? pairs : `${pairs},${labelPairs(more)}`}} ${value}\n`;
      }
    }
    yield `${text}\n`;
  }
}

/** `serving` always, and whichever others there are. */
function byState({ instances }: PluginSnapshot): Series[] {
  const counts = new Map([['serving', 0]]);
  for (const { state } of instances) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts].map(([state, count]) => [{ state }, count]);
}

function byReason({ statistics }: PluginSnapshot): Series[] {
  const { lost } = statistics.restarts;
  return Object.entries(lost).map(([reason, count]) => [{ reason: reason.replaceAll('-', '_') }, count]);
}

const inSeconds = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : ms / 1000);
