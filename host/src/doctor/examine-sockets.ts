import { accessSync, constants, lstatSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { connectSocket } from '@plugd/protocol/connect-socket';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { DaemonPlaces } from '../config/places';
import { RunDirectory } from '../launch/run-directory';
import type { Platform } from '../platform/platform';
import { selectPlatform } from '../platform/select-platform';
import { blockedAt, currentUser, rightsOf } from './access';
import type { CheckName } from './checks';
import type { Findings } from './finding';
import { nearest } from './mounts';

/** The systems' own limits, without the zero byte at the end. */
const pathLimitBytes = process.platform === 'darwin' ? 103 : 107;
/** A socket is made under a private name beside its place: `/.d-XXXXXX/s`. */
const privateNameBytes = 12;
/** What plugins of before PLUGIN_UNIX_SOCKET_DIR add to TMPDIR: `/plugin` and ten digits. */
const strayNameBytes = 18;

/** @param running a daemon answers there: then sockets are in use, and rightly so */
export async function examineSockets(
  findings: Findings,
  { socket, frontDoor }: DaemonPlaces,
  running: boolean,
): Promise<void> {
  await examineSocket(findings, 'admin socket', socket, running);
  if (frontDoor !== false && 'socket' in frontDoor)
    await examineSocket(findings, 'front door', frontDoor.socket, running);
}

async function examineSocket(
  findings: Findings,
  check: CheckName,
  path: string,
  running: boolean,
): Promise<void> {
  const bytes = Math.max(Buffer.byteLength(path), Buffer.byteLength(dirname(path)) + privateNameBytes);
  if (bytes > pathLimitBytes) {
    findings.fail(
      check,
      `The path ${path} needs ${bytes} bytes; ${pathLimitBytes} are possible.`,
      'Choose a shorter path for the socket, such as one in /run/user.',
    );
    return;
  }
  const blocked = blockedAt(path);
  const place = nearest(dirname(path));
  if (blocked !== undefined || !mayWrite(place)) {
    const at = blocked ?? place;
    findings.fail(
      check,
      `${currentUser()} can make no socket ${path}: ${at} is ${rightsOf(at)}.`,
      'Choose a place in a directory of that user, or set XDG_RUNTIME_DIR.',
    );
    return;
  }
  const about = lstatSync(path, { throwIfNoEntry: false });
  if (about === undefined || running) {
    findings.ok(check, about === undefined ? `${path} is free.` : `${path} is in use by the daemon.`);
  } else if (!about.isSocket()) {
    findings.fail(check, `${path} is a file that is no socket.`, 'Remove it, or choose another path.');
  } else if (about.uid !== process.getuid?.() && process.getuid?.() !== 0) {
    findings.fail(
      check,
      `${path} belongs to user ${about.uid}.`,
      'Run the command as that user, or choose another path for the socket.',
    );
  } else if (await answers(path)) {
    findings.fail(
      check,
      `Another program listens at ${path}.`,
      'Stop it, or choose another path for the socket.',
    );
  } else findings.ok(check, `${path} was left behind; it is replaced by the next start.`);
}

async function answers(path: string): Promise<boolean> {
  try {
    const connection = await connectSocket({ network: 'unix', address: path }, 1_000);
    connection.destroy();
    return true;
  } catch {
    return false;
  }
}

function mayWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Why the host has gone past this directory. */
function unfitFor(base: string, platform: Platform): string {
  const rights = rightsOf(base);
  if (rights === '') return 'that is not there';
  try {
    RunDirectory.create({ platform, base, onCreated: () => {} }).removeIfEmpty();
  } catch (error) {
    if (error instanceof PluginError && error.code === 'SOCKET_PATH_TOO_LONG') {
      const { bytes, limit } = error.facts;
      if (typeof bytes === 'number' && typeof limit === 'number')
        return `its path is ${bytes - limit} bytes too long`;
    }
  }
  return `that is ${rights}`;
}

/** Where plugins' own sockets are made: a host makes its directory, as a start would, and takes it away again. */
export function examineRunDirectory(
  findings: Findings,
  env: Readonly<Record<string, string | undefined>>,
): void {
  const platform = selectPlatform();
  const named = env['XDG_RUNTIME_DIR'];
  try {
    const directory = RunDirectory.create({ platform, onCreated: () => {} });
    const at = dirname(directory.path);
    directory.removeIfEmpty();
    if (named !== undefined && named !== '' && nearest(named) !== at)
      findings.warn(
        'run directory',
        `Plugins’ sockets are made in ${at}, not in XDG_RUNTIME_DIR (${named}): ${unfitFor(named, platform)}.`,
        'Set XDG_RUNTIME_DIR to a directory of this user alone, mode 0700, with a short path.',
      );
    else findings.ok('run directory', `Plugins’ sockets are made in ${at}.`);
  } catch (error) {
    if (!(error instanceof PluginError)) throw error;
    findings.error(error.code === 'SOCKET_PATH_TOO_LONG' ? 'socket path' : 'run directory', error);
  }
  const temporary = env['TMPDIR'];
  if (temporary !== undefined && Buffer.byteLength(join(temporary)) + strayNameBytes > pathLimitBytes)
    findings.warn(
      'socket path',
      `TMPDIR (${temporary}) is too long for sockets in it, where old plugins make theirs.`,
      'Start the daemon with a shorter TMPDIR, such as /tmp.',
    );
}
