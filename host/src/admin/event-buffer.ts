import type { HostEvent } from '../events/host-event';

/** Which events a reader wants. */
export interface EventQuery {
  /** Undefined: of all. */
  readonly plugin?: string | undefined;
  /** What comes after this number. One that has not been reached is of an earlier daemon: then all. Default 0. */
  readonly afterSequence?: number;
  /** Milliseconds since the epoch: none that is older. Default 0. */
  readonly sinceMs?: number;
  /** Goes on with what happens. Default false. */
  readonly follow?: boolean;
}

/** An event, and how many a reader has missed before it: they are kept no more, or came faster than it read. */
export interface ReadEvent {
  readonly event: HostEvent;
  readonly dropped: number;
}

/** The latest events of a host. However slow a reader is, nothing is kept for it alone. */
export class EventBuffer {
  readonly #capacity: number;
  readonly #events: HostEvent[] = [];
  #latest = 0;
  #closed = false;
  #wake = new Set<() => void>();

  constructor(capacity = 10_000) {
    this.#capacity = capacity;
  }

  /** The number of the latest; 0: there is none. */
  get latest(): number {
    return this.#latest;
  }

  /** In the order of their numbers, without gaps. */
  readonly add = (event: HostEvent): void => {
    this.#events[event.sequence % this.#capacity] = event;
    this.#latest = event.sequence;
    this.#wakeAll();
  };

  /** Who follows comes to an end. */
  close(): void {
    this.#closed = true;
    this.#wakeAll();
  }

  /** Ends with what is kept, or where it follows, when the signal fires or the buffer is closed. */
  async *read(query: EventQuery, signal: AbortSignal): AsyncGenerator<ReadEvent, void, undefined> {
    const { plugin, afterSequence = 0, sinceMs = 0, follow = false } = query;
    let next = afterSequence > this.#latest ? 1 : afterSequence + 1;
    let dropped = 0;
    for (;;) {
      const oldest = Math.max(1, this.#latest - this.#capacity + 1);
      if (next < oldest) {
        // Of those that are gone none was wanted where one that is kept is too old already.
        if ((this.#at(oldest)?.time ?? 0) >= sinceMs) dropped += oldest - next;
        next = oldest;
      }
      const event = next > this.#latest ? undefined : this.#at(next);
      if (event !== undefined) {
        next++;
        if ((plugin !== undefined && event.plugin !== plugin) || event.time < sinceMs) continue;
        yield { event, dropped };
        dropped = 0;
      } else if (!follow || this.#closed || signal.aborted) return;
      else await this.#change(signal);
    }
  }

  #at(sequence: number): HostEvent | undefined {
    return this.#events[sequence % this.#capacity];
  }

  async #change(signal: AbortSignal): Promise<void> {
    let wake = (): void => {};
    await new Promise<void>((resolve) => {
      wake = resolve;
      this.#wake.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
    signal.removeEventListener('abort', wake);
    this.#wake.delete(wake);
  }

  #wakeAll(): void {
    const wake = this.#wake;
    this.#wake = new Set();
    for (const one of wake) one();
  }
}
