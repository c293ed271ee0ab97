import { type Metadata, status } from '@grpc/grpc-js';
import type { CallScope } from './lineage-context';
import { type MetadataInit, toMetadata } from './metadata';
import { RpcError } from './rpc-error';

/** What a handler knows of the call that it answers. */
export interface ServiceCall {
  /** Fires when the caller has left or the deadline has passed; its reason is an {@link RpcError}. */
  readonly signal: AbortSignal;
  /** When the caller stops waiting; undefined if it waits without a limit. */
  readonly deadline: Date | undefined;
  /** What the caller sent along. */
  readonly metadata: Metadata;
  /** The method, as `/package.Service/Method`. */
  readonly path: string;
  /** The other end's address; `unknown` on a unix socket. */
  readonly peer: string;
  /** Fires when this generation of the plugin starts to drain: streams without an end should end then. */
  readonly draining: AbortSignal;
  /** Sends the initial metadata now. Has no effect once they have gone, which the first response also does. */
  header(metadata: MetadataInit): void;
  /** Adds to the trailers, which go with the status, whatever it is. */
  trailer(metadata: MetadataInit): void;
}

/** What all four kinds of grpc-js's server calls have in common. */
export interface ServerCall {
  readonly metadata: Metadata;
  getPeer(): string;
  getDeadline(): Date | number;
  sendMetadata(metadata: Metadata): void;
  on(event: 'cancelled', listener: () => void): unknown;
}

/** {@link ServiceCall} over a grpc-js server call. What is rarely used is made when it is first asked for. */
export class IncomingCall implements ServiceCall {
  private controller: AbortController | undefined;
  private abortReason: RpcError | undefined;
  private answered = false;
  private readonly onCancelled = new Set<() => void>();
  readonly trailers: Metadata = toMetadata(undefined);

  constructor(
    private readonly call: ServerCall,
    readonly path: string,
    readonly draining: AbortSignal,
    scope?: CallScope,
  ) {
    const cancel = (): void => this.cancel();
    call.on('cancelled', scope === undefined ? cancel : () => scope.enter(cancel));
  }

  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController();
      if (this.abortReason !== undefined) this.controller.abort(this.abortReason);
    }
    return this.controller.signal;
  }

  get deadline(): Date | undefined {
    const deadline = this.call.getDeadline();
    if (deadline instanceof Date) return deadline;
    return Number.isFinite(deadline) ? new Date(deadline) : undefined;
  }

  get metadata(): Metadata {
    return this.call.metadata;
  }

  get peer(): string {
    return this.call.getPeer();
  }

  header(metadata: MetadataInit): void {
    this.call.sendMetadata(toMetadata(metadata));
  }

  trailer(metadata: MetadataInit): void {
    this.trailers.merge(toMetadata(metadata));
  }

  /** Why the call ended before its answer; undefined while it goes on. */
  get cancelled(): RpcError | undefined {
    return this.abortReason;
  }

  /** From here on the end of the call is our own doing: grpc-js reports every end as a cancellation. */
  answer(): void {
    this.answered = true;
  }

  /** Runs once when the call is cancelled; at once if it is already. */
  whenCancelled(listener: () => void): void {
    if (this.abortReason === undefined) this.onCancelled.add(listener);
    else listener();
  }

  private cancel(): void {
    if (this.answered || this.abortReason !== undefined) return;
    const deadline = this.deadline;
    this.abortReason =
      deadline !== undefined && deadline.getTime() <= Date.now()
        ? new RpcError(status.DEADLINE_EXCEEDED, 'The deadline of the call has passed', { path: this.path })
        : new RpcError(status.CANCELLED, 'The caller has left', { path: this.path });
    this.controller?.abort(this.abortReason);
    for (const listener of this.onCancelled) listener();
    this.onCancelled.clear();
  }
}
