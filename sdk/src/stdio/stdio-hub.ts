import { ByteRing } from './byte-ring';

export type StdioChannel = 'stdout' | 'stderr';

export interface StdioChunk {
  readonly channel: StdioChannel;
  readonly bytes: Buffer;
}

export interface StdioHubOptions {
  /** Bytes kept for each channel while nobody reads; older ones are dropped. Default: 1 MiB. */
  readonly limitBytes?: number;
  /** How long a reader that takes nothing may make a careful writer wait, in milliseconds. Default: 1000. */
  readonly stallTimeoutMs?: number;
}

/** Above it a writer is asked to wait for `drain`, as a real stream would. */
const HIGH_WATER_BYTES = 64 * 1024;

interface Lane {
  readonly ring: ByteRing;
  /** Callbacks of writes, each due once so many bytes of the lane have been taken or dropped. */
  readonly waiting: { readonly at: number; readonly done: () => void }[];
  readonly drained: (() => void)[];
  /** A write was answered with "wait". */
  congested: boolean;
}

/**
 * What the plugin prints, on its way to the one reader that go-plugin's stdio service has.
 *
 * Printing never blocks and never grows without bound. While a reader is there, the answer of
 * {@link write} and its callback follow the reader, so that `source.pipe(process.stdout)` loses nothing;
 * without one, or with one that has stalled, all is accepted and the oldest is dropped.
 */
export class StdioHub {
  readonly #lanes: Record<StdioChannel, Lane>;
  readonly #stallTimeoutMs: number;
  #reader: StdioReader | undefined;
  #wake: (() => void) | undefined;
  #age = 0;
  #stallTimer: NodeJS.Timeout | undefined;
  #stalled = false;
  #ending = false;

  constructor(options: StdioHubOptions = {}) {
    const limitBytes = options.limitBytes ?? 1024 * 1024;
    const lane = (): Lane => ({ ring: new ByteRing(limitBytes), waiting: [], drained: [], congested: false });
    this.#lanes = { stdout: lane(), stderr: lane() };
    this.#stallTimeoutMs = options.stallTimeoutMs ?? 1000;
  }

  /**
   * @param done called once the bytes have left the hub, or at once where nobody reads
   * @returns false where the writer should wait for {@link onDrain}
   */
  write(channel: StdioChannel, bytes: Uint8Array, done?: () => void): boolean {
    const lane = this.#lanes[channel];
    lane.ring.push(bytes, this.#age++);
    if (this.#reader === undefined || this.#stalled) {
      if (done !== undefined) process.nextTick(done);
      return true;
    }
    if (done !== undefined) lane.waiting.push({ at: lane.ring.pushed, done });
    this.#wake?.();
    this.#settle(lane);
    if (lane.ring.length <= HIGH_WATER_BYTES) return true;
    lane.congested = true;
    this.#watchForStall();
    return false;
  }

  /** Calls the listener each time a writer that was asked to wait may go on. */
  onDrain(channel: StdioChannel, listener: () => void): void {
    this.#lanes[channel].drained.push(listener);
  }

  /** Bytes that were dropped because nobody took them in time. */
  dropped(channel: StdioChannel): number {
    return this.#lanes[channel].ring.dropped;
  }

  /** Becomes the reader; undefined if there is one. */
  attach(): StdioReader | undefined {
    if (this.#reader !== undefined) return undefined;
    const reader: StdioReader = {
      next: (signal) => this.#next(reader, signal),
      detach: () => this.#detach(reader),
    };
    this.#reader = reader;
    return reader;
  }

  /** The plugin leaves: the reader gets what waits, and then no more. */
  end(): void {
    this.#ending = true;
    this.#wake?.();
  }

  /** Takes all that waits on a channel, for the moment before the process ends. */
  takeAll(channel: StdioChannel): Buffer {
    const { ring } = this.#lanes[channel];
    const rest: Buffer[] = [];
    for (let bytes = ring.shift(); bytes !== undefined; bytes = ring.shift()) rest.push(bytes);
    return Buffer.concat(rest);
  }

  async #next(reader: StdioReader, signal: AbortSignal): Promise<StdioChunk | undefined> {
    for (;;) {
      if (signal.aborted || this.#reader !== reader) return undefined;
      const chunk = this.#take();
      if (chunk !== undefined || this.#ending) return chunk;
      await new Promise<void>((resolve) => {
        const wake = () => {
          signal.removeEventListener('abort', wake);
          this.#wake = undefined;
          resolve();
        };
        this.#wake = wake;
        signal.addEventListener('abort', wake, { once: true });
      });
    }
  }

  #take(): StdioChunk | undefined {
    const { stdout, stderr } = this.#lanes;
    const channel: StdioChannel = stderr.ring.age < stdout.ring.age ? 'stderr' : 'stdout';
    const lane = this.#lanes[channel];
    const bytes = lane.ring.shift();
    if (bytes === undefined) return undefined;
    this.#stalled = false;
    clearTimeout(this.#stallTimer);
    this.#stallTimer = undefined;
    this.#settle(lane);
    if (lane.congested) {
      if (lane.ring.length <= HIGH_WATER_BYTES) this.#release(lane);
      else this.#watchForStall();
    }
    return { channel, bytes };
  }

  /** Calls back the writes whose bytes have left. */
  #settle(lane: Lane): void {
    const gone = lane.ring.pushed - lane.ring.length;
    const first = lane.waiting[0];
    if (first === undefined || first.at > gone) return;
    const still = lane.waiting.findIndex(({ at }) => at > gone);
    const settled = lane.waiting.splice(0, still < 0 ? lane.waiting.length : still);
    for (const { done } of settled) process.nextTick(done);
  }

  #release(lane: Lane): void {
    lane.congested = false;
    for (const listener of lane.drained) process.nextTick(listener);
  }

  #watchForStall(): void {
    this.#stallTimer ??= setTimeout(() => {
      this.#stallTimer = undefined;
      this.#stalled = true;
      this.#letGo();
    }, this.#stallTimeoutMs).unref();
  }

  #detach(reader: StdioReader): void {
    if (this.#reader !== reader) return;
    this.#reader = undefined;
    this.#stalled = false;
    clearTimeout(this.#stallTimer);
    this.#stallTimer = undefined;
    this.#wake?.();
    this.#letGo();
  }

  /** Nobody has to wait any longer for a reader that is gone or as good as gone. */
  #letGo(): void {
    for (const lane of [this.#lanes.stdout, this.#lanes.stderr]) {
      for (const { done } of lane.waiting.splice(0)) process.nextTick(done);
      if (lane.congested) this.#release(lane);
    }
  }
}

/** The right to take what is printed; whoever holds it must give it back. */
export interface StdioReader {
  /** The oldest bytes; waits for some. Undefined once the signal aborts, the reader is detached or the plugin leaves. */
  next(signal: AbortSignal): Promise<StdioChunk | undefined>;
  detach(): void;
}
