import { PLUGIN_PROTOCOL_VERSIONS } from '@plugd/protocol/environment';
import { agreeOnVersion } from './handshake';
import type { Listener } from './net/listener';

/** The version of a plugin that is run by hand: its highest, unless the environment offers some. */
export function debugVersion(
  own: readonly number[],
  env: NodeJS.ProcessEnv,
  complain: (text: string) => void,
): number {
  const offered = env[PLUGIN_PROTOCOL_VERSIONS];
  return offered === undefined || offered === '' ? Math.max(...own) : agreeOnVersion(own, env, complain);
}

/** What a debugged plugin prints in place of the handshake line: go-plugin's reattach configuration. */
export function reattachLine(options: {
  readonly protocolVersion: number;
  readonly listener: Listener;
  readonly certificateField: string;
}): string {
  const { network, address } = options.listener;
  const line = {
    Protocol: 'grpc',
    ProtocolVersion: options.protocolVersion,
    Pid: process.pid,
    Test: true,
    Addr: { Network: network, String: address },
    // Our own: with AutoMTLS a host has no other way to learn whom it may trust. Others don't look at it.
    ...(options.certificateField === '' ? {} : { ServerCert: options.certificateField }),
  };
  return `${JSON.stringify(line)}\n`;
}
