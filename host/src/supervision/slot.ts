import type { PluginError } from '@plugd/protocol/plugin-error';
import type { RestartSpec } from '../instance/restart-options';
import type { Loss } from './loss';
import { RenewalPace } from './renewal-pace';
import type { Replica } from './replica';
import type { ReplicaWatch } from './replica-watch';
import { RestartPlan } from './restart-plan';

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
  readonly #ending = new AbortController();
  readonly #pace = new RenewalPace();

  constructor(restart: RestartSpec) {
    this.plan = new RestartPlan(restart);
  }

  /** Fires when nobody is to hold it any more. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  end(reason: PluginError): void {
    this.#ending.abort(reason);
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
   * Whether its holder may be replaced now for what it uses: see {@link RenewalPace}.
   *
   * @param trouble `aged`: that it is old, which says nothing of the next one
   */
  takeRenewal(now: number, trouble: { readonly aged: boolean }): boolean {
    return this.#filling === undefined && this.#pace.take(now, this.replica, trouble);
  }
}
