import type { Manifest } from '../manifest/manifest';

/** The file's name, where nobody gives another one. */
export const configName = 'plugd.yaml';

/**
 * What `plugd.yaml` says: how a daemon runs, and what is to be different from the manifests of its plugins. Paths are absolute: in the
 * file they are relative to its directory.
 */
export interface DaemonConfig {
  /** Of the file's form: 1. */
  readonly version: 1;
  /** The directory of plugins that is watched; false: none. Default: `plugins` beside the config, without one in the working directory. */
  readonly pluginsDir?: string | false;
  readonly watch?: WatchSettings;
  /** The unix socket of the admin API. Default: `plugd.sock` in XDG_RUNTIME_DIR. */
  readonly socket?: string;
  /** What outlives the daemon. Default: `plugd` in XDG_STATE_HOME. */
  readonly stateDir?: string;
  /** Where clients of any language call the public services of plugins. Default: `plugd-front.sock` beside the admin API's socket. */
  readonly frontDoor?: FrontDoorSettings | false;
  /** Where metrics are read. Default: nowhere. */
  readonly metrics?: MetricsSettings | false;
  readonly logs?: LogSettings;
  /** The most memory that all plugins may have when a second version of one is to run beside the first. Default: no limit. */
  readonly memoryBudgetBytes?: number;
  /** By the names of plugins. */
  readonly plugins?: Readonly<Record<string, PluginSettings>>;
}

/** How the directory of plugins is watched: see `PluginsDirOptions`. */
export interface WatchSettings {
  readonly rescanMs?: number;
  readonly quietMs?: number;
}

/** A unix socket, or a port of 127.0.0.1; 0: a free one. */
export type FrontDoorSettings = { readonly socket: string } | { readonly port: number };

/** A unix socket, or a port. `address`: default 127.0.0.1. */
export type MetricsSettings =
  | { readonly socket: string }
  | { readonly port: number; readonly address?: string };

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error';

export interface LogSettings {
  /** The lowest that is kept. Default info. */
  readonly level?: LogLevel;
  /** Default: `logs` in the state directory. */
  readonly directory?: string;
  /** Of one file. Default 10 MiB. */
  readonly maxBytes?: number;
  /** How many are kept, the one that is written among them. Default 5. */
  readonly maxFiles?: number;
}

/** What a plugin gets instead of what its manifest says. The same names mean the same. */
export const overridingKeys = [
  'args',
  'inheritEnv',
  'instances',
  'restart',
  'attempts',
  'health',
  'limits',
  'expect',
  'memory',
  'scratch',
  'config',
  'ports',
  'strategy',
  'canary',
  'shadow',
  'rolling',
  'blueGreen',
  'shiftTimeoutMs',
  'contractPolicy',
  'bakeMs',
  'keepWarmMs',
  'startTimeoutMs',
  'drainTimeoutMs',
  'stopTimeoutMs',
] as const satisfies readonly (keyof Manifest)[];

/** A value, or the file that it stands in: those are secrets, and are shown nowhere. */
export type EnvSetting = string | { readonly file: string };

/** What the operator says of one plugin. What isn't said is as in its manifest. */
export interface PluginSettings extends Pick<Manifest, (typeof overridingKeys)[number]> {
  /** The version that it is held at; a pin by command is over it. */
  readonly pin?: string;
  /** False: it is not run. Default true. */
  readonly enabled?: boolean;
  /** Variables besides those of the manifest; of the same name these win. */
  readonly env?: Readonly<Record<string, EnvSetting>>;
}
