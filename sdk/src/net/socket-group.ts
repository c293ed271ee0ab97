import { readFileSync } from 'node:fs';
import { PluginError } from '@plugd/protocol/plugin-error';

/**
 * The number of a group that is given by number or by name.
 * @throws PluginError SOCKET_GROUP_UNKNOWN
 */
export function groupId(group: string, database = '/etc/group'): number {
  if (/^\d{1,10}$/.test(group)) return Number(group);
  let cause: unknown;
  try {
    for (const line of readFileSync(database, 'utf8').split('\n')) {
      const [name, , number] = line.split(':');
      if (name === group && number !== undefined && /^\d{1,10}$/.test(number)) return Number(number);
    }
  } catch (error) {
    cause = error;
  }
  throw new PluginError('SOCKET_GROUP_UNKNOWN', `Failed to find gid from "${group}".`, {
    facts: { group },
    ...(cause === undefined ? {} : { cause }),
  });
}
