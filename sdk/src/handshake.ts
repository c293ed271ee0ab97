import { PLUGIN_MULTIPLEX_GRPC, PLUGIN_PROTOCOL_VERSIONS } from '@plugd/protocol/environment';
import { CORE_PROTOCOL_VERSION, formatHandshakeLine } from '@plugd/protocol/handshake-line';
import { negotiateVersion, parseVersionList } from '@plugd/protocol/versions';
import type { Listener } from './net/listener';

/** @param complain hears of what the host sent that is no version */
export function agreeOnVersion(
  own: readonly number[],
  env: NodeJS.ProcessEnv,
  complain: (text: string) => void,
): number {
  const { versions, rejected } = parseVersionList(env[PLUGIN_PROTOCOL_VERSIONS]);
  for (const item of rejected) complain(`server sent invalid plugin version ${JSON.stringify(item)}\n`);
  return negotiateVersion(own, versions);
}

/** Whether the host asks for one connection that carries all others: with any value, as in Go. */
export function wantsMultiplexing(env: NodeJS.ProcessEnv): boolean {
  return Boolean(env[PLUGIN_MULTIPLEX_GRPC]);
}

/** The line that tells the host where the plugin listens. */
export function handshakeLine(options: {
  readonly protocolVersion: number;
  readonly listener: Listener;
  readonly certificateField: string;
  readonly env: NodeJS.ProcessEnv;
}): string {
  return formatHandshakeLine({
    coreVersion: CORE_PROTOCOL_VERSION,
    appVersion: options.protocolVersion,
    network: options.listener.network,
    address: options.listener.address,
    protocol: 'grpc',
    certificate: options.certificateField,
    // A host that doesn't ask must not see the field.
    multiplex: wantsMultiplexing(options.env) ? true : undefined,
  });
}
