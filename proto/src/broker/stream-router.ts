import type { Duplex } from 'node:stream';
import type { YamuxSession } from '../yamux/session';
import type { YamuxStream } from '../yamux/stream';
import { type Clock, systemClock } from './clock';
import { WAIT_MS } from './rules';
import { Turns } from './turns';

export interface StreamRouterOptions {
  /**
   * Takes the streams that no knock has announced: the plugin's main server. A host has none, and such a
   * stream is reset.
   */
  readonly onMain?: (stream: Duplex) => void;
  readonly clock?: Clock;
}

/**
 * Which of a session's streams belongs to whom. The wire says that only by order: the stream that follows a knock is the
 * knock's. So both that come in and those that go out are strictly one after the other.
 */
export class StreamRouter {
  readonly session: YamuxSession;
  readonly #clock: Clock;
  readonly #turns = new Turns();
  #expected: ((stream: Duplex) => void) | undefined;
  #forget: () => void = () => {};

  constructor(session: YamuxSession, options: StreamRouterOptions = {}) {
    this.session = session;
    this.#clock = options.clock ?? systemClock;
    session.onStream((stream) => {
      const listener = this.#expected ?? options.onMain;
      this.#unexpect();
      if (listener === undefined) stream.destroy();
      else listener(stream);
    });
  }

  /**
   * The next stream that comes in is for this listener. A knock whose stream never came is over when the next knock
   * comes, because the other side does one after the other, or after five seconds.
   */
  expect(listener: (stream: Duplex) => void): void {
    this.#unexpect();
    this.#expected = listener;
    this.#forget = this.#clock.after(WAIT_MS, () => this.#unexpect());
  }

  /** A stream to the other side's main server, in its turn. @throws PluginError why the session has ended */
  openMain(): Promise<Duplex> {
    return this.inTurn(() => this.openNow());
  }

  /** No other stream is opened while the task runs. */
  inTurn<T>(task: () => Promise<T>): Promise<T> {
    return this.#turns.take(task);
  }

  /** For whoever has the turn. Resolves when the other side has been told of the stream. */
  async openNow(): Promise<YamuxStream> {
    const stream = this.session.open();
    if (stream.pending) {
      await new Promise<void>((resolve) => {
        stream.once('connect', resolve);
        stream.once('close', resolve);
      });
      if (stream.pending) throw this.session.reason ?? stream.errored ?? new Error('The stream was closed.');
    }
    return stream;
  }

  #unexpect(): void {
    this.#forget();
    this.#expected = undefined;
  }
}
