import { lstatSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { PluginError } from '@plugd/protocol/plugin-error';
import { isSystemError, reasonOf, systemFacts } from '../artifact/system-error';
import { openPrivateDirectory } from '../state/private-directory';
import type { DaemonConfig, FrontDoorSettings, MetricsSettings } from './config';

/** Where a daemon's files are, as absolute paths. */
export interface DaemonPlaces {
  /** Of the admin API. */
  readonly socket: string;
  /** False: there is to be none. */
  readonly frontDoor: FrontDoorSettings | false;
  /** False: they are read nowhere. */
  readonly metrics: MetricsSettings | false;
  readonly stateDir: string;
  readonly logDir: string;
  /** Undefined: none is watched. */
  readonly pluginsDir: string | undefined;
}

export interface PlacesOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The working directory, absolute. */
  readonly cwd: string;
  readonly config?: DaemonConfig | undefined;
  /** Where the config was read from. */
  readonly configFile?: string | undefined;
  /** What `--socket` says. */
  readonly socket?: string | undefined;
  /** Number of the user; default: of this process. */
  readonly user?: number | undefined;
  /** Default: of this process. */
  readonly home?: string;
  /** Where the directory of a user without XDG_RUNTIME_DIR is. Default /tmp, which daemon and clients have in common whatever TMPDIR says. */
  readonly temporary?: string;
}

/**
 * The places of a daemon, which its clients find by the same rules: what is given, PLUGD_SOCKET, the config, and the user's own
 * places by XDG.
 *
 * Throws PluginError RUN_DIR_UNSAFE: without XDG_RUNTIME_DIR, another user sits where this one's sockets belong.
 */
export function daemonPlaces(options: PlacesOptions): DaemonPlaces {
  const { cwd, config, configFile } = options;
  const stateDir = config?.stateDir ?? defaultStateDir(options);
  const plugins = join(configFile === undefined ? cwd : dirname(resolve(cwd, configFile)), 'plugins');
  const { pluginsDir = plugins, frontDoor, metrics = false } = config ?? {};
  const socket = adminSocket(options);
  return {
    socket,
    frontDoor: frontDoor ?? { socket: join(dirname(socket), 'plugd-front.sock') },
    metrics,
    stateDir,
    logDir: config?.logs?.directory ?? join(stateDir, 'logs'),
    pluginsDir: pluginsDir === false ? undefined : pluginsDir,
  };
}

/** Where the admin API is, for who wants that alone. Throws PluginError RUN_DIR_UNSAFE. */
export function adminSocket(options: PlacesOptions): string {
  const { socket, env, cwd, config } = options;
  const named = socket ?? (env['PLUGD_SOCKET'] || undefined);
  if (named !== undefined) return resolve(cwd, named);
  return config?.socket ?? join(userRunDir(options), 'plugd.sock');
}

function userRunDir(options: PlacesOptions): string {
  const own = options.env['XDG_RUNTIME_DIR'];
  // After `sudo` it may still be another user's, where nothing can be made and nobody of ours listens.
  if (own !== undefined && isAbsolute(own) && isOf(own, userOf(options)) === true) return own;
  const fallBack = ownTemporary(options);
  // Whoever made it first could pass for this user's daemon.
  if (isOf(fallBack, userOf(options)) === false)
    throw new PluginError('RUN_DIR_UNSAFE', `${fallBack} is not a directory of this user alone.`, {
      facts: { path: fallBack },
      hint: 'Remove it, or set XDG_RUNTIME_DIR to a directory of this user alone, mode 0700.',
    });
  return fallBack;
}

function ownTemporary(options: PlacesOptions): string {
  return join(options.temporary ?? '/tmp', `plugd-${userOf(options) ?? 'user'}`);
}

function userOf({ user }: PlacesOptions): number | undefined {
  return user ?? process.getuid?.();
}

/** Whether it is a directory of this user that no other one can write to; undefined: there is none. */
function isOf(path: string, user: number | undefined): boolean | undefined {
  try {
    const about = lstatSync(path);
    // Windows has neither such owners nor such modes.
    if (user === undefined) return about.isDirectory();
    return about.isDirectory() && about.uid === user && (about.mode & 0o022) === 0;
  } catch (error) {
    return isSystemError(error, 'ENOENT') ? undefined : false;
  }
}

function defaultStateDir({ env, home }: PlacesOptions): string {
  const own = env['XDG_STATE_HOME'];
  if (own !== undefined && isAbsolute(own)) return join(own, 'plugd');
  const named = env['HOME'];
  const base = home ?? (named !== undefined && isAbsolute(named) ? named : homedir());
  return join(base, '.local', 'state', 'plugd');
}

/** The sockets of a daemon, by what they are for. */
function socketsOf({ socket, frontDoor, metrics }: DaemonPlaces): (readonly [what: string, path: string])[] {
  return [
    ['the admin API', socket],
    ...(frontDoor !== false && 'socket' in frontDoor ? [['the front door', frontDoor.socket] as const] : []),
    ...(metrics !== false && 'socket' in metrics ? [['metrics', metrics.socket] as const] : []),
  ];
}

/** What is written twice in a config is told with its lines; this is for what is left out or typed. Throws PluginError CONFIG_INVALID. */
function checkSockets(places: DaemonPlaces, configFile: string | undefined): void {
  const taken = new Map<string, string>();
  for (const [what, path] of socketsOf(places)) {
    const first = taken.get(path);
    if (first !== undefined)
      throw new PluginError('CONFIG_INVALID', `${path} is to be the socket of ${first}, and of ${what}.`, {
        facts: configFile === undefined ? {} : { path: configFile },
        hint: 'Give each a socket of its own.',
      });
    taken.set(path, what);
  }
}

/**
 * Makes the directories that sockets are to be in, 0700, where they are missing. The one that a user has without XDG_RUNTIME_DIR has to
 * be this user's alone.
 *
 * Throws PluginError CONFIG_INVALID where two sockets are one; RUN_DIR_UNSAFE, STATE_DIR_UNUSABLE.
 */
export async function makeSocketDirectories(places: DaemonPlaces, options: PlacesOptions): Promise<void> {
  checkSockets(places, options.configFile);
  for (const directory of new Set(socketsOf(places).map(([, path]) => dirname(path)))) {
    if (directory === ownTemporary(options)) await openPrivateDirectory(directory);
    else
      await mkdir(directory, { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
        throw new PluginError('RUN_DIR_UNSAFE', `${directory} can't hold a socket: ${reasonOf(cause)}.`, {
          facts: { path: directory, ...systemFacts(cause) },
          cause,
        });
      });
  }
}
