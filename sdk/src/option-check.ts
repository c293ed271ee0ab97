import { PluginError } from '@plugd/protocol/plugin-error';

/** @throws PluginError OPTIONS_INVALID naming the option unless the condition holds */
export function check(holds: boolean, option: string, wanted: string): void {
  if (holds) return;
  throw new PluginError('OPTIONS_INVALID', `The option ${option} must be ${wanted}.`, { facts: { option } });
}
