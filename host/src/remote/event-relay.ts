import type { HostEventListener } from '../events/event-log';
import type { HostEvent, HostEventDraft } from '../events/host-event';
import type { Logger } from '../events/logger';

/**
 * Hands a daemon's events to the listeners of one application, under numbers of its own: 1, 2, 3 … from its connecting on,
 * with a gap where events were lost, also over the daemon's own lives. A listener that fails is logged and hurts nobody.
 */
export class EventRelay {
  readonly #listeners = new Set<HostEventListener>();
  readonly #logger: Logger;
  #sequence = 0;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  add(listener: HostEventListener): void {
    this.#listeners.add(listener);
  }

  remove(listener: HostEventListener): void {
    this.#listeners.delete(listener);
  }

  /** So many were lost; the next one's number says so. */
  lost(events: number): void {
    this.#sequence += events;
  }

  /** Of the daemon. */
  pass(event: HostEvent): void {
    this.#tell({ ...event, sequence: ++this.#sequence });
  }

  /** Of this side. */
  emit(draft: HostEventDraft): void {
    this.#tell({ ...draft, sequence: ++this.#sequence, time: Date.now() });
  }

  #tell(event: HostEvent): void {
    const failed = (error: unknown): void => {
      this.#logger.error('an event listener threw', { error: String(error), type: event.type });
    };
    for (const listener of [...this.#listeners]) {
      try {
        const returned: unknown = listener(event);
        if (returned instanceof Promise) returned.catch(failed);
      } catch (error) {
        failed(error);
      }
    }
  }
}
