import type { PluginError } from '../plugin-error';
import { Watchdog } from './watchdog';

interface PendingPing {
  readonly sentAt: number;
  readonly limit: Watchdog;
  resolve(elapsedMs: number): void;
  reject(reason: PluginError): void;
}

/** The questions whether the peer is still there, and its answers. */
export class Pings {
  readonly #send: (value: number) => void;
  readonly #timeoutMs: number;
  readonly #timedOut: () => PluginError;
  readonly #pending = new Map<number, PendingPing>();
  #next = 0;

  constructor(timeoutMs: number, timedOut: () => PluginError, send: (value: number) => void) {
    this.#timeoutMs = timeoutMs;
    this.#timedOut = timedOut;
    this.#send = send;
  }

  ask(): Promise<number> {
    const value = this.#next;
    this.#next = (this.#next + 1) >>> 0;
    return new Promise((resolve, reject) => {
      const limit = new Watchdog(this.#timeoutMs, () => {
        this.#pending.delete(value);
        reject(this.#timedOut());
      });
      this.#pending.set(value, { sentAt: performance.now(), limit, resolve, reject });
      limit.start();
      this.#send(value);
    });
  }

  /** An answer to nothing is ignored: it may be to a question that was given up. */
  answered(value: number): void {
    const ping = this.#pending.get(value);
    this.#pending.delete(value);
    ping?.limit.stop();
    ping?.resolve(performance.now() - ping.sentAt);
  }

  end(reason: PluginError): void {
    for (const { limit, reject } of this.#pending.values()) {
      limit.stop();
      reject(reason);
    }
    this.#pending.clear();
  }
}
