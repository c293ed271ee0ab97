import type { Contract } from '../contract/contract';
import type { CallMeter } from '../routing/call-meter';
import { ByPlugin } from './by-plugin';
import { CallSeries } from './call-series';
import { familyHead, labelPairs } from './exposition';
import { families } from './families';
import { Bounds, Histogram } from './histogram';
import { MethodLabels, otherMethod } from './method-labels';

const holdBounds = new Bounds(0.001, 0.01, 0.05, 0.1, 0.5, 1, 5);

/** Of each plugin so many generations have series of their own, the latest. */
const keptGenerations = 3;
/** Series of methods by name, of all plugins together: beyond these each method that is new is one of the others. */
const mostNamed = 2_000;

/**
 * What is counted of each call. It stands on the path of calls, where a metric of prom-client costs a microsecond; and of its lines,
 * which cost it two microseconds each, a scrape of a thousand plugins has tens of thousands. So this keeps plain numbers, and
 * writes its part of the text itself, as do the other families that have a series for each plugin.
 */
export class CallBook {
  readonly #plugins: ByPlugin<PluginCalls>;
  readonly #room = { named: mostNamed };

  constructor(contractOf: (plugin: string) => Contract | undefined) {
    this.#plugins = new ByPlugin(
      (plugin) => new PluginCalls(plugin, new MethodLabels(() => contractOf(plugin)), this.#room),
    );
  }

  /** See `HostCallMeter`. */
  readonly add = (plugin: string, ...call: Parameters<CallMeter>): void => {
    this.#plugins.of(plugin).add(...call);
  };

  /** See {@link ByPlugin.forget}. */
  forget(present: (plugin: string) => boolean): void {
    for (const calls of this.#plugins.forget(present)) calls.free();
  }

  /**
   * Its families as text, in pieces that take about a millisecond each.
   *
   * @param present as for {@link forget}
   */
  *text(present: (plugin: string) => boolean): Generator<string> {
    const { all } = this.#plugins;
    yield familyHead(families.calls);
    for (const calls of all) for (const series of calls.all()) yield series.callsText();
    yield `\n${familyHead(families.callDuration)}`;
    for (const calls of all) for (const series of calls.all()) yield series.durationText();
    yield `\n${familyHead(families.holdDuration)}`;
    for (const calls of all) yield calls.holdText();
    this.#plugins.told(present);
  }
}

/** Of one plugin. */
class PluginCalls {
  readonly #plugin: string;
  readonly #labels: MethodLabels;
  readonly #room: { named: number };
  readonly #generations = new Map<number, Map<string, CallSeries>>();
  readonly #older = new Map<string, CallSeries>();
  #holds: Histogram | undefined;

  constructor(plugin: string, labels: MethodLabels, room: { named: number }) {
    this.#plugin = plugin;
    this.#labels = labels;
    this.#room = room;
  }

  readonly add: CallMeter = (path, generation, code, elapsedMs, waitedMs) => {
    this.#series(generation, this.#labels.of(path)).add(code, elapsedMs);
    if (waitedMs === 0) return;
    this.#holds ??= new Histogram(holdBounds);
    this.#holds.observe(waitedMs / 1000);
  };

  #series(generation: number, method: string): CallSeries {
    const methods = this.#methods(generation);
    const known = methods.get(method);
    if (known !== undefined) return known;
    if (method !== otherMethod) {
      if (this.#room.named <= 0) return this.#series(generation, otherMethod);
      this.#room.named--;
    }
    const label = methods === this.#older ? 'older' : String(generation);
    const series = new CallSeries(this.#plugin, label, method);
    methods.set(method, series);
    return series;
  }

  #methods(generation: number): Map<string, CallSeries> {
    const known = this.#generations.get(generation);
    if (known !== undefined) return known;
    const kept = [...this.#generations.keys()].filter((number) => number > 0).sort((a, b) => a - b);
    const [oldest] = kept;
    if (generation > 0 && oldest !== undefined && kept.length >= keptGenerations) {
      // A call that outlived three upgrades.
      if (generation < oldest) return this.#older;
      this.#release(this.#generations.get(oldest));
      this.#generations.delete(oldest);
    }
    const methods = new Map<string, CallSeries>();
    this.#generations.set(generation, methods);
    return methods;
  }

  #release(methods: ReadonlyMap<string, CallSeries> | undefined): void {
    if (methods !== undefined) this.#room.named += methods.size - (methods.has(otherMethod) ? 1 : 0);
  }

  /** Its series are another's to have. */
  free(): void {
    for (const methods of this.#generations.values()) this.#release(methods);
    this.#release(this.#older);
  }

  /** Those of the latest generations, and of older ones. */
  *all(): Generator<CallSeries> {
    for (const methods of this.#generations.values()) yield* methods.values();
    yield* this.#older.values();
  }

  holdText(): string {
    const { name } = families.holdDuration;
    return this.#holds?.text(name, labelPairs({ plugin: this.#plugin })) ?? '';
  }
}
