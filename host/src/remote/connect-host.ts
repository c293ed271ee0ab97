import { PluginError } from '@plugd/protocol/plugin-error';
import { connectAdmin } from '../admin/admin-client';
import { untilLoaded } from '../admin/until-loaded';
import { adminSocket } from '../config/places';
import { guardedLogger, type Logger, stderrLogger } from '../events/logger';
import { checkGroup } from '../instance/option-check';
import { DaemonPlugins } from './daemon-plugins';
import { RemoteHost } from './remote-host';

const answerMs = 5_000;

/** How to find a daemon. */
export interface ConnectHostOptions {
  /** The path of its admin socket. Default: PLUGD_SOCKET, else the user's own place, where `plugd start` has it. */
  readonly socket?: string;
  /**
   * How long it may take to answer at first, in milliseconds, and again to load what lies there, if it has just been started; what
   * is not loaded by then comes later. Default 5,000.
   */
  readonly timeoutMs?: number;
  /** What the daemon's record of changes calls this application. Default: the name of the program's file. */
  readonly program?: string;
  /** Where is told that the daemon was lost and found again. Default: warnings and errors, a line each, on stderr. */
  readonly logger?: Logger;
}

/**
 * Connects to a daemon (`plugd start`), whose plugins this application shares with others: the same interface as that of
 * `createHost`. A daemon that is started again is found again: calls fail with UNAVAILABLE meanwhile.
 *
 * Throws PluginError OPTIONS_INVALID, DAEMON_UNREACHABLE, DAEMON_TOO_OLD, FRONT_DOOR_MISSING, RUN_DIR_UNSAFE.
 */
export async function connectHost(options: ConnectHostOptions = {}): Promise<RemoteHost> {
  checkGroup('options', options);
  const { socket, logger, ...about } = options;
  const path = adminSocket({ env: process.env, cwd: process.cwd(), socket });
  const admin = await connectAdmin(path, about);
  if (admin.daemon.frontDoor === '') {
    admin.close();
    throw missing(path);
  }
  const plugins = new DaemonPlugins(admin, guardedLogger(logger ?? stderrLogger()));
  try {
    await untilLoaded(admin, performance.now() + (options.timeoutMs ?? answerMs));
    await plugins.begin();
    return new RemoteHost(plugins);
  } catch (error) {
    await plugins.close();
    throw error;
  }
}

function missing(socket: string): PluginError {
  return new PluginError('FRONT_DOOR_MISSING', `The daemon at ${socket} has no front door for calls.`, {
    facts: { socket },
  });
}
