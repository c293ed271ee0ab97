/** A resource of a pool in the hands of a generation. */
export interface Lease<T> {
  readonly resource: T;
  readonly generation: number;
  /** Fires when the lease has ended in any way: from then on the resource is somebody else's, or closed. */
  readonly signal: AbortSignal;
  /** Gives it back, for whoever wants one next. Nothing happens if the lease has ended. */
  giveBack(): void;
  /** Gives it back for being closed: it is broken, or in a state in which nobody else should have it. */
  discard(): void;
}
