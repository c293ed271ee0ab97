import type { PluginError } from '@plugd/protocol/plugin-error';
import type { RestartSpec } from '../instance/restart-options';
import type { Loss } from './loss';
import type { Replica } from './replica';
import type { ReplicaWatch } from './replica-watch';
import { RestartPlan } from './restart-plan';

/** The pause between two instances of a place that are replaced for what they use; where it is of no use it doubles. */
const firstRenewPauseMs = 1_000;
const longestRenewPauseMs = 3_600_000;

/** Whoever is over a limit so soon after it began needs that much: what leaks takes longer. */
const soonMs = 300_000;

/** A place in a generation: held by one instance after the other. */
export class Slot {
  readonly plan: RestartPlan;
  replica: Replica | undefined;
  watch: ReplicaWatch | undefined;
  /** How its last holder was lost before anybody was to replace it. */
  lossBefore: Loss | undefined;
  /** Why nobody holds it, once it is given up. */
  failure: PluginError | undefined;
  #filling: Promise<void> | undefined;
  #renewals = 0;
  #renewedAt = Number.NEGATIVE_INFINITY;
  /** The last one that was seen to be over its limit. */
  #over: Replica | undefined;

  constructor(restart: RestartSpec) {
    this.plan = new RestartPlan(restart);
  }

  /** The attempt to give it another holder, while it is under way. */
  get filling(): Promise<void> | undefined {
    return this.#filling;
  }

  /** @param work never rejects */
  fill(work: Promise<void>): void {
    const filling = work.finally(() => {
      if (this.#filling === filling) this.#filling = undefined;
    });
    this.#filling = filling;
  }

  /**
   * Whether its holder may be replaced now for what it uses. Where one after the other is over its limit at once, or no
   * other one comes up, that is tried ever more rarely: it would help nobody.
   *
   * @param aged that it is old, which says nothing of the next one
   */
  takeRenewal(now: number, { aged }: { readonly aged: boolean }): boolean {
    if (this.replica !== this.#over) {
      this.#over = this.replica;
      if (aged || now - (this.replica?.servedSince ?? now) >= soonMs) this.#renewals = 0;
    }
    const pauseMs = Math.min(firstRenewPauseMs * 2 ** Math.max(0, this.#renewals - 1), longestRenewPauseMs);
    if (now < this.#renewedAt + pauseMs || this.#filling !== undefined) return false;
    this.#renewedAt = now;
    this.#renewals++;
    return true;
  }
}
