import { decodeCertificateField } from '@plugd/protocol/certificate';
import { CORE_PROTOCOL_VERSION, parseHandshakeLine } from '@plugd/protocol/handshake-line';
import { type Facts, PluginError } from '@plugd/protocol/plugin-error';
import { printable } from '@plugd/protocol/printable';

/** go-plugin's reattach configuration: where a plugin listens that was started by hand. */
export interface ReattachLine {
  readonly pid: number;
  readonly protocolVersion: number;
  readonly network: 'unix' | 'tcp';
  readonly address: string;
  /** The plugin runs in test mode: nobody who attaches ends it. */
  readonly test: boolean;
  /** The plugin's half of AutoMTLS, where the line has one: only plugd's own plugins tell it. */
  readonly certificatePem: string | null;
}

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Reads the JSON that a plugin in go-plugin's test mode prints, or TF_REATTACH_PROVIDERS with one entry in it.
 * `versions` are those that the host speaks; undefined: any.
 *
 * Throws PluginError ATTACH_FAILED, PROTOCOL_UNSUPPORTED, PROTOCOL_VERSION_MISMATCH, NETWORK_UNSUPPORTED,
 * ADDRESS_INVALID, ADDRESS_NOT_LOOPBACK, CERTIFICATE_UNREADABLE.
 */
export function parseReattachLine(text: string, versions: readonly number[] | undefined): ReattachLine {
  const entry = soleEntry(readJson(text), text);
  const { Protocol: protocol = '', ProtocolVersion: version = 0, Pid: pid, Addr: addr, Test: test } = entry;
  const { Network: network, String: address } = isObject(addr) ? addr : {};
  if (typeof protocol !== 'string') throw unreadable('Protocol is no text', text);
  if (!isWhole(version) || version < 0) throw unreadable('ProtocolVersion is no whole number', text);
  if (!isWhole(pid) || pid <= 1) throw unreadable('Pid is no process', text);
  if (typeof network !== 'string' || typeof address !== 'string' || /[|\n]/.test(network + address))
    throw unreadable('Addr is no object with the texts Network and String', text);
  // The same facts as in a handshake line, to which the same rules apply.
  const fields = [CORE_PROTOCOL_VERSION, version, network, address, protocol === '' ? 'netrpc' : protocol];
  const line = parseHandshakeLine(fields.join('|'), { versions: versions ?? [version] });
  return {
    pid,
    protocolVersion: version,
    network: line.network,
    address,
    test: test === true,
    certificatePem: readCertificate(entry['ServerCert'], text),
  };
}

function readJson(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch (cause) {
    throw unreadable('it is no JSON', text, { cause });
  }
  throw unreadable('it is no JSON object', text);
}

/** TF_REATTACH_PROVIDERS has such objects by the names of their plugins. */
function soleEntry(object: JsonObject, text: string): JsonObject {
  if ('Addr' in object || 'Pid' in object || 'Protocol' in object) return object;
  const entries = Object.entries(object);
  const [first] = entries;
  if (entries.length > 1) {
    throw unreadable(`it has ${entries.length} plugins`, text, {
      facts: { plugins: entries.map(([name]) => printable(name)) },
      hint: 'Give the entry of the plugin that is to be attached.',
    });
  }
  if (first === undefined || !isObject(first[1])) throw unreadable('it describes no plugin', text);
  return first[1];
}

function readCertificate(field: unknown, text: string): string | null {
  if (field === undefined || field === '') return null;
  if (typeof field !== 'string') throw unreadable('ServerCert is no text', text);
  return decodeCertificateField(field);
}

function unreadable(
  why: string,
  text: string,
  more: { readonly facts?: Facts; readonly hint?: string; readonly cause?: unknown } = {},
): PluginError {
  return new PluginError('ATTACH_FAILED', `This is no line to attach by: ${why}.`, {
    hint: 'Give the one line of JSON that the plugin printed when it was started for debugging.',
    ...more,
    facts: { line: printable(text), ...more.facts },
  });
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
