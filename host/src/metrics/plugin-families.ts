import type { HostSnapshot, PluginSnapshot } from '../plugin-snapshot';
import { familyHead, labelPairs } from './exposition';
import { type Family, families } from './families';
import type { PluginUsage, UsageBook } from './usage-book';

/** A plugin, and what its processes use. */
interface Seen extends PluginSnapshot {
  readonly usage: PluginUsage | undefined;
}

/** What a series is about beside the plugin, as text, and its value. */
type Series = readonly [more: string, value: number | undefined];

type Look = (plugin: Seen) => Iterable<Series>;

const one =
  (value: (plugin: Seen) => number | undefined): Look =>
  (plugin) => [['', value(plugin)]];

const sources: readonly (readonly [Family, Look])[] = [
  [
    families.pluginInfo,
    ({ version, generation }) => [[`,${labelPairs({ version, generation: String(generation) })}`, 1]],
  ],
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
  [families.processCpu, one(({ usage }) => inSeconds(usage?.cpuMs))],
  [families.processMemory, one(({ usage }) => usage?.memoryBytes)],
  [families.processFds, one(({ usage }) => usage?.descriptors)],
];

/** What is looked up of each plugin at a scrape, as text, in pieces that take about a millisecond each. */
export function* pluginText({ plugins }: HostSnapshot, usage: UsageBook): Generator<string> {
  const all = plugins.map((plugin) => ({
    seen: { ...plugin, usage: usage.of(plugin.name) },
    pairs: `{${labelPairs({ plugin: plugin.name })}`,
  }));
  for (const [family, look] of sources) {
    const { name } = family;
    let text = familyHead(family);
    for (const { seen, pairs } of all)
      for (const [more, value] of look(seen))
        if (value !== undefined) text += `${name}${pairs}${more}} ${value}\n`;
    yield `${text}\n`;
  }
}

/** `serving` always, and whichever others there are. */
function* byState({ instances }: Seen): Generator<Series> {
  yield [',state="serving"', instances.filter(({ state }) => state === 'serving').length];
  const others = new Map<string, number>();
  for (const { state } of instances) if (state !== 'serving') others.set(state, (others.get(state) ?? 0) + 1);
  for (const [state, count] of others) yield [`,state="${state}"`, count];
}

function byReason({ statistics }: Seen): Series[] {
  const { lost } = statistics.restarts;
  return [
    [',reason="crash"', lost.crash],
    [',reason="unhealthy"', lost.unhealthy],
    [',reason="connection_lost"', lost['connection-lost']],
    [',reason="limit"', lost.limit],
  ];
}

const inSeconds = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : ms / 1000);
