import { status } from '@grpc/grpc-js';

/** What can be counted of calls since the front door was opened, or since their service became public. */
export interface TrafficCounts {
  readonly started: number;
  readonly inFlight: number;
  /** Calls that ended with another status than OK. */
  readonly failed: number;
}

/** Counts calls: all of them, and those of each public service. */
export class Traffic {
  readonly #all = new Counter();
  #services = new Map<string, Counter>();

  get all(): TrafficCounts {
    return this.#all.counts;
  }

  of(service: string): TrafficCounts {
    return (this.#services.get(service) ?? new Counter()).counts;
  }

  /** Forgets what is public no longer: a table that changes for years does not grow. */
  keep(services: readonly string[]): void {
    this.#services = new Map(services.map((name) => [name, this.#services.get(name) ?? new Counter()]));
  }

  /** A call begins. What it returns is to be called with its status. @param service undefined: none that is public */
  begin(service: string | undefined): (code: status) => void {
    const counters = [
      this.#all,
      (service === undefined ? undefined : this.#services.get(service)) ?? [],
    ].flat();
    for (const counter of counters) counter.begin();
    return (code) => {
      for (const counter of counters) counter.end(code);
    };
  }
}

class Counter {
  #started = 0;
  #ended = 0;
  #failed = 0;

  begin(): void {
    this.#started++;
  }

  end(code: status): void {
    this.#ended++;
    if (code !== status.OK) this.#failed++;
  }

  get counts(): TrafficCounts {
    return { started: this.#started, inFlight: this.#started - this.#ended, failed: this.#failed };
  }
}
