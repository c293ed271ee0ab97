import type { PluginRow } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import type { AdminClient } from '../../admin/admin-client';
import type { ArgumentKind } from './argument-kinds';
import type { NameSource } from './complete';

/** Whoever has pressed the key waits. */
const callOptions = { timeoutMs: 1_000 };

/** Names that the daemon knows. */
export function daemonNames(connect: () => Promise<AdminClient>): NameSource {
  return async (kind, [plugin = '']) => {
    const client = await connect();
    const wanted = rowFilter(kind);
    if (wanted !== undefined) {
      const { plugins } = await client.listPlugins({}, callOptions);
      return plugins.filter(wanted).map(({ name }) => name);
    }
    const { versions, services } = await client.describePlugin({ plugin }, callOptions);
    if (kind.startsWith('version')) return versions.map(({ version }) => version);
    // Others can't be called.
    const callable = services.filter((service) => service.public);
    return callable.flatMap(({ name, methods }) => methods.map((method) => `${name}/${method.name}`));
  };
}

function rowFilter(kind: ArgumentKind): ((row: PluginRow) => boolean) | undefined {
  if (kind === 'plugin' || kind === 'plugin or file') return () => true;
  if (kind === 'pinned') return ({ pinnedVersion }) => pinnedVersion !== '';
  if (kind === 'stopped') return ({ state }) => state === 'stopped' || state === 'failed';
  if (kind === 'busy') return ({ operation }) => operation !== '';
  return undefined;
}
