import { ScopedBroker } from './connection/scoped-broker';
import type { PinnedScope } from './plugin';
import { PinnedLineage } from './routing/lineage';
import { pin } from './routing/pin';
import type { Replica } from './supervision/replica';
import { withInstanceCalls } from './upgrade/instance-calls';

/** Runs work that has to stay with one instance: see `Plugin.pinned`. */
export function runPinned<T>(
  { instance, endpoint }: Replica,
  use: (scope: PinnedScope) => Promise<T> | T,
): Promise<T> {
  const { launched, identity } = instance;
  const { plugin, generation } = identity;
  return pin(endpoint, async (signal) => {
    let forget = (): void => {};
    const lost = new Promise<never>((_, reject) => {
      forget = instance.onExit(() =>
        reject(launched.error('PLUGIN_EXITED', `Plugin ${plugin} exited while a pinned scope used it.`)),
      );
    });
    lost.catch(() => {});
    const lineage = new PinnedLineage(plugin, generation, signal);
    const broker = new ScopedBroker(instance.connection, signal, lineage);
    const work = withInstanceCalls(
      instance,
      'The pinned scope has ended',
      async (calls) => lineage.run(() => use({ ...calls, signal, broker })),
      signal,
    ).finally(() => {
      broker.end();
      forget();
    });
    work.catch(() => {});
    return Promise.race([work, lost]);
  });
}
