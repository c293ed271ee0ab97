import { setTimeout as sleep } from 'node:timers/promises';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { Supervisor } from '../supervision/supervisor';

const lookEveryMs = 50;

/** What a bake looks at. */
export interface Baked {
  readonly spec: Pick<Supervisor['spec'], 'name' | 'version' | 'instances'>;
  readonly generation: Pick<Supervisor['generation'], 'statistics'>;
  readonly replicas: readonly { readonly id: string }[];
}

/**
 * Watches a generation that has just come to serve. Throws PluginError BAKE_FAILED as soon as an instance or a call of it
 * is lost.
 */
export async function bake(next: Baked, bakeMs: number, signal: AbortSignal): Promise<void> {
  const due = performance.now() + bakeMs;
  const before = next.generation.statistics;
  // By who they are: another one may be in the place of one that was lost before anybody has looked.
  const first = next.replicas.map(({ id }) => id);
  // A plugin that is stopped meanwhile needs no verdict.
  while (performance.now() < due && !signal.aborted) {
    const { lost, retried } = next.generation.statistics;
    const failed = lost - before.lost + (retried - before.retried);
    const ids = new Set(next.replicas.map(({ id }) => id));
    if (failed > 0 || first.length < next.spec.instances || first.some((id) => !ids.has(id))) {
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
