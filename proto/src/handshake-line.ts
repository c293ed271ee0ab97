import { atoi } from './atoi';
import { decodeCertificateField } from './certificate-encoding';
import { isLoopback, type Network, parseTcpAddress } from './grpc-address';
import { PluginError } from './plugin-error';
import { printable } from './printable';

/** The line by which a plugin says how it can be reached: `1|2|unix|/tmp/plugin123|grpc|`. */
export interface HandshakeLine {
  /** Version of the handshake itself; 1 is the only one there is. */
  readonly coreVersion: number;
  /** The protocol version that the plugin chose among those that the host offered. */
  readonly appVersion: number;
  readonly network: Network;
  /** Socket path, or `host:port`. */
  readonly address: string;
  /** `grpc` */
  readonly protocol: string;
  /** The plugin's certificate as unpadded base64 of its DER; empty without AutoMTLS. */
  readonly certificate: string;
  /** Whether the plugin can multiplex; undefined if it says nothing. Only plugins that were asked may say it. */
  readonly multiplex: boolean | undefined;
}

/** What a host accepts. */
export interface HandshakeExpectation {
  /** The protocol versions that the host offered. */
  readonly versions: readonly number[];
  /** Whether the host asked for multiplexing. Default false: the seventh field then doesn't matter. */
  readonly multiplex?: boolean;
}

/** The one version of the handshake. */
export const CORE_PROTOCOL_VERSION = 1;
/** Longest handshake line in bytes, without its line feed. */
export const HANDSHAKE_LINE_LIMIT = 65_536;
/** A shorter sixth field is no certificate: old plugins put other things there. */
const CERTIFICATE_MIN_BYTES = 51;

/**
 * Writes the line with its line feed. It has six fields, the last of them empty without a certificate; a
 * seventh only if `multiplex` is given, since old hosts would take it for a part of the certificate.
 *
 * @throws PluginError ADDRESS_INVALID if the address (or another field) holds a `|` or an end of line, for which the wire has no escape.
 */
export function formatHandshakeLine(line: HandshakeLine): string {
  for (const field of [line.network, line.address, line.protocol, line.certificate]) {
    if (/[|\r\n]/.test(field)) {
      throw new PluginError('ADDRESS_INVALID', `A handshake line can't carry "${printable(field)}".`, {
        facts: { field: printable(field) },
        hint: 'Listen on a path without the character |: see TMPDIR and PLUGIN_UNIX_SOCKET_DIR.',
      });
    }
  }
  const { coreVersion, appVersion, network, address, protocol, certificate } = line;
  const fields = [coreVersion, appVersion, network, address, protocol, certificate];
  return `${[...fields, ...(line.multiplex === undefined ? [] : [line.multiplex])].join('|')}\n`;
}

/**
 * Reads the first line that a plugin printed, without its line feed, and checks it in go-plugin's order.
 *
 * @throws PluginError with a code of its own for each thing that can be wrong: HANDSHAKE_TOO_LONG,
 * HANDSHAKE_UNREADABLE, CORE_VERSION_UNREADABLE, CORE_VERSION_MISMATCH, PROTOCOL_VERSION_UNREADABLE,
 * PROTOCOL_VERSION_MISMATCH, NETWORK_UNSUPPORTED, ADDRESS_INVALID, ADDRESS_NOT_LOOPBACK, PROTOCOL_UNSUPPORTED,
 * CERTIFICATE_UNREADABLE, MULTIPLEX_UNSUPPORTED, MULTIPLEX_UNREADABLE. The line is among its facts.
 */
export function parseHandshakeLine(text: string, expect: HandshakeExpectation): HandshakeLine {
  try {
    return parse(text, expect);
  } catch (error) {
    throw error instanceof PluginError ? error.withFacts({ line: printable(text) }) : error;
  }
}

function parse(text: string, expect: HandshakeExpectation): HandshakeLine {
  const fields = splitFields(text);
  const [core = '', app = '', network = '', address = '', protocol = 'netrpc', certificate = '', mux] =
    fields;
  return {
    coreVersion: readCoreVersion(core),
    appVersion: readAppVersion(app, expect.versions),
    network: readNetwork(network, address),
    address,
    protocol: readProtocol(protocol, fields.length),
    certificate: readCertificate(certificate),
    multiplex: readMultiplex(mux, expect.multiplex ?? false),
  };
}

// What Go's unicode.IsSpace takes for white space; JavaScript's trim() differs in U+0085 and U+FEFF.
const SPACE = '[\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const LEADING_SPACE = new RegExp(`^${SPACE}+`);
const TRAILING_SPACE = new RegExp(`(?<!${SPACE})${SPACE}+$`);

function splitFields(text: string): string[] {
  const bytes = Buffer.byteLength(text);
  if (bytes > HANDSHAKE_LINE_LIMIT) {
    throw new PluginError('HANDSHAKE_TOO_LONG', `The plugin's first line on stdout has ${bytes} bytes.`, {
      facts: { bytes, limit: HANDSHAKE_LINE_LIMIT },
    });
  }
  const [first = ''] = text.split('\n', 1);
  const line = first.replace(LEADING_SPACE, '').replace(TRAILING_SPACE, '');
  const fields = line.split('|');
  if (fields.length < 4) {
    const what = line === '' ? 'is blank' : `is no handshake line: "${printable(line)}"`;
    throw new PluginError('HANDSHAKE_UNREADABLE', `The plugin's first line on stdout ${what}.`, {
      facts: { fields: fields.length },
    });
  }
  return fields;
}

function readCoreVersion(text: string): number {
  const version = atoi(text);
  const facts = { pluginCoreVersion: printable(text), hostCoreVersion: CORE_PROTOCOL_VERSION };
  if (version === undefined) {
    throw new PluginError(
      'CORE_VERSION_UNREADABLE',
      `The plugin's handshake line begins with "${printable(text)}" where the core protocol version stands.`,
      { facts },
    );
  }
  if (version !== CORE_PROTOCOL_VERSION) {
    throw new PluginError(
      'CORE_VERSION_MISMATCH',
      `The plugin speaks go-plugin's core protocol ${printable(text)}, this host speaks ${CORE_PROTOCOL_VERSION}.`,
      {
        facts,
        hint: 'Usually the plugin only needs to be recompiled with a current plugin library; tell its author.',
      },
    );
  }
  return version;
}

function readAppVersion(text: string, offered: readonly number[]): number {
  const version = atoi(text);
  const facts = { pluginVersion: printable(text), hostVersions: [...offered] };
  if (version === undefined) {
    throw new PluginError(
      'PROTOCOL_VERSION_UNREADABLE',
      `The plugin announces "${printable(text)}" as its protocol version.`,
      { facts },
    );
  }
  if (!offered.includes(version)) {
    const host = [...offered].sort((a, b) => a - b).join(', ') || 'none';
    // A plugin that has no version in common with us announces its lowest.
    const newer = offered.length > 0 && offered.every((one) => version > one);
    throw new PluginError(
      'PROTOCOL_VERSION_MISMATCH',
      `The plugin speaks protocol version ${printable(text)}, this host offers ${host}.`,
      {
        facts,
        hint: newer
          ? 'The plugin is newer than the host: run an older plugin, or a host that offers its version in handshake.protocolVersions.'
          : 'Run a plugin built for a version that the host offers, or offer its version in handshake.protocolVersions.',
      },
    );
  }
  return version;
}

function readNetwork(network: string, address: string): Network {
  const facts = { network: printable(network), address: printable(address) };
  if (network !== 'unix' && network !== 'tcp') {
    throw new PluginError(
      'NETWORK_UNSUPPORTED',
      `The plugin listens on the network "${printable(network)}", at "${printable(address)}"; this host reaches unix and tcp.`,
      { facts },
    );
  }
  if (network === 'unix') checkSocketPath(address);
  else if (!isLoopback(parseTcpAddress(address).host)) {
    throw new PluginError(
      'ADDRESS_NOT_LOOPBACK',
      `The plugin listens on ${printable(address)}, which other machines may reach or be.`,
      { facts, hint: 'The plugin must listen on 127.0.0.1 or [::1].' },
    );
  }
  return network;
}

function checkSocketPath(path: string): void {
  let why: string | undefined;
  if (path === '') why = 'it is empty';
  else if (path.includes('\0')) why = 'it holds a NUL';
  // What the host could dial is another path than the plugin's.
  else if (path.includes('\ufffd')) why = 'it is not UTF-8';
  else if (path.startsWith('@')) why = 'it is an abstract one, which has no file';
  if (why === undefined) return;
  throw new PluginError('ADDRESS_INVALID', `"${printable(path)}" can't be used as a socket path: ${why}.`, {
    facts: { network: 'unix', address: printable(path) },
  });
}

function readProtocol(protocol: string, fields: number): string {
  if (protocol !== 'grpc') {
    const served = fields < 5 ? 'net/rpc, since it names no protocol' : `"${printable(protocol)}"`;
    throw new PluginError('PROTOCOL_UNSUPPORTED', `The plugin serves ${served}; this host speaks grpc.`, {
      facts: { protocol: printable(protocol), supported: ['grpc'] },
    });
  }
  return protocol;
}

function readCertificate(field: string): string {
  if (Buffer.byteLength(field) < CERTIFICATE_MIN_BYTES) return '';
  decodeCertificateField(field);
  return field;
}

// Go's ParseBool.
const TRUE = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);
const FALSE = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False']);

function readMultiplex(field: string | undefined, wanted: boolean): boolean | undefined {
  const multiplex = TRUE.has(field ?? '') || (FALSE.has(field ?? '') ? false : undefined);
  if (!wanted || multiplex === true) return multiplex;
  if (field !== undefined && multiplex === undefined) {
    throw new PluginError(
      'MULTIPLEX_UNREADABLE',
      `The plugin answers "${printable(field)}" where it says whether it can multiplex.`,
      { facts: { multiplex: printable(field) } },
    );
  }
  throw new PluginError(
    'MULTIPLEX_UNSUPPORTED',
    'The host asks for one multiplexed connection, which the plugin does not support.',
    field === undefined
      ? { hint: 'For a Go plugin, update github.com/hashicorp/go-plugin to 1.6 or later and recompile.' }
      : {},
  );
}
