import { setTimeout as sleep } from 'node:timers/promises';
import type { GetDaemonResponse, WatchEventsResponse } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { AdminClient } from '../admin/admin-client';
import type { HostEvent } from '../events/host-event';
import type { Logger } from '../events/logger';
import { waitAtMost } from '../launch/wait-at-most';
import { eventOf } from './documents';

/** What the link tells of, in the order in which it happens. */
export interface LinkListener {
  /** @param dropped how many were lost before this one */
  onEvent(event: HostEvent, dropped: number): void;
  /**
   * The daemon is there no more, or can't be reached.
   *
   * @param inOrder it has said so itself: it is about to leave
   */
  onLost(inOrder: boolean): void;
  /**
   * It is there again; its events go on when the promise resolves.
   *
   * @param restarted it is another process, which knows nothing of what the one before did
   */
  onBack(daemon: GetDaemonResponse, restarted: boolean): Promise<void>;
}

const firstDelayMs = 50;
const longestDelayMs = 250;
/** For an answer of a daemon that takes the connection. */
const answerMs = 5_000;
/** A daemon that ends its streams in order is about to leave: for so long it is not taken for the next one, in milliseconds. */
const leavingMs = 10_000;

/** The connection of an application to a daemon: follows its events, and finds it again where it was lost. */
export class DaemonLink {
  readonly #admin: AdminClient;
  readonly #logger: Logger;
  readonly #listener: LinkListener;
  readonly #closing = new AbortController();
  #daemon: GetDaemonResponse;
  /** Of the latest event that has been told. */
  #sequence: number;
  #lives = true;
  #losses = 0;
  #waiting: { readonly sequence: number; readonly resolve: () => void }[] = [];
  #following: Promise<void> | undefined;

  constructor(admin: AdminClient, logger: Logger, listener: LinkListener) {
    this.#admin = admin;
    this.#logger = logger;
    this.#listener = listener;
    this.#daemon = admin.daemon;
    this.#sequence = admin.daemon.eventSequence;
  }

  /** The daemon as it was last found. */
  get daemon(): GetDaemonResponse {
    return this.#daemon;
  }

  /** How often it was lost: what was asked before a loss says nothing of what is after it. */
  get losses(): number {
    return this.#losses;
  }

  begin(): void {
    this.#following ??= this.#follow();
  }

  /** Resolves when the events up to this one have been told, or can't be any more; at the latest at the limit. */
  async told(sequence: number, limitMs: number): Promise<void> {
    if (sequence <= this.#sequence || !this.#lives) return;
    await waitAtMost(new Promise<void>((resolve) => this.#waiting.push({ sequence, resolve })), limitMs);
  }

  /** The daemon that answers now, or as soon as one does; undefined where none does within the limit. */
  async whenFound(limitMs: number): Promise<GetDaemonResponse | undefined> {
    const limit = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(limitMs)]);
    return this.#ask(limit, () => true);
  }

  /** Resolves when the daemon has loaded what lies there; false: there was another loss than these before. */
  async loaded(losses: number): Promise<boolean> {
    const isOver = (): boolean => losses !== this.#losses;
    const found = await this.#ask(this.#closing.signal, ({ loading }) => !loading || isOver());
    return found !== undefined && !isOver();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#wakeAll();
    await this.#following;
  }

  async #follow(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const error = await this.#untilLost(signal);
      if (signal.aborted) return;
      if (error instanceof PluginError && error.code === 'DAEMON_TOO_OLD') {
        this.#logger.error("the daemon's events can't be followed", { error: error.summary });
        // As if all had been told: nobody waits for what can't come.
        this.#sequence = Number.MAX_SAFE_INTEGER;
        this.#wakeAll();
        return;
      }
      this.#lives = false;
      this.#losses++;
      this.#logger.warn('the daemon was lost', {
        socket: this.#admin.socket,
        why: String(error ?? 'it leaves'),
      });
      this.#wakeAll();
      this.#listener.onLost(error === undefined);
      await this.#findAgain(signal, error === undefined);
    }
  }

  /** What ended the stream of events; undefined: the daemon, in order. */
  async #untilLost(signal: AbortSignal): Promise<unknown> {
    try {
      const query = { afterSequence: this.#sequence, follow: true };
      for await (const response of this.#admin.watchEvents(query, { signal })) this.#tell(response);
      return undefined;
    } catch (error) {
      return error;
    }
  }

  #tell({ event: document, dropped }: WatchEventsResponse): void {
    const event = eventOf(document);
    if (event === undefined) return;
    this.#sequence = event.sequence;
    this.#listener.onEvent(event, dropped);
    const told = this.#waiting.filter(({ sequence }) => sequence <= event.sequence);
    if (told.length === 0) return;
    this.#waiting = this.#waiting.filter(({ sequence }) => sequence > event.sequence);
    for (const { resolve } of told) resolve();
  }

  async #findAgain(signal: AbortSignal, leaving: boolean): Promise<void> {
    const gone = performance.now() + leavingMs;
    const found = await this.#ask(signal, (daemon) => {
      return !leaving || this.#isAnother(daemon) || performance.now() > gone;
    });
    if (found === undefined) return;
    const restarted = this.#isAnother(found);
    this.#daemon = found;
    if (restarted) this.#sequence = 0;
    this.#logger.info('the daemon is back', { socket: this.#admin.socket, restarted });
    await this.#listener.onBack(found, restarted);
    this.#lives = true;
  }

  #isAnother({ pid, startedAt }: GetDaemonResponse): boolean {
    return pid !== this.#daemon.pid || startedAt !== this.#daemon.startedAt;
  }

  /** Asks until one answers that will do; undefined once the signal has fired. */
  async #ask(
    signal: AbortSignal,
    willDo: (daemon: GetDaemonResponse) => boolean,
  ): Promise<GetDaemonResponse | undefined> {
    for (let delayMs = firstDelayMs; ; delayMs = Math.min(2 * delayMs, longestDelayMs)) {
      await sleep(delayMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return undefined;
      const found = await this.#admin.getDaemon({}, { timeoutMs: answerMs, signal }).catch(() => undefined);
      if (found !== undefined && willDo(found)) return found;
    }
  }

  #wakeAll(): void {
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }
}
