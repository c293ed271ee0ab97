import type { ChannelSecurity } from '../connection/channel';
import type { ContractOption } from '../contract/given-contract';
import type { ExpectOptions } from './expect-options';
import type { HealthOptions } from './health-options';
import type { LimitOptions } from './limit-options';
import type { MemoryOptions } from './memory-options';
import type { RestartOptions } from './restart-options';

/** What host and plugin have to agree on before the first call. */
export interface HandshakeOptions {
  /**
   * Name and value of the environment variable by which the plugin knows that a host started it, as compiled into
   * the plugin (go-plugin: MagicCookieKey, MagicCookieValue). It is no secret: it keeps people from running plugins
   * by hand.
   */
  readonly cookie: readonly [name: string, value: string];
  /**
   * The versions of the application's protocol that this host speaks. The plugin picks the highest that it speaks
   * too; without one, the plugin is refused with PROTOCOL_VERSION_MISMATCH.
   */
  readonly protocolVersions: readonly number[];
}

/** How to load a plugin. The object is read once and never changed. */
export interface LoadOptions {
  /** What the plugin is called in this host: letters, digits, `.`, `_`, `-`, at most 64. */
  readonly name: string;
  /** The semantic version of what `command` runs. A plugin that says it is another one is refused. */
  readonly version: string;
  /**
   * The executable: a path, looked up once from the host's working directory, or a bare name, looked up in PATH.
   * It is started as it is: no shell is involved.
   */
  readonly command: string;
  /** Default: none. */
  readonly args?: readonly string[];
  /** Variables for the plugin; they win over inherited ones. Default: none. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * Whether the plugin sees the host's own environment. Variables of the plugin protocol are never passed on.
   * Default true.
   */
  readonly inheritEnv?: boolean;
  /** The plugin's working directory. Default: the host's, at the time of loading. */
  readonly cwd?: string;
  /** `inherit` gives the plugin the host's standard input. Default `ignore`. */
  readonly stdin?: 'ignore' | 'inherit';
  /** The cookie and the protocol versions. */
  readonly handshake: HandshakeOptions;
  /**
   * Both sides make a certificate for this one process and trust nobody else. A plugin that can't is refused with
   * AUTO_MTLS_UNSUPPORTED. Excludes `tls`. Default true, unless `tls` is given.
   */
  readonly autoMtls?: boolean;
  /** For plugins that bring a TLS configuration of their own (go-plugin: TLSProvider). */
  readonly tls?: ChannelSecurity;
  /**
   * All connections of a plugin, also those of its broker, share one socket. A plugin that can't is refused with
   * MULTIPLEX_UNSUPPORTED. It ends with that one connection, so it can't be attached to or handed over. Default false.
   */
  readonly multiplex?: boolean;
  /** SHA-256 of the file that `command` names, 64 hexadecimal digits: another file is refused before it runs. */
  readonly sha256?: string;
  /**
   * The services that the application is going to call: a definition, a FileDescriptorSet (its bytes, or decoded), or a
   * list of them. A plugin whose reflection lacks a service of the definitions is refused with CONTRACT_NOT_SERVED;
   * without definitions, that goes for the services of the sets. What it says of a method counts, above all whether a
   * call may be made twice; of whatever it leaves open, the plugin itself is asked. Default: none.
   */
  readonly contract?: ContractOption;
  /**
   * How many equal processes answer its calls, 1 to 64. Each call goes to the one with the fewest calls in flight; a
   * pinned scope stays with one. Default 1.
   */
  readonly instances?: number;
  /** What happens when a process leaves by itself or hangs, and to the calls that come meanwhile. */
  readonly restart?: RestartOptions;
  /**
   * How often a call may be begun in all, 1 to 10, when the connection under it is lost: only calls whose contract says
   * that they may be executed twice, and of whose answer nothing has arrived. 1: never again. Default 3.
   */
  readonly attempts?: number;
  /** How often a process is asked how it is, and when it is replaced for its answers. `false`: never asked. */
  readonly health?: HealthOptions | false;
  /** What a process may use before it is replaced by a new one of the same version, without a failed call. */
  readonly limits?: LimitOptions;
  /** What is expected of each upgrade and restart: the verdict of its report. */
  readonly expect?: ExpectOptions;
  /** Whether two versions may be in memory at the same time. */
  readonly memory?: MemoryOptions;
  /**
   * Names of plugins that have to serve before this one starts, and are stopped after it. Loading it without them is
   * refused with DEPENDENCY_MISSING.
   */
  readonly dependsOn?: readonly string[];
  /**
   * Each process gets an empty directory that nobody else can enter, as PLUGD_SCRATCH_DIR. It is removed with the process,
   * however that or the host ends. Default false.
   */
  readonly scratch?: boolean;
  /**
   * A directory of configuration. All processes of a generation get the same copy of what it held when the generation began,
   * for reading alone, as PLUGD_CONFIG_DIR; generations with the same content share it, and it is removed after the last
   * one. A change shows with the next upgrade or restart. What links lead to is copied, names that begin with `..` are left
   * out. At most 64 MiB, else CONFIG_UNREADABLE. Default: none; `false` takes it away in an upgrade.
   */
  readonly config?: string | false;
  /**
   * Ports that the plugin listens on by itself, by their names: `{ http: 8080 }` is told as PLUGD_PORT_HTTP. 0: the host picks
   * one, once, and keeps it over all generations. A port is one generation's at a time: before a process starts, the host waits
   * until its ports are free, at most `stopTimeoutMs`, else PORT_IN_USE. So the plugin can't run twice, is upgraded by
   * `recreate`, and `instances` has to be 1. Default: none.
   */
  readonly ports?: Readonly<Record<string, number>>;
  /** Group whose members may connect to the plugin's socket: a name or a number. Not on Windows. */
  readonly unixSocketGroup?: string | number;
  /** First port for plugins that listen on TCP. Default 10000. */
  readonly minPort?: number;
  /** Last port for plugins that listen on TCP. Default 25000. */
  readonly maxPort?: number;
  /** From the start of the process to its first good health check, in milliseconds. Default 60,000. */
  readonly startTimeoutMs?: number;
  /** How long calls in flight may take to end before they are cut, in milliseconds. Default 30,000. */
  readonly drainTimeoutMs?: number;
  /**
   * How long the plugin may take to answer Shutdown, and again to leave after its answer, in milliseconds; it has half
   * of it to leave after SIGTERM; then it is killed. Default 2,000.
   */
  readonly stopTimeoutMs?: number;
}
