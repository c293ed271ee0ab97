import fs from 'node:fs';
import { divertDescriptor } from './divert-descriptor';
import { FdWriter } from './fd-writer';
import { divertStream } from './printed';
import { type StdioChannel, StdioHub } from './stdio-hub';

/** How long the end of the process may wait for the host to take the last lines. */
const LAST_WORDS_MS = 250;
const LAST_WORDS_BYTES = 64 * 1024;

// The guard may be loaded apart from the plugin's bundle; both must speak of the same streams.
const key = Symbol.for('plugd.sdk.capture.1');

/** The process's own output while it is a plugin. */
export class Capture {
  /** What was printed, for the stdio service. */
  readonly hub = new StdioHub();
  /** The real standard output: the handshake line goes there, and nothing else. */
  readonly stdout: FdWriter;
  /** The real standard error: log records go there. */
  readonly stderr: FdWriter;
  #handshakeDone = false;

  constructor() {
    const { writeSync } = fs;
    this.stdout = new FdWriter(1, writeSync);
    this.stderr = new FdWriter(2, writeSync);
    this.#divert('stdout', () => true);
    // As in Go plugins, standard error stays the real one up to the handshake: whatever goes wrong before it is seen by the host at once.
    this.#divert('stderr', () => this.#handshakeDone);
    divertDescriptor(this.hub);
    process.on('exit', () => this.#lastWords());
  }

  /** From here on standard error goes to the hub too. */
  handshakeDone(): void {
    this.#handshakeDone = true;
  }

  /** Diverts the stream when it is first asked for: to make one costs time, and sets its pipe to non-blocking. */
  #divert(channel: StdioChannel, captured: () => boolean): void {
    const property = Object.getOwnPropertyDescriptor(process, channel);
    let stream: NodeJS.WriteStream | undefined;
    Object.defineProperty(process, channel, {
      configurable: true,
      enumerable: true,
      get: (): NodeJS.WriteStream => {
        if (stream === undefined) {
          stream = (
            property?.get === undefined ? property?.value : property.get.call(process)
          ) as NodeJS.WriteStream;
          divertStream(stream, channel, this.hub, captured);
        }
        return stream;
      },
    });
  }

  /** What nobody read may be the reason why the process ends: it goes to the real standard error. */
  #lastWords(): void {
    if (!this.#handshakeDone) this.stderr.write(this.hub.takeAll('stdout').subarray(-LAST_WORDS_BYTES));
    this.stderr.write(this.hub.takeAll('stderr').subarray(-LAST_WORDS_BYTES));
    this.stderr.flush(LAST_WORDS_MS);
  }
}

/** Takes over the process's output, once; later calls give the same. */
export function captureOutput(): Capture {
  const known: unknown = Reflect.get(globalThis, key);
  if (known !== undefined) return known as Capture;
  const capture = new Capture();
  Object.defineProperty(globalThis, key, { value: capture });
  return capture;
}
