import type { Duplex } from 'node:stream';
import { PluginError } from '../plugin-error';
import { Allowance } from './allowance';
import { Flag, type FrameHeader, FrameType, GoAwayCode } from './frame';
import { FrameParser } from './frame-parser';
import { FrameWriter } from './frame-writer';
import { hangUp } from './hang-up';
import { LimitsById } from './limits-by-id';
import { Lingering } from './lingering';
import { settings, type YamuxOptions, type YamuxSettings } from './options';
import { Pings } from './pings';
import { protocolError } from './protocol-error';
import { sessionClosed, sessionReason, sessionTimedOut } from './session-error';
import { type StreamLink, YamuxStream } from './stream';
import { StreamIds } from './stream-ids';

/**
 * Many streams over one connection, as hashicorp/yamux speaks it. It takes the connection over, and ends
 * with it; all streams end with the session, and carry its reason.
 *
 * A peer that breaks the rules, floods, or is gone ends the session with a PluginError MULTIPLEX_PROTOCOL,
 * MULTIPLEX_TIMEOUT or MULTIPLEX_CLOSED.
 */
export class YamuxSession {
  /** Resolves with the reason once the session has ended; never rejects. */
  readonly closed: Promise<PluginError>;
  readonly #connection: Duplex;
  readonly #settings: YamuxSettings;
  readonly #ids: StreamIds;
  readonly #link: StreamLink;
  readonly #writer: FrameWriter;
  readonly #pings: Pings;
  readonly #streams = new Map<number, YamuxStream>();
  /** Streams of ours that the peer has not answered yet. */
  readonly #unanswered: LimitsById;
  /** Streams of ours that wait for an answer to others before they may be announced. */
  readonly #waiting: YamuxStream[] = [];
  /** Streams of the peer's that nobody listens for yet. */
  readonly #untaken: YamuxStream[] = [];
  /** Streams that are over here, though the peer has not ended its side. */
  readonly #lingering: Lingering;
  readonly #pingAllowance = new Allowance(200, 20);
  readonly #emptyAllowance = new Allowance(1000, 100);
  readonly #resetAllowance = new Allowance(1000, 100);
  readonly #keepAlive: NodeJS.Timeout | undefined;
  #listener: ((stream: YamuxStream) => void) | undefined;
  #receiving: YamuxStream | undefined;
  #peersOpen = 0;
  #goneAway = false;
  #peerGoneAway = false;
  #reason: PluginError | undefined;
  #resolveClosed: (reason: PluginError) => void = () => {};

  constructor(connection: Duplex, options: YamuxOptions) {
    this.#connection = connection;
    this.#settings = settings(options);
    this.#ids = new StreamIds(options.side);
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    const { writeTimeoutMs, keepAliveIntervalMs, openTimeoutMs, closeTimeoutMs } = this.#settings;
    const late = (summary: string) => this.#fail(sessionTimedOut(summary), GoAwayCode.INTERNAL_ERROR);
    this.#unanswered = new LimitsById(openTimeoutMs, () =>
      late(`The other end left a new stream without an answer for ${openTimeoutMs} ms.`),
    );
    this.#lingering = new Lingering(closeTimeoutMs, (id) => this.#sendReset(id));
    this.#writer = new FrameWriter(connection, writeTimeoutMs, () =>
      late(`The connection took nothing for ${writeTimeoutMs} ms.`),
    );
    this.#pings = new Pings(
      writeTimeoutMs,
      () => sessionTimedOut(`The other end did not answer a ping within ${writeTimeoutMs} ms.`),
      (value) => this.#writer.frame(FrameType.PING, Flag.SYN, 0, value),
    );
    this.#link = {
      closeTimeoutMs,
      sendData: (id, pieces, bytes, flushed) => this.#writer.data(FrameType.DATA, id, pieces, bytes, flushed),
      sendWindowUpdate: (id, flags, delta) => this.#writer.frame(FrameType.WINDOW_UPDATE, flags, id, delta),
      forget: (stream, how) => this.#forget(stream, how),
    };
    if (keepAliveIntervalMs > 0) {
      this.#keepAlive = setInterval(() => this.#ask(), keepAliveIntervalMs).unref();
    }
    this.#read();
  }

  /** Why the session has ended; undefined while it goes on. */
  get reason(): PluginError | undefined {
    return this.#reason;
  }

  /** Streams that are open, in both directions. */
  get streamCount(): number {
    return this.#streams.size;
  }

  /**
   * Opens a stream. It may be written to at once; its bytes leave when the peer may have them.
   * @throws PluginError MULTIPLEX_CLOSED and the other reasons of the session
   */
  open(): YamuxStream {
    if (this.#reason !== undefined) throw this.#reason;
    if (this.#peerGoneAway) throw sessionClosed('The other end takes no more streams.');
    const id = this.#ids.next();
    if (id === undefined) throw sessionClosed('All stream numbers of the session are used up.');
    const stream = new YamuxStream(this.#link, id);
    this.#streams.set(id, stream);
    this.#waiting.push(stream);
    this.#announce();
    return stream;
  }

  /** Takes the streams that the peer opens, those that wait first. There is one listener. */
  onStream(listener: (stream: YamuxStream) => void): void {
    this.#listener = listener;
    for (const stream of this.#untaken.splice(0)) this.#accept(stream, listener);
  }

  /** Asks the peer whether it is there. @returns how long that took, in milliseconds */
  ping(): Promise<number> {
    return this.#reason === undefined ? this.#pings.ask() : Promise.reject(this.#reason);
  }

  /** No more streams from the peer; those that are open go on. */
  goAway(): void {
    if (this.#goneAway || this.#reason !== undefined) return;
    this.#goneAway = true;
    this.#writer.frame(FrameType.GO_AWAY, 0, 0, GoAwayCode.NORMAL);
  }

  /** Ends the session and its connection. @param reason what its streams are told */
  close(reason: PluginError = sessionClosed('The session was closed.')): void {
    this.#fail(reason, GoAwayCode.NORMAL);
  }

  #read(): void {
    const parser = new FrameParser({
      onHeader: (header) => this.#take(header),
      onBody: (piece) => this.#receiving?.receive(piece),
      onBodyEnd: (header) => this.#takeEnd(header),
    });
    const lost = (error?: Error): void => {
      if (parser.withinFrame) this.#protocolEnd(protocolError('the connection ended within a frame'));
      else this.#fail(sessionClosed('The connection has ended.', error), undefined);
    };
    this.#connection.on('data', (chunk: Buffer) => {
      if (this.#reason !== undefined) return;
      try {
        parser.push(chunk);
      } catch (error) {
        this.#protocolEnd(error);
      }
    });
    this.#connection.on('end', () => lost());
    this.#connection.on('error', (error) => lost(error));
    this.#connection.on('close', () => lost());
    if (this.#connection.destroyed) process.nextTick(lost);
  }

  // Frames

  #take(header: FrameHeader): void {
    // A stream's reset may close the whole session in a listener: the rest of the chunk is nobody's then.
    if (this.#reason !== undefined) return;
    this.#receiving = undefined;
    if (header.type === FrameType.PING) this.#takePing(header);
    else if (header.type === FrameType.GO_AWAY) this.#takeGoAway(header);
    else this.#takeStreamFrame(header);
  }

  #takePing({ flags, streamId, length }: FrameHeader): void {
    if (streamId !== 0) throw protocolError('a ping belongs to a stream', { streamId });
    if (flags === Flag.ACK) {
      this.#pings.answered(length);
      return;
    }
    if (flags !== Flag.SYN) throw protocolError('a ping neither asks nor answers', { flags });
    if (!this.#pingAllowance.take()) throw protocolError('it sent a flood of pings');
    this.#writer.frame(FrameType.PING, Flag.ACK, 0, length);
  }

  #takeGoAway({ flags, streamId, length }: FrameHeader): void {
    if (streamId !== 0 || flags !== 0)
      throw protocolError('a go-away belongs to a stream', { streamId, flags });
    if (length === GoAwayCode.NORMAL) {
      this.#peerGoneAway = true;
      return;
    }
    const what = length === GoAwayCode.PROTOCOL_ERROR ? 'a protocol error' : `an error (code ${length})`;
    this.#fail(
      new PluginError('MULTIPLEX_PROTOCOL', `The other end left the multiplexed connection over ${what}.`, {
        facts: { goAwayCode: length },
      }),
      undefined,
    );
  }

  #takeStreamFrame(header: FrameHeader): void {
    const { type, flags, streamId: id, length } = header;
    if (id === 0) throw protocolError('a frame of a stream names none');
    if (flags === 0 && length === 0 && !this.#emptyAllowance.take())
      throw protocolError('it sent a flood of empty frames');
    if ((flags & Flag.SYN) !== 0) this.#takeOpening(header);
    const stream = this.#streams.get(id);
    if (stream === undefined) {
      this.#takeStray(header);
      return;
    }
    if ((flags & Flag.ACK) !== 0) this.#takeAnswer(id);
    if ((flags & Flag.RST) !== 0) {
      if (!this.#ids.isOurs(id) && !this.#resetAllowance.take())
        throw protocolError('it reset a flood of streams');
      stream.receiveReset();
    } else if (type === FrameType.WINDOW_UPDATE) {
      stream.grant(length);
      if ((flags & Flag.FIN) !== 0) stream.receiveEnd();
    } else {
      stream.expect(length);
      this.#receiving = stream;
    }
  }

  #takeEnd({ flags, streamId }: FrameHeader): void {
    const stream = this.#receiving;
    this.#receiving = undefined;
    if (stream !== undefined && !stream.destroyed && (flags & Flag.FIN) !== 0) stream.receiveEnd();
    else if ((flags & Flag.FIN) !== 0) this.#lingering.ended(streamId);
  }

  #takeOpening({ flags, streamId: id }: FrameHeader): void {
    if ((flags & (Flag.ACK | Flag.RST)) !== 0) {
      throw protocolError('it opened a stream with flags that contradict each other', { flags });
    }
    this.#ids.admit(id);
    const refused =
      this.#goneAway ||
      this.#peersOpen >= this.#settings.maxStreams ||
      (this.#listener === undefined && this.#untaken.length >= this.#settings.acceptBacklog);
    if (refused) {
      if (!this.#resetAllowance.take()) throw protocolError('it opened a flood of streams');
      this.#sendReset(id);
      return;
    }
    const stream = new YamuxStream(this.#link, id);
    this.#streams.set(id, stream);
    this.#peersOpen++;
    stream.begin();
    if (this.#listener === undefined) this.#untaken.push(stream);
    else this.#accept(stream, this.#listener);
  }

  /** A frame for a stream that is over: it may have been under way when it was closed. */
  #takeStray({ type, flags, streamId: id, length }: FrameHeader): void {
    if (!this.#ids.wasUsed(id))
      throw protocolError('a frame belongs to a stream that was never opened', { streamId: id });
    if ((flags & (Flag.FIN | Flag.RST)) !== 0) this.#lingering.ended(id);
    else if (type === FrameType.DATA && this.#lingering.discard(id, length)) this.#sendReset(id);
  }

  #takeAnswer(id: number): void {
    if (!this.#ids.isOurs(id))
      throw protocolError('it answered the opening of its own stream', { streamId: id });
    if (this.#unanswered.remove(id)) this.#announce();
  }

  // Streams

  #accept(stream: YamuxStream, listener: (stream: YamuxStream) => void): void {
    this.#writer.frame(FrameType.WINDOW_UPDATE, Flag.ACK, stream.id, 0);
    listener(stream);
  }

  /** The peer keeps no more than its backlog of streams that it has not answered. */
  #announce(): void {
    while (this.#unanswered.size < this.#settings.acceptBacklog) {
      const stream = this.#waiting.shift();
      if (stream === undefined) return;
      this.#unanswered.add(stream.id);
      this.#writer.frame(FrameType.WINDOW_UPDATE, Flag.SYN, stream.id, 0);
      stream.begin();
    }
  }

  #forget(stream: YamuxStream, how: 'reset' | 'finished' | 'lingering' | 'unopened'): void {
    const { id } = stream;
    if (this.#streams.get(id) !== stream) return;
    this.#streams.delete(id);
    if (!this.#ids.isOurs(id)) this.#peersOpen--;
    for (const list of [this.#waiting, this.#untaken]) {
      const at = list.indexOf(stream);
      if (at >= 0) list.splice(at, 1);
    }
    if (this.#reason !== undefined) return;
    if (how === 'reset') this.#sendReset(id);
    if (how === 'lingering') this.#lingering.add(id);
    if (this.#unanswered.remove(id)) this.#announce();
  }

  #sendReset(id: number): void {
    this.#writer.frame(FrameType.WINDOW_UPDATE, Flag.RST, id, 0);
  }

  // The end

  #ask(): void {
    this.#pings.ask().catch((reason: PluginError) => this.#fail(reason, GoAwayCode.INTERNAL_ERROR));
  }

  #protocolEnd(error: unknown): void {
    this.#fail(sessionReason(error), GoAwayCode.PROTOCOL_ERROR);
  }

  #fail(reason: PluginError, lastWord: GoAwayCode | undefined): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    clearInterval(this.#keepAlive);
    if (lastWord !== undefined) this.#writer.frame(FrameType.GO_AWAY, 0, 0, lastWord);
    this.#writer.stop();
    this.#pings.end(reason);
    this.#unanswered.clear();
    this.#lingering.clear();
    hangUp(this.#connection);
    for (const stream of this.#streams.values()) stream.breakOff(reason);
    this.#streams.clear();
    this.#resolveClosed(reason);
  }
}
