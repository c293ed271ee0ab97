import { PluginError } from '@plugd/protocol/plugin-error';

/** An error as operations throw and report them. */
export function asPluginError(error: unknown, what: string): PluginError {
  if (error instanceof PluginError) return error;
  return new PluginError('STOP_FAILED', `${what}: ${String(error)}`, { cause: error });
}
