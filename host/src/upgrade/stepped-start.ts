import type { RunStep, StartStep } from '../instance/instance-factory';

/**
 * A start that stops before each of its parts until it is told to do it: so that whoever counts the steps of an operation
 * can do something in between.
 */
export class SteppedStart {
  readonly #started: Promise<void>;
  readonly #gates = new Map<StartStep, Gate>();

  /** @param start begins at once, and waits before its first step. */
  constructor(start: (runStep: RunStep) => Promise<void>) {
    this.#started = start(async (step, work) => {
      const gate = this.#gate(step);
      await gate.opened;
      const done = work();
      gate.reached(done.then(() => {}));
      return done;
    });
    this.#started.catch(() => {});
  }

  /** Does a part, and resolves when it is done. Rejects with the start. Not to be called for parts that it does not have. */
  async perform(step: StartStep): Promise<void> {
    const gate = this.#gate(step);
    gate.open();
    await Promise.race([gate.done, this.#started]);
    // A part that failed has ended the start, which clears up behind itself: to be waited for, and it knows more.
    await gate.done.catch(() => this.#started);
  }

  /** All parts have been done, and the new one is there. */
  whole(): Promise<void> {
    return this.#started;
  }

  /** Lets it run into its end, whatever that is: for a start that was given up. Never rejects. */
  async abandon(): Promise<void> {
    for (const step of ['start', 'health', 'contract'] as const) this.#gate(step).open();
    await this.#started.catch(() => {});
  }

  #gate(step: StartStep): Gate {
    const gate = this.#gates.get(step) ?? new Gate();
    this.#gates.set(step, gate);
    return gate;
  }
}

class Gate {
  readonly opened: Promise<void>;
  readonly done: Promise<void>;
  open: () => void = () => {};
  reached: (done: Promise<void>) => void = () => {};

  constructor() {
    this.opened = new Promise((resolve) => {
      this.open = resolve;
    });
    this.done = new Promise((resolve) => {
      this.reached = resolve;
    });
    this.done.catch(() => {});
  }
}
