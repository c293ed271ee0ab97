import { PluginError } from '@plugd/protocol/plugin-error';
import type { Cause } from '../events/host-event';
import type { Instance } from '../instance/instance';
import { activate } from '../supervision/begin-life';
import type { Supervisor } from '../supervision/supervisor';
import { asPluginError } from './as-plugin-error';
import type { Handoff } from './handoff';
import { lifecycleTimeoutMs, transferTimeoutMs } from './limits';
import type { OperationTarget } from './operation-target';

/** What has not ended after so long may have no end: it is told that it should. */
const endsByItselfMs = 100;
/** For a plugin to take note of that. */
const announceTimeoutMs = 1_000;

/** What served when an operation began, if anything did. */
export class OldSide {
  readonly #target: OperationTarget;
  readonly #handoff: Handoff;

  constructor(
    readonly supervisor: Supervisor | undefined,
    target: OperationTarget,
    handoff: Handoff,
  ) {
    this.#target = target;
    this.#handoff = handoff;
  }

  /** Whether none of its processes is there any more. */
  get gone(): boolean {
    return this.supervisor?.alive !== true;
  }

  /** Throws PluginError PLUGIN_EXITED. */
  get instance(): Instance {
    const { first } = this.supervisor ?? {};
    if (first === undefined || this.gone) throw this.lost('while its state was handed over');
    return first.instance;
  }

  /**
   * Waits until the calls in flight that may change its state have ended; from then on such calls wait, whatever they
   * descend from. Throws PluginError QUIESCE_TIMEOUT; then it goes on as before.
   */
  async quiesce(limitMs: number, warn: (warning: PluginError) => void): Promise<void> {
    const { supervisor } = this;
    if (supervisor === undefined) return;
    const { contract, generation } = supervisor;
    const matters = (path: string | undefined) =>
      path === undefined || contract.method(path)?.idempotency !== 'no-side-effects';
    const due = performance.now() + limitMs;
    const still = () => this.#target.standStill(supervisor, matters);
    for (const endpoint of generation.endpoints) endpoint.sendOn(matters);
    if (await generation.quiesce(matters, Math.min(limitMs, endsByItselfMs), still)) return;
    this.#drains(true);
    const told = announceDrain(supervisor, due - performance.now());
    const quiet = await generation.quiesce(matters, due - performance.now(), still);
    // What comes after it must not be overtaken by it.
    await told;
    if (quiet) return;
    const { inFlight } = generation;
    // It goes on: what it begins from now on need not end.
    await this.resume().catch((error: unknown) =>
      warn(asPluginError(error, 'the old version was not told to go on')),
    );
    throw new PluginError(
      'QUIESCE_TIMEOUT',
      `Calls of plugin ${this.#target.name} that may change its state did not end within ${limitMs.toFixed(0)} ms.`,
      { facts: { inFlight, limitMs: Math.round(limitMs) } },
    );
  }

  /** Throws PluginError HANDOFF_FAILED, PLUGIN_EXITED. */
  async resume(): Promise<void> {
    await this.#handoff.resume(this.instance, lifecycleTimeoutMs);
    this.#drains(false);
  }

  /**
   * Ends what is left of it and puts its version into the route again, with the state that it gave. Throws what a start
   * throws; then nothing serves.
   */
  async startAgain(cause: Cause): Promise<void> {
    const old = this.supervisor;
    if (old === undefined) return;
    await old.kill(cause);
    this.#target.retired(old);
    await old.replacedBy(() => this.#start(old));
  }

  async #start(old: Supervisor): Promise<void> {
    const again = this.#target.supervise(old.spec, this.#target.nextGeneration());
    try {
      await again.start({ signal: new AbortController().signal, runStep: (_step, work) => work() });
      await this.#begin(again);
    } catch (error) {
      await again.kill({ reason: 'start-failed' });
      const failure = asPluginError(error, 'the old version could not be started again');
      this.#target.fail(failure);
      throw failure;
    }
    this.#target.swap(again);
  }

  async #begin(again: Supervisor): Promise<void> {
    const { taken } = this.#handoff;
    const { first } = again;
    if (taken === undefined || first === undefined) {
      await again.begin();
      return;
    }
    await this.#handoff.restore(first.instance, taken, transferTimeoutMs);
    await activate(first.instance, lifecycleTimeoutMs);
    this.#target.resources.take(again.generation.number);
  }

  /** Calls that end from now on end because it leaves; or as if nothing had been. */
  #drains(draining: boolean): void {
    for (const endpoint of this.supervisor?.generation.endpoints ?? []) endpoint.draining = draining;
  }

  lost(when: string): PluginError {
    return new PluginError(
      'PLUGIN_EXITED',
      `The old version of plugin ${this.#target.name} was lost ${when}.`,
    );
  }
}

/** Streams without an end should end: as in an overlap, only that they end before the swap. */
async function announceDrain(old: Supervisor, limitMs: number): Promise<void> {
  const timeoutMs = Math.max(1, Math.min(limitMs, announceTimeoutMs));
  await Promise.all(
    old.replicas.map(({ instance }) => instance.connection.lifecycle.announceDrain(limitMs, { timeoutMs })),
  );
}
