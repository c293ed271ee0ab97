import type { HostEvent, InstanceEvent, InstanceState, PluginState } from '../events/host-event';
import type { PluginStatus } from '../plugin-status';

const ended: ReadonlySet<InstanceState> = new Set(['stopped', 'failed']);

/** The picture that an application has of a plugin in a daemon: what the daemon told last, and what has happened since. */
export class PluginMirror {
  #status: PluginStatus;
  /** Of the latest event that is in the picture. */
  #sequence: number;

  constructor(status: PluginStatus, sequence: number) {
    this.#status = status;
    this.#sequence = sequence;
  }

  get status(): PluginStatus {
    const { instances, ...rest } = this.#status;
    return { ...rest, instances: instances.map((instance) => ({ ...instance })) };
  }

  get state(): PluginState {
    return this.#status.state;
  }

  /** @returns whether it was taken: a picture of an earlier moment than this one is not */
  replace(status: PluginStatus, sequence: number): boolean {
    if (sequence < this.#sequence) return false;
    this.#status = status;
    this.#sequence = sequence;
    return true;
  }

  /** What an event says of states, versions and processes. */
  apply(event: HostEvent): void {
    if (event.sequence <= this.#sequence) return;
    this.#sequence = event.sequence;
    if (event.type === 'plugin') {
      const { to: state, version, generation } = event;
      this.#status = { ...this.#status, state, version, generation };
    }
    if (event.type === 'instance') this.#become(event);
  }

  #become({ instance: id, version, generation, pid, to: state, time: startedAt }: InstanceEvent): void {
    const { instances } = this.#status;
    const known = instances.find((one) => one.id === id);
    const others = instances.filter((one) => one !== known);
    if (known !== undefined && !ended.has(state)) {
      const changed = instances.map((one) => (one === known ? { ...one, state } : one));
      this.#status = { ...this.#status, instances: changed };
    } else if (known !== undefined || ended.has(state)) {
      this.#status = { ...this.#status, instances: others };
    } else if (pid !== undefined) {
      // Where it listens comes with the next picture.
      const added = { id, version, generation, pid, state, address: '', inFlight: 0, startedAt };
      this.#status = { ...this.#status, instances: [...instances, added] };
    }
  }

  /** Nobody can say any more how it is. */
  lose(state: Extract<PluginState, 'failed' | 'stopped'>): void {
    this.#status = { ...this.#status, state, protocolVersion: undefined, instances: [] };
  }

  /** What is told from now on is told by another daemon, which counts anew. */
  forget(): void {
    this.#sequence = 0;
  }
}
