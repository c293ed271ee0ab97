import { LONGEST_TIMER_MS } from '@plugd/protocol/longest-timer';
import type { HealthAnswer } from '../connection/health';
import type { HealthSpec } from '../instance/health-options';
import { type Clock, systemClock } from './clock';
import { HealthJudge, type HealthVerdict } from './health-judge';
import { MAX_MULTIPLIER, type StallMeter } from './stall-meter';

/** What a plugin was taken for ill by. */
export interface Illness {
  /** `silent`: it gave no answer in time. */
  readonly kind: 'silent' | 'not-serving' | 'failed';
  /** So many bad or missing answers in a row. */
  readonly failures: number;
  /** Since the question that the first of them belongs to, in ms. */
  readonly forMs: number;
  /** The status that it reported, where it is not serving. */
  readonly reported?: string;
  readonly error?: unknown;
}

export interface HealthMonitorOptions {
  readonly spec: HealthSpec;
  /** Asks once. What it throws counts as a failed answer. */
  readonly probe: (limit: {
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
  }) => Promise<HealthAnswer>;
  /** The host's own; it has to run. */
  readonly stalls: Pick<StallMeter, 'lateSince' | 'multiplier'>;
  /**
   * Whether the plugin was called since this was last asked, or has calls in flight: one at rest is asked less often.
   * Without it the plugin counts as used all the time.
   */
  readonly used?: () => boolean;
  readonly clock?: Clock;
  /** From 0 up to, but not including, 1. */
  readonly random?: () => number;
}

/** Between two questions, either way, so that plugins that began or woke together don't stay in step. */
const JITTER = 0.1;

/** The time that the loop being late may add to one question, at most. */
const PATIENCE_MS = 60_000;

/** The least time that is added where a part of it was lost. */
const LEAST_MS = 20;

/** Answers are decrypted, unpacked and decoded before they are seen, maybe not in the turn in which they are read. */
const GRACE_TURNS = 2;

interface Question {
  readonly sentAt: number;
  readonly limitMs: number;
  readonly abort: AbortController;
  cancel: () => void;
}

/**
 * Asks one instance again and again how it is, one question at a time, and tells when it has become ill.
 *
 * When a host that was stopped or blocked goes on, its timers come first and its sockets after them: each question
 * on its way seems to be overdue, though the answer may have lain in the socket all the time. So a deadline that
 * comes is only believed if the plugin had its whole time while the host was on time, and then the loop reads its
 * sockets once more before the plugin counts as silent.
 */
export class HealthMonitor {
  readonly #options: HealthMonitorOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #judge: HealthJudge;
  #onUnhealthy: ((illness: Illness) => void) | undefined;
  #question: Question | undefined;
  #cancelNext: () => void = () => {};
  #lastAskedAt = Number.NEGATIVE_INFINITY;
  #nextAt = Number.POSITIVE_INFINITY;
  #badSince: number | undefined;

  constructor(options: HealthMonitorOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#judge = new HealthJudge(options.spec);
  }

  /**
   * The first question comes at a random time within the interval. Once only: a stopped monitor stays stopped.
   *
   * @param onUnhealthy told once, and nothing is asked after it
   */
  start(onUnhealthy: (illness: Illness) => void): void {
    this.#onUnhealthy = onUnhealthy;
    this.#askIn(this.#random() * this.#options.spec.intervalMs);
  }

  /**
   * Somebody has a doubt, for example since a call had no answer in time: the next question comes at once, but not
   * sooner than an interval after the last.
   */
  hurry(): void {
    this.#askBy(this.#clock.now());
  }

  /** One that was at rest is called: from now on it is asked as one at work. */
  wake(): void {
    this.#askBy(this.#clock.now() + this.#options.spec.intervalMs);
  }

  /** Nothing is told after it. */
  stop(): void {
    this.#onUnhealthy = undefined;
    this.#cancelNext();
    const question = this.#question;
    this.#question = undefined;
    question?.cancel();
    question?.abort.abort();
  }

  #askBy(time: number): void {
    if (!this.#onUnhealthy || this.#question) return;
    const at = Math.max(time, this.#lastAskedAt + this.#options.spec.intervalMs);
    if (at >= this.#nextAt) return;
    this.#cancelNext();
    this.#askIn(at - this.#clock.now());
  }

  #askIn(ms: number): void {
    this.#nextAt = this.#clock.now() + ms;
    this.#cancelNext = this.#clock.after(ms, () => this.#ask());
  }

  #ask(): void {
    const { timeoutMs } = this.#options.spec;
    const question: Question = {
      sentAt: this.#clock.now(),
      limitMs: this.#limitMs(),
      abort: new AbortController(),
      cancel: () => {},
    };
    this.#question = question;
    this.#lastAskedAt = question.sentAt;
    this.#expect(question, question.limitMs);
    // Its own deadline lies behind every limit of this monitor: a deadline is no judge of a late host.
    const limit = {
      timeoutMs: Math.min(LONGEST_TIMER_MS, timeoutMs * MAX_MULTIPLIER + PATIENCE_MS),
      signal: question.abort.signal,
    };
    new Promise<HealthAnswer>((resolve) => resolve(this.#options.probe(limit))).then(
      (answer) => this.#settle(question, answer),
      (error: unknown) => this.#settle(question, { status: 'failed', error }),
    );
  }

  #limitMs(): number {
    return Math.min(LONGEST_TIMER_MS, this.#options.spec.timeoutMs * this.#options.stalls.multiplier);
  }

  #expect(question: Question, ms: number): void {
    question.cancel = this.#clock.after(ms, () => this.#overdue(question));
  }

  #overdue(question: Question): void {
    const elapsed = this.#clock.now() - question.sentAt;
    const hadMs = elapsed - this.#options.stalls.lateSince(question.sentAt);
    // The host may have become late since the question was sent, and is less to be trusted now.
    const limitMs = Math.max(question.limitMs, this.#limitMs());
    if (hadMs < limitMs && elapsed < limitMs + PATIENCE_MS) {
      this.#expect(question, Math.max(LEAST_MS, limitMs - hadMs));
    } else {
      this.#giveUp(question, GRACE_TURNS);
    }
  }

  #giveUp(question: Question, turns: number): void {
    question.cancel = this.#clock.atTurnEnd(() => {
      if (turns > 1) this.#giveUp(question, turns - 1);
      else this.#settle(question, undefined);
    });
  }

  /** Where there is any doubt, and so after each answer but a good one, a plugin at rest is asked as one at work. */
  #intervalMs(verdict: HealthVerdict): number {
    const { intervalMs, idleIntervalMs } = this.#options.spec;
    const used = this.#options.used?.() ?? true;
    return used || verdict !== 'well' ? intervalMs : idleIntervalMs;
  }

  /** @param answer undefined where none came in time */
  #settle(question: Question, answer: HealthAnswer | undefined): void {
    if (this.#question !== question) return;
    this.#question = undefined;
    question.cancel();
    const { sentAt } = question;
    const answeredAt = this.#clock.now();
    const stalledMs = this.#options.stalls.lateSince(sentAt);
    const verdict = this.#judge.record({
      status: answer?.status ?? 'failed',
      sentAt,
      answeredAt,
      stalledMs,
    });
    question.abort.abort();
    this.#badSince = this.#judge.failures === 0 ? undefined : (this.#badSince ?? sentAt);
    if (verdict === 'unhealthy') {
      const tell = this.#onUnhealthy;
      this.stop();
      tell?.(this.#illness(answer, answeredAt));
    } else {
      const pace = this.#intervalMs(verdict) * (1 - JITTER + 2 * JITTER * this.#random());
      this.#askIn(Math.max(0, sentAt + pace - answeredAt));
    }
  }

  #illness(answer: HealthAnswer | undefined, now: number): Illness {
    const common = { failures: this.#judge.failures, forMs: now - (this.#badSince ?? now) };
    if (answer?.status === 'not-serving') {
      return { kind: 'not-serving', reported: answer.reported, ...common };
    }
    if (answer?.status === 'failed') return { kind: 'failed', error: answer.error, ...common };
    return { kind: 'silent', ...common };
  }
}
