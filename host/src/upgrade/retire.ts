import type { Cause } from '../events/host-event';
import type { DrainResult } from '../routing/endpoint';
import type { Refusal } from '../routing/refusal';
import type { Serving } from './serving';

/** For a plugin to take note that it drains. What it does then has the drain's own limit. */
const announceTimeoutMs = 1_000;

/** Lets a generation that has left the route finish its calls, within its spec's limit; what is left is cut. */
export async function drain(serving: Serving, cause: Cause, refusal?: Refusal): Promise<DrainResult> {
  const { instance, generation, spec } = serving;
  if (!instance.ended) instance.transition('draining', cause);
  // Not awaited: calls may end long before the plugin has answered. One without calls need not know.
  if (generation.inFlight > 0 && !instance.ended) {
    void instance.connection.announceDrain(spec.drainTimeoutMs, { timeoutMs: announceTimeoutMs });
  }
  return generation.drain(spec.drainTimeoutMs, refusal);
}
