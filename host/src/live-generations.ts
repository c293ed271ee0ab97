import type { InstanceStatus } from './plugin-status';
import { addedStatistics, type CallStatistics, noCalls } from './routing/endpoint';
import type { Replica } from './supervision/replica';
import type { Supervisor } from './supervision/supervisor';

/** The generations of a plugin that are in the route, and those that left it and have not ended. */
export class LiveGenerations {
  readonly #live = new Set<Supervisor>();
  /** The calls of generations that are gone. */
  #pastCalls = noCalls;

  add(generation: Supervisor): void {
    this.#live.add(generation);
  }

  /** It has ended; what it has counted is kept. */
  remove(generation: Supervisor): void {
    if (!this.#live.delete(generation)) return;
    this.#pastCalls = addedStatistics(this.#pastCalls, generation.generation.statistics);
  }

  clear(): void {
    this.#live.clear();
  }

  /** Those of the latest generation first. */
  get replicas(): Replica[] {
    return [...this.#live].reverse().flatMap((supervisor) => supervisor.all);
  }

  get instances(): InstanceStatus[] {
    return this.replicas.map(instanceStatus);
  }

  /** Since the plugin was loaded. */
  get calls(): CallStatistics {
    const live = [...this.#live].map(({ generation }) => generation.statistics);
    return live.reduce(addedStatistics, this.#pastCalls);
  }
}

function instanceStatus({ instance, endpoint }: Replica): InstanceStatus {
  const { pid, address, startedAt } = instance.launched.record;
  const { id, version, generation } = instance.identity;
  return {
    id,
    version,
    generation,
    pid,
    state: instance.state,
    address,
    inFlight: endpoint.inFlight,
    startedAt,
  };
}
