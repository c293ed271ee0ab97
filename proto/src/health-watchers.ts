import type { HealthCheckResponse_ServingStatus as Status } from './gen/grpc/health/v1/health';

/** Those who watch the health of services: `Watch` of grpc.health.v1. */
export class HealthWatchers {
  readonly #wakes = new Set<() => void>();
  #closed = false;

  /** To be called when a status may be another: those who watch look again. */
  changed(): void {
    for (const wake of [...this.#wakes]) wake();
  }

  /** Those who watch are told what holds now, and then let go. */
  close(): void {
    this.#closed = true;
    this.changed();
  }

  /** The status now and after each change, until the signal aborts or after {@link close}. */
  async *follow(read: () => Status, signal: AbortSignal): AsyncGenerator<Status> {
    let told: Status | undefined;
    let wake = (): void => {};
    const notify = (): void => wake();
    this.#wakes.add(notify);
    signal.addEventListener('abort', notify);
    try {
      while (!signal.aborted) {
        const now = read();
        if (now !== told) {
          told = now;
          yield now;
        } else if (this.#closed) return;
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      this.#wakes.delete(notify);
      signal.removeEventListener('abort', notify);
    }
  }
}
