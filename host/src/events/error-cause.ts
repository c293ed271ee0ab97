import type { PluginError } from '@plugd/protocol/plugin-error';
import type { Cause } from './host-event';

/** The cause of what an error has brought about. */
export function errorCause({ code, summary }: PluginError): Cause {
  return { reason: 'error', code, message: summary };
}
