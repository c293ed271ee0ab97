import type { PluginError } from '@plugd/protocol/plugin-error';
import type { RestartSpec } from '../instance/restart-options';
import type { Loss } from './loss';
import type { Replica } from './replica';
import type { ReplicaWatch } from './replica-watch';
import { RestartPlan } from './restart-plan';

/** The pause between two instances of a place that are replaced for what they use; it doubles each time. */
const firstRenewPauseMs = 1_000;
const longestRenewPauseMs = 3_600_000;

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
  #renewAfter = Number.NEGATIVE_INFINITY;

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
   * Whether its holder may be replaced now for what it uses. One that always needs more than it may is replaced ever
   * more rarely: it would help nobody.
   */
  takeRenewal(now: number): boolean {
    if (now < this.#renewAfter || this.#filling !== undefined) return false;
    if (now - this.#renewAfter > longestRenewPauseMs) this.#renewals = 0;
    this.#renewAfter = now + Math.min(firstRenewPauseMs * 2 ** this.#renewals, longestRenewPauseMs);
    this.#renewals++;
    return true;
  }
}
