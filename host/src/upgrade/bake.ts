import { setTimeout as sleep } from 'node:timers/promises';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { Supervisor } from '../supervision/supervisor';

const lookEveryMs = 50;

/**
 * Watches a generation that has just come to serve. Throws PluginError BAKE_FAILED as soon as an instance or a call of it
 * is lost.
 */
export async function bake(next: Supervisor, bakeMs: number, signal: AbortSignal): Promise<void> {
  const due = performance.now() + bakeMs;
  const before = next.generation.statistics;
  // A plugin that is stopped meanwhile needs no verdict.
  while (performance.now() < due && !signal.aborted) {
    const { lost, retried } = next.generation.statistics;
    const failed = lost - before.lost + (retried - before.retried);
    if (failed > 0 || next.replicas.length < next.spec.instances) {
      const { name, version } = next.spec;
      throw new PluginError(
        'BAKE_FAILED',
        `Version ${version} of plugin ${name} did not last: an instance of it was lost.`,
        {
          facts: { version, callsLost: failed },
        },
      );
    }
    await sleep(Math.min(lookEveryMs, Math.max(1, due - performance.now())), undefined, { signal }).catch(
      () => {},
    );
  }
}
