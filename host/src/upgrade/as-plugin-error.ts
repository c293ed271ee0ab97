import { PluginError } from '@plugd/protocol/plugin-error';
import { printable } from '@plugd/protocol/printable';
import { thrownText } from '../events/thrown-text';

/** How much is shown of what was thrown. */
const mostShown = 500;

/** An error as operations throw and report them: STEP_FAILED where it has no code of its own. */
export function asPluginError(error: unknown, what: string): PluginError {
  if (error instanceof PluginError) return error;
  return new PluginError('STEP_FAILED', `${what}: ${shown(error)}`, { cause: error });
}

/** What a strategy has thrown, as its operation throws it: STRATEGY_FAILED where it has no code of its own. */
export function strategyError(
  error: unknown,
  { strategy, plugin }: { readonly strategy: string; readonly plugin: string },
): PluginError {
  if (error instanceof PluginError) return error;
  return new PluginError(
    'STRATEGY_FAILED',
    `The strategy ${printable(strategy)} of plugin ${plugin} threw: ${shown(error)}`,
    { facts: { strategy }, cause: error },
  );
}

function shown(thrown: unknown): string {
  return printable(thrownText(thrown), mostShown);
}
