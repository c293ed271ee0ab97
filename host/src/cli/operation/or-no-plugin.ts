import { PluginError } from '@plugd/protocol/plugin-error';
import type { AdminClient } from '../../admin/admin-client';
import type { CliContext } from '../context';

/**
 * Of a plugin that there is not no operation is under way either: what is wrong then is the name.
 *
 * @throws PluginError PLUGIN_NOT_FOUND in place of OPERATION_NOT_FOUND; what the work is rejected with
 */
export async function orNoPlugin<Result>(
  context: CliContext,
  client: AdminClient,
  plugin: string,
  work: Promise<Result>,
): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof PluginError && error.code === 'OPERATION_NOT_FOUND')
      await client.describePlugin({ plugin }, context.callOptions);
    throw error;
  }
}
