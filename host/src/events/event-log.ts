import type { HostEvent, HostEventDraft } from './host-event';
import type { Logger } from './logger';

/** Called for each event, in order, before the host goes on: it should be quick. What it throws is logged. */
export type HostEventListener = (event: HostEvent) => void;

/** Numbers events and hands them to listeners, in order; a listener that throws is logged and hurts nobody. */
export class EventLog {
  readonly #listeners = new Set<HostEventListener>();
  readonly #logger: Logger;
  #sequence = 0;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  readonly emit = (draft: HostEventDraft): void => {
    const event: HostEvent = { ...draft, sequence: ++this.#sequence, time: Date.now() };
    for (const listener of [...this.#listeners]) {
      try {
        listener(event);
      } catch (error) {
        this.#logger.error('an event listener threw', { error: String(error), type: event.type });
      }
    }
  };

  add(listener: HostEventListener): void {
    this.#listeners.add(listener);
  }

  remove(listener: HostEventListener): void {
    this.#listeners.delete(listener);
  }
}
