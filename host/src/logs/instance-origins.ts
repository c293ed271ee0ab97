import type { HostEvent } from '../events/host-event';

/** What is known of an instance beside its id. */
export interface InstanceOrigin {
  readonly version: string;
  readonly generation: number;
}

/** What an instance printed last may be read after it has ended: of so many it is still known which version they were. */
const keptEnded = 1_000;

/** Which version an instance is of, by its id: learnt from the host's events. */
export class InstanceOrigins {
  readonly #live = new Map<string, InstanceOrigin>();
  readonly #ended = new Map<string, InstanceOrigin>();

  observe(event: HostEvent): void {
    if (event.type !== 'instance') return;
    const { instance, version, generation, to } = event;
    if (to !== 'stopped' && to !== 'failed') {
      this.#live.set(instance, { version, generation });
      return;
    }
    this.#live.delete(instance);
    this.#ended.set(instance, { version, generation });
    for (const id of this.#ended.keys()) {
      if (this.#ended.size <= keptEnded) return;
      this.#ended.delete(id);
    }
  }

  of(instance: string): InstanceOrigin | undefined {
    return this.#live.get(instance) ?? this.#ended.get(instance);
  }
}
