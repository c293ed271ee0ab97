import { type Clock, systemClock } from './clock';

/** How far the multiplier goes, as in Lifeguard (SWIM with local health awareness). */
export const MAX_MULTIPLIER = 8;

/** A timer that is later than this says something of the loop: less is how timers are. */
const TOLERANCE_MS = 50;

/** How far the wall clock has to run ahead of the monotonic one: less may be a correction of the time. */
const SLEEP_MS = 1_000;

/** Stalls double the multiplier from here: one of 200 ms counts 1, one of 12.8 s or more counts all. */
const SHORT_STALL_MS = 100;

/** For so long the loop has to be on time before it is trusted one step more: from 8 to 1 in 14 s. */
const RECOVERY_MS = 2_000;

/** Of the last stalls each is known; more than these are older than any probe that may ask. */
const KEPT_STALLS = 512;

export interface StallFigures {
  /** How often the loop was late by more than 50 ms. */
  readonly stalls: number;
  /** By how much altogether. */
  readonly lateMs: number;
  readonly longestMs: number;
  /** How often the machine slept, as far as its clocks tell. */
  readonly sleeps: number;
  readonly multiplier: number;
}

/**
 * How late the host itself is, so that it blames no plugin for answers that it didn't read: a blocked event loop, a
 * process that was stopped, a machine that slept. One timer that looks how late it comes; one meter serves a host.
 *
 * Each stall is measured from the moment at which the timer was due, so it is at most `intervalMs` too short. More
 * often than four times a second would cost more of an idle host's processor than it tells.
 */
export class StallMeter {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  #cancel: (() => void) | undefined;
  #last: { now: number; wall: number } | undefined;
  readonly #stalls: { readonly from: number; readonly to: number }[] = [];
  #sleptUntil = Number.NEGATIVE_INFINITY;
  #steadySince = 0;
  #score = 0;
  #count = 0;
  #lateMs = 0;
  #longestMs = 0;
  #sleeps = 0;

  constructor({ clock = systemClock, intervalMs = 250 }: { clock?: Clock; intervalMs?: number } = {}) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
  }

  start(): void {
    if (this.#cancel) return;
    this.#last = { now: this.#clock.now(), wall: this.#clock.wallNow() };
    this.#steadySince = this.#last.now;
    this.#arm();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#last = undefined;
  }

  /** By how much deadlines are to be widened at present: 1 where the host is on time, up to {@link MAX_MULTIPLIER}. */
  get multiplier(): number {
    this.#lookIfDue();
    return this.#score + 1;
  }

  /**
   * For how much of the time since then, in ms, the host could not have noticed anything. A stall that goes on, or
   * has ended in this very turn of the loop, is in it. What lies before a sleep of the machine counts wholly: what
   * was on its way then proves nothing.
   *
   * @param time monotonic, in ms, on the meter's clock
   */
  lateSince(time: number): number {
    this.#lookIfDue();
    const from = Math.max(time, this.#sleptUntil);
    const late = this.#stalls.reduce(
      (sum, stall) => sum + Math.max(0, stall.to - Math.max(stall.from, from)),
      from - time,
    );
    return Math.min(late, Math.max(0, this.#clock.now() - time));
  }

  figures(): StallFigures {
    const { multiplier } = this;
    return {
      stalls: this.#count,
      lateMs: this.#lateMs,
      longestMs: this.#longestMs,
      sleeps: this.#sleeps,
      multiplier,
    };
  }

  #arm(): void {
    this.#cancel = this.#clock.after(this.#intervalMs, () => {
      this.#look();
      this.#arm();
    });
  }

  /** After a stall other timers may come before the meter's own: whoever asks makes it look. */
  #lookIfDue(): void {
    if (!this.#last) return;
    const gap = this.#clock.now() - this.#last.now;
    const ahead = this.#clock.wallNow() - this.#last.wall - gap;
    if (gap > this.#intervalMs + TOLERANCE_MS || ahead > SLEEP_MS) this.#look();
  }

  #look(): void {
    if (!this.#last) return;
    const [now, wall] = [this.#clock.now(), this.#clock.wallNow()];
    const due = this.#last.now + this.#intervalMs;
    // Linux' monotonic clock stands still while the machine sleeps, and only the wall clock shows it; on macOS
    // and Windows it goes on, and the sleep looks like any stall. A wall clock that somebody set forward looks
    // like a sleep: that costs one round of probes.
    const ahead = wall - this.#last.wall - (now - this.#last.now);
    this.#last = { now, wall };
    if (now - due > TOLERANCE_MS) this.#stalled(due, now);
    if (ahead > SLEEP_MS) this.#slept(now);
    if (now - this.#steadySince >= RECOVERY_MS && this.#score > 0) {
      this.#score -= 1;
      this.#steadySince = now;
    }
  }

  #stalled(from: number, to: number): void {
    const lateMs = to - from;
    this.#stalls.push({ from, to });
    if (this.#stalls.length > KEPT_STALLS) this.#stalls.shift();
    this.#count += 1;
    this.#lateMs += lateMs;
    this.#longestMs = Math.max(this.#longestMs, lateMs);
    this.#distrust(Math.max(this.#score + 1, Math.floor(Math.log2(lateMs / SHORT_STALL_MS))), to);
  }

  #slept(now: number): void {
    this.#sleptUntil = now;
    this.#sleeps += 1;
    this.#distrust(MAX_MULTIPLIER, now);
  }

  #distrust(score: number, now: number): void {
    this.#score = Math.min(score, MAX_MULTIPLIER - 1);
    this.#steadySince = now;
  }
}
