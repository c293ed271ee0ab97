import { PluginError } from './plugin-error';
import { formatVersionList } from './versions';

/** Lowest TCP port that a plugin may listen on. Always set, also where plugins listen on unix sockets. */
export const PLUGIN_MIN_PORT = 'PLUGIN_MIN_PORT';
/** Highest TCP port that a plugin may listen on. */
export const PLUGIN_MAX_PORT = 'PLUGIN_MAX_PORT';
/** The protocol versions that the host speaks, as {@link formatVersionList} writes them. */
export const PLUGIN_PROTOCOL_VERSIONS = 'PLUGIN_PROTOCOL_VERSIONS';
/** Not empty: the host asks for one multiplexed connection. go-plugin takes any value for yes, even `0`. */
export const PLUGIN_MULTIPLEX_GRPC = 'PLUGIN_MULTIPLEX_GRPC';
/** The host's certificate as PEM. Not empty: the host asks for AutoMTLS. */
export const PLUGIN_CLIENT_CERT = 'PLUGIN_CLIENT_CERT';
/** Group, by name or number, that shall own the plugin's socket. */
export const PLUGIN_UNIX_SOCKET_GROUP = 'PLUGIN_UNIX_SOCKET_GROUP';
/** Directory for the plugin's sockets; the temporary directory if unset. */
export const PLUGIN_UNIX_SOCKET_DIR = 'PLUGIN_UNIX_SOCKET_DIR';
/** Our own: a random text by which a host finds every process that descends from an instance. */
export const PLUGD_TOKEN = 'PLUGD_INSTANCE_TOKEN';

/** go-plugin's default for {@link PLUGIN_MIN_PORT}. */
export const DEFAULT_MIN_PORT = 10_000;
/** go-plugin's default for {@link PLUGIN_MAX_PORT}. */
export const DEFAULT_MAX_PORT = 25_000;

const WIRE_VARIABLES: ReadonlySet<string> = new Set([
  PLUGIN_MIN_PORT,
  PLUGIN_MAX_PORT,
  PLUGIN_PROTOCOL_VERSIONS,
  PLUGIN_MULTIPLEX_GRPC,
  PLUGIN_CLIENT_CERT,
  PLUGIN_UNIX_SOCKET_GROUP,
  PLUGIN_UNIX_SOCKET_DIR,
]);

// Windows takes names in any case, so a stale one may come in any case.
const isReserved = (name: string): boolean => {
  const upper = name.toUpperCase();
  return WIRE_VARIABLES.has(upper) || upper.startsWith('PLUGD_');
};

/**
 * A copy of an environment without the variables of go-plugin's wire and without PLUGD_*. A host that is
 * itself a plugin would else hand its own parent's wishes to its children: they would speak TLS that nobody
 * asked for. Other PLUGIN_* names belong to the user and stay.
 */
export function scrubEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter(
      (variable): variable is [string, string] => variable[1] !== undefined && !isReserved(variable[0]),
    ),
  );
}

/** What a host tells a plugin through its environment. */
export interface PluginEnvironment {
  /** Name and value that prove to the plugin that a host started it. Not a secret. */
  readonly cookie: readonly [string, string];
  /** The versions that the host speaks. */
  readonly protocolVersions: readonly number[];
  readonly minPort: number;
  readonly maxPort: number;
  /** Ask for one multiplexed connection. Default false. */
  readonly multiplex?: boolean | undefined;
  /** The host's certificate as PEM: asks for AutoMTLS. Default none. */
  readonly clientCertificate?: string | undefined;
  /** Default none: the socket belongs to the plugin's own group. */
  readonly unixSocketGroup?: string | undefined;
  readonly unixSocketDir: string;
}

/**
 * The variables of the wire, in go-plugin's order. What is not asked for is left out rather than set empty:
 * plugins ask only whether a variable is there.
 *
 * @throws PluginError OPTIONS_INVALID if the cookie can't be passed on: plugins refuse an empty one.
 */
export function pluginEnvironment(options: PluginEnvironment): Record<string, string> {
  const [name, value] = options.cookie;
  if (name === '' || value === '' || /[=\0]/.test(name) || value.includes('\0')) {
    throw new PluginError(
      'OPTIONS_INVALID',
      'A handshake cookie needs a name and a value that fit an environment.',
      {
        facts: { option: 'handshake.cookie' },
        hint: 'Use the cookie that the plugin was built with, for example ["KV_PLUGIN", "hello"].',
      },
    );
  }
  return {
    [name]: value,
    [PLUGIN_MIN_PORT]: String(options.minPort),
    [PLUGIN_MAX_PORT]: String(options.maxPort),
    [PLUGIN_PROTOCOL_VERSIONS]: formatVersionList(options.protocolVersions),
    ...(options.multiplex ? { [PLUGIN_MULTIPLEX_GRPC]: 'true' } : {}),
    ...(options.clientCertificate ? { [PLUGIN_CLIENT_CERT]: options.clientCertificate } : {}),
    ...(options.unixSocketGroup ? { [PLUGIN_UNIX_SOCKET_GROUP]: options.unixSocketGroup } : {}),
    [PLUGIN_UNIX_SOCKET_DIR]: options.unixSocketDir,
  };
}
