import type { Metadata } from '@grpc/grpc-js';
import type { Leaving } from './endpoint';
import type { CallListener, StatusObject } from './grpc-call';
import type { CallMover, SwapCall } from './swap-call';

/** Whose the events of an opening are. */
export interface OpeningOwner {
  headers(opening: StreamOpening, metadata: Metadata): void;
  message(opening: StreamOpening, message: unknown): void;
  ends(opening: StreamOpening, received: StatusObject, how: Leaving): Leaving;
  ended(opening: StreamOpening, received: StatusObject): void;
  sendOn(opening: StreamOpening): void;
  readonly resumes: boolean;
}

/** What becomes of a stream when one of its openings has ended. */
export type AfterEnd = 'over' | 'again' | 'other' | 'not-resumed';

/** One of the calls that a stream is made of, one after the other. What it reports after it was left, nobody hears. */
export class StreamOpening implements CallListener, CallMover {
  /** It has been left for another one, or has ended. */
  left = false;
  /** It has begun to answer. */
  said = false;
  /** It was asked to begin behind a message, and that may still come again. */
  inclusive: boolean;
  /** What came while another one was tried. */
  readonly kept: unknown[] = [];
  after: AfterEnd | undefined;
  private reading = false;

  constructor(
    private readonly owner: OpeningOwner,
    /** It goes on where another one stood. */
    readonly again: boolean,
    readonly call: SwapCall,
  ) {
    this.inclusive = again;
    call.mover = this;
  }

  read(): void {
    if (this.reading) return;
    this.reading = true;
    this.call.startRead();
  }

  get resumes(): boolean {
    return this.owner.resumes;
  }

  onReceiveMetadata(metadata: Metadata): void {
    if (!this.left) this.owner.headers(this, metadata);
  }

  onReceiveMessage(message: unknown): void {
    this.reading = false;
    if (!this.left) this.owner.message(this, message);
  }

  onReceiveStatus(received: StatusObject): void {
    if (!this.left) this.owner.ended(this, received);
  }

  ends(received: StatusObject, how: Leaving): Leaving {
    return this.left ? 'resumed' : this.owner.ends(this, received, how);
  }

  sendOn(): void {
    if (!this.left) this.owner.sendOn(this);
  }
}
