import type { HostEvent, HostEventDraft } from './host-event';
import type { Logger } from './logger';

/** Called for each event, in order, before the host goes on: it should be quick. What it throws is logged. */
export type HostEventListener = (event: HostEvent) => void;

/** What has gone through an event log since its start. */
export interface EventCounters {
  readonly emitted: number;
  /** Calls of listeners that threw, or whose promise was rejected. */
  readonly listenersFailed: number;
}

/**
 * Numbers events and hands them to listeners, in order; a listener that fails is logged and hurts nobody.
 *
 * What a listener does may bring forth events: they come after the one that it was called for, for all listeners.
 * Nothing else is ever queued.
 */
export class EventLog {
  readonly #listeners = new Set<HostEventListener>();
  readonly #logger: Logger;
  readonly #queue: HostEvent[] = [];
  #emitting = false;
  #sequence = 0;
  #listenersFailed = 0;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  get counters(): EventCounters {
    return { emitted: this.#sequence, listenersFailed: this.#listenersFailed };
  }

  readonly emit = (draft: HostEventDraft): void => {
    this.#queue.push({ ...draft, sequence: ++this.#sequence, time: Date.now() });
    if (this.#emitting) return;
    this.#emitting = true;
    try {
      for (let event = this.#queue.shift(); event !== undefined; event = this.#queue.shift())
        this.#tell(event);
    } finally {
      this.#emitting = false;
    }
  };

  #tell(event: HostEvent): void {
    const failed = (error: unknown): void => {
      this.#listenersFailed++;
      this.#logger.error('an event listener threw', { error: String(error), type: event.type });
    };
    for (const listener of [...this.#listeners]) {
      try {
        // An async function is a listener too, and its rejection, which nobody handles, would end the process.
        const returned: unknown = listener(event);
        if (returned instanceof Promise) returned.catch(failed);
      } catch (error) {
        failed(error);
      }
    }
  }

  add(listener: HostEventListener): void {
    this.#listeners.add(listener);
  }

  remove(listener: HostEventListener): void {
    this.#listeners.delete(listener);
  }
}
