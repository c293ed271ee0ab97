import { PluginError } from '@plugd/protocol/plugin-error';

/** The PluginError that `action` throws; anything else fails the test. */
export function thrown(action: () => unknown): PluginError {
  let result: unknown;
  try {
    result = action();
  } catch (error) {
    if (error instanceof PluginError) return error;
    throw error;
  }
  throw new Error(`Nothing was thrown; the result is ${JSON.stringify(result)}`);
}
