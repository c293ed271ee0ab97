import type { EmitEvent } from '../events/host-event';
import { asPluginError, type Loss, tellOf } from './loss';
import type { RestartCounters } from './restart-counters';

/** Tells and counts how others take the places of what was lost, by work of somebody else's. Throws what that throws. */
export async function replaceLost(
  losses: readonly Loss[],
  { counters, emit }: { readonly counters: RestartCounters; readonly emit: EmitEvent },
  work: () => Promise<void>,
): Promise<void> {
  const attempt = 1;
  for (const loss of losses) tellOf(loss, emit, { phase: 'scheduled', attempt, error: loss.error });
  try {
    await work();
  } catch (failure) {
    const error = asPluginError(failure);
    for (const loss of losses) {
      counters.failedStart();
      tellOf(loss, emit, { phase: 'failed', attempt, error });
      counters.gaveUp();
      tellOf(loss, emit, { phase: 'given-up', attempt, error });
    }
    throw failure;
  }
  for (const loss of losses) {
    counters.recovered(performance.now() - loss.at);
    tellOf(loss, emit, { phase: 'done', attempt });
  }
}
