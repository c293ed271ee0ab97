import { isIPv4, isIPv6 } from 'node:net';
import { atoi } from './atoi';
import { PluginError } from './plugin-error';
import { printable } from './printable';

/** The networks that a plugin may announce. */
export type Network = 'unix' | 'tcp';

/** Host and port of a TCP address; an IPv6 host stands without its brackets. */
export interface TcpAddress {
  readonly host: string;
  readonly port: number;
}

function invalid(text: string, why: string): PluginError {
  return new PluginError('ADDRESS_INVALID', `"${printable(text)}" is no TCP address: ${why}.`, {
    facts: { address: printable(text) },
  });
}

function splitHostPort(text: string): [host: string, port: string] {
  const colon = text.lastIndexOf(':');
  if (colon < 0) throw invalid(text, 'it has no port');
  const host = text.slice(0, colon);
  const port = text.slice(colon + 1);
  const bracketed = /^\[([^[\]]*)\]$/.exec(host)?.[1];
  if (bracketed !== undefined) return [bracketed, port];
  if (host.includes(':')) throw invalid(text, 'an IPv6 address stands in brackets, as in [::1]:1234');
  if (/[[\]]/.test(host)) throw invalid(text, 'a bracket is out of place');
  return [host, port];
}

/**
 * Reads `host:port` or `[host]:port`. Names are taken as they are and never looked up.
 *
 * @throws PluginError ADDRESS_INVALID, also for port 0, which nothing can be reached on.
 */
export function parseTcpAddress(text: string): TcpAddress {
  const [host, digits] = splitHostPort(text);
  const port = atoi(digits);
  if (port === undefined || port < 1 || port > 65_535) {
    throw invalid(text, 'its port is not a number from 1 to 65535');
  }
  return { host, port };
}

/**
 * Whether a host, as {@link parseTcpAddress} gives it, can only be this machine: 127.0.0.0/8, `::1` in any
 * spelling, either of them mapped into IPv6, or the name `localhost`. An empty host is every interface, so
 * it is not.
 */
export function isLoopback(host: string): boolean {
  if (host.toLowerCase() === 'localhost') return true;
  if (isIPv4(host)) return host.startsWith('127.');
  // A zone (`::1%lo`) names an interface; nobody needs one for the loopback.
  if (!isIPv6(host) || host.includes('%')) return false;
  // The URL parser knows the one canonical spelling of an IPv6 address.
  const canonical = new URL(`http://[${host}]`).hostname;
  return canonical === '[::1]' || /^\[::ffff:7f[0-9a-f]{2}:/.test(canonical);
}

/**
 * The target by which grpc-js reaches an address of the wire. Names other than `localhost` are not meant
 * to get here: the handshake refuses them.
 *
 * @throws PluginError ADDRESS_INVALID for a TCP address that is none.
 */
export function grpcTarget(network: Network, address: string): string {
  if (network === 'unix') {
    // With `unix:` alone a path that begins with two slashes would lose its first part to the authority.
    return address.startsWith('/') ? `unix://${address}` : `unix:${address}`;
  }
  const { host, port } = parseTcpAddress(address);
  if (isIPv4(host)) return `ipv4:${host}:${port}`;
  if (isIPv6(host)) return `ipv6:[${host}]:${port}`;
  return `dns:${host}:${port}`;
}
