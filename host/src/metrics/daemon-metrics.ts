import { setImmediate as nextTurn } from 'node:timers/promises';
import { Registry } from 'prom-client';
import type { Contract } from '../contract/contract';
import type { HostEventListener } from '../events/event-log';
import type { HostEvent } from '../events/host-event';
import { waitAtMost } from '../launch/wait-at-most';
import type { LogCounters } from '../logs/log-writer';
import type { OperationListener } from '../operation-listeners';
import type { Platform } from '../platform/platform';
import { selectPlatform } from '../platform/select-platform';
import type { HostSnapshot } from '../plugin-snapshot';
import type { HostCallMeter } from '../routing/call-meter';
import { CallBook } from './call-book';
import { registerDaemonFamilies } from './daemon-families';
import { families } from './families';
import { OperationBook } from './operation-book';
import { pluginText } from './plugin-families';
import { lookedUp, timed } from './registered';
import { UsageBook } from './usage-book';

/** So long a scrape waits for what processes use; then it tells of what it knows. */
const usageWaitMs = 20;

/** About a millisecond's worth of text. */
const pieceLength = 128 * 1024;

/** What of a host is measured. */
export interface MeasuredHost {
  snapshot(): HostSnapshot;
  observeCalls(meter: HostCallMeter): () => void;
  plugin(name: string): { readonly contract: Contract | undefined } | undefined;
  on(event: 'event', listener: HostEventListener): unknown;
  on(event: 'operation', listener: OperationListener): unknown;
  off(event: 'event', listener: HostEventListener): unknown;
  off(event: 'operation', listener: OperationListener): unknown;
}

export interface DaemonMetricsOptions {
  readonly host: MeasuredHost;
  /** Of plugd. */
  readonly version: string;
  /** Where it logs. */
  readonly log?: { readonly counters: LogCounters; readonly problem: unknown };
  readonly platform?: Pick<Platform, 'usage'>;
}

/** What Prometheus reads of a daemon: docs/metrics.md. It is counted from the moment at which this is made. */
export class DaemonMetrics {
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;
  readonly #host: MeasuredHost;
  readonly #registry = new Registry();
  readonly #calls: CallBook;
  readonly #usage: UsageBook;
  readonly #operations: OperationBook;
  readonly #events = new Map<HostEvent['type'], number>();
  readonly #countEvent: HostEventListener;
  readonly #endCalls: () => void;
  #snapshot: HostSnapshot;
  /** Whether a plugin is in the snapshot. */
  #present: (plugin: string) => boolean = () => false;
  #rendering: Promise<Buffer> | undefined;

  constructor({ host, version, log, platform = selectPlatform() }: DaemonMetricsOptions) {
    this.#host = host;
    this.#snapshot = host.snapshot();
    this.#calls = new CallBook((plugin) => host.plugin(plugin)?.contract);
    this.#usage = new UsageBook(platform);
    const snapshot = (): HostSnapshot => this.#snapshot;
    this.#operations = this.#registerOperations();
    registerDaemonFamilies(this.#registry, {
      version,
      snapshot,
      events: this.#events,
      log,
      usage: this.#usage,
    });
    this.#endCalls = host.observeCalls(this.#calls.add);
    this.#countEvent = ({ type }) => {
      this.#events.set(type, (this.#events.get(type) ?? 0) + 1);
    };
    host.on('event', this.#countEvent);
    host.on('operation', this.#operations.begun);
  }

  #registerOperations(): OperationBook {
    lookedUp(this.#registry, families.upgrades, (set) => {
      for (const { labels, count } of this.#operations.ended()) set(count, labels);
      this.#operations.told(this.#present);
    });
    lookedUp(this.#registry, families.upgradesRunning, (set) => {
      for (const [operation, count] of Object.entries(this.#operations.running)) set(count, { operation });
    });
    const durations = timed(this.#registry, families.upgradeDuration);
    const steps = timed(this.#registry, families.stepDuration);
    return new OperationBook(({ operation, strategy, totalMs, steps: done }) => {
      durations.observe({ operation, strategy }, totalMs / 1000);
      for (const { step, elapsedMs } of done) steps.observe({ step }, elapsedMs / 1000);
    });
  }

  /** All of it in the text form of Prometheus, version 0.0.4. Who asks while another one waits gets the same. */
  text(): Promise<Buffer> {
    this.#rendering ??= this.#render().finally(() => {
      this.#rendering = undefined;
    });
    return this.#rendering;
  }

  /** Piece by piece: calls of plugins have their turns in between. */
  async #render(): Promise<Buffer> {
    this.#snapshot = this.#host.snapshot();
    const { plugins } = this.#snapshot;
    await waitAtMost(this.#usage.refresh(plugins), usageWaitMs);
    const names = new Set(plugins.map(({ name }) => name));
    this.#present = (plugin) => names.has(plugin);
    this.#calls.forget(this.#present);
    this.#operations.forget(this.#present);
    const pieces: Buffer[] = [];
    let waiting: string[] = [];
    let length = 0;
    const add = async (text: string): Promise<void> => {
      waiting.push(text);
      length += text.length;
      if (length < pieceLength) return;
      pieces.push(Buffer.from(waiting.join('')));
      waiting = [];
      length = 0;
      await nextTurn();
    };
    for (const { name } of this.#registry.getMetricsAsArray())
      await add(`${await this.#registry.getSingleMetricAsString(name)}\n\n`);
    for (const text of pluginText(this.#snapshot, this.#usage)) await add(text);
    for (const text of this.#calls.text(this.#present)) await add(text);
    return Buffer.concat([...pieces, Buffer.from(waiting.join(''))]);
  }

  /** Nothing is counted from now on. */
  close(): void {
    this.#endCalls();
    this.#host.off('event', this.#countEvent);
    this.#host.off('operation', this.#operations.begun);
    this.#registry.clear();
  }
}
