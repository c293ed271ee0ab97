import { UsageError } from './usage-error';

/** For a daemon that answers, but with nothing. */
export function missingPlugin(plugin: string): UsageError {
  return new UsageError(`There is no plugin ${plugin}.`);
}
