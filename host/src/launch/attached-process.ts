import type { Platform, ProcessIdentity } from '../platform/platform';
import type { ExitInfo, KeptProcess } from './keeper';

const POLL_INTERVAL_MS = 250;

/** A process that somebody else started: its exit is seen by looking, and how it exited can't be learnt. */
export class AttachedProcess implements KeptProcess {
  readonly pid: number;
  readonly group: number | null;
  readonly startTime: Promise<string | null>;
  readonly exited: Promise<ExitInfo>;
  readonly #identity: ProcessIdentity;
  readonly #platform: Platform;
  #exit: ExitInfo | undefined;
  #settle: (exit: ExitInfo) => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  #released = false;

  constructor(identity: ProcessIdentity, group: number | null, platform: Platform) {
    this.#identity = identity;
    this.#platform = platform;
    this.pid = identity.pid;
    this.group = group;
    this.startTime = Promise.resolve(identity.startTime);
    this.exited = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#schedule();
  }

  get exit(): ExitInfo | undefined {
    return this.#exit;
  }

  /** Looks now rather than at the next turn. */
  async #look(): Promise<boolean> {
    if (this.#exit === undefined && (await this.#platform.isGone(this.#identity))) {
      clearTimeout(this.#timer);
      this.#exit ??= { code: null, signal: null, at: Date.now() };
      this.#settle(this.#exit);
    }
    return this.#exit !== undefined;
  }

  #schedule(): void {
    this.#timer = setTimeout(async () => {
      if (!(await this.#look()) && !this.#released) this.#schedule();
    }, POLL_INTERVAL_MS).unref();
  }

  onOutput(): void {}

  async outputEnded(): Promise<void> {}

  holdOutput(): void {}

  closeOutput(): void {}

  async signal(kind: 'terminate' | 'kill'): Promise<boolean> {
    // Nobody holds this pid for us: it may have become another process's in the meantime.
    if (await this.#look()) return false;
    return kind === 'terminate'
      ? this.#platform.terminate(this.pid, this.group)
      : this.#platform.kill(this.pid, this.group);
  }

  /** Stops looking. */
  release(): void {
    this.#released = true;
    clearTimeout(this.#timer);
  }
}
