import { type Facts, PluginError } from '../plugin-error';

/** The peer broke yamux's rules. Its session ends: what it sends can't be understood any more. */
export function protocolError(what: string, facts: Facts = {}): PluginError {
  return new PluginError('MULTIPLEX_PROTOCOL', `The other end broke the rules of multiplexing: ${what}.`, {
    facts,
  });
}
