import { accessSync, constants, lstatSync, readdirSync, statfsSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { currentUser, rightsOf } from './access';
import type { CheckName } from './checks';
import type { Findings } from './finding';
import { type Mount, mountOf, nearest } from './mounts';

/** Less, and nothing goes on for long. */
const leastBytes = 64 * 2 ** 20;
const fewBytes = 512 * 2 ** 20;
const mebibyte = 2 ** 20;

/** File systems whose locks and syncs can't be relied on. */
const remote = /^(?:nfs|cifs|smb|9p|fuse\.sshfs|fuse\.s3)/;

/** The directory in which the daemon keeps journal, states and the copies that plugins run from. */
export function examineStateDir(findings: Findings, stateDir: string, mounts: readonly Mount[]): void {
  if (!checkOwn(findings, 'state directory', stateDir)) return;
  const mount = mountOf(stateDir, mounts);
  if (mount !== undefined) {
    const on = `${stateDir} is on ${mount.type} (${mount.point})`;
    if (mount.options.includes('noexec'))
      findings.fail(
        'state directory',
        `${on}, from which nothing may be run (noexec): plugins run from copies in it.`,
        'Choose another stateDir, or mount that file system without noexec.',
      );
    if (mount.type === 'tmpfs' || mount.type === 'ramfs')
      findings.warn(
        'state directory',
        `${on}, which is empty after each start of the machine.`,
        'Choose a stateDir on a disk, if pins and states are to outlive the machine’s restarts.',
      );
    if (remote.test(mount.type))
      findings.warn(
        'state directory',
        `${on}, where locks can’t be relied on.`,
        'Choose a stateDir on a disk of this machine.',
      );
  }
  examineRoom(findings, 'disk', stateDir);
}

/** Whether there is room where a path is, or would be. */
export function examineRoom(findings: Findings, check: CheckName, path: string): void {
  const place = nearest(path);
  let free: number;
  let files: number;
  try {
    const { bavail, bsize, ffree, files: all } = statfsSync(place);
    free = bavail * bsize;
    // Some file systems have no such number.
    files = all === 0 ? Number.POSITIVE_INFINITY : ffree;
  } catch {
    return;
  }
  const mebibytes = Math.floor(free / mebibyte);
  const fix = `Free space there: df -h ${place}.`;
  if (free < leastBytes) findings.fail(check, `${place} has ${mebibytes} MiB left.`, fix);
  else if (free < fewBytes) findings.warn(check, `${place} has only ${mebibytes} MiB left.`, fix);
  else if (files < 1_000)
    findings.warn(
      check,
      `${place} has room for only ${files} more files.`,
      `Remove files there: df -i ${place}.`,
    );
  else findings.ok(check, `${place} has ${mebibytes} MiB left.`);
}

/** One that is to be this user's alone, or is made when it is needed. */
function checkOwn(findings: Findings, check: CheckName, path: string): boolean {
  const about = lstatSync(path, { throwIfNoEntry: false });
  if (about === undefined) return checkCanBeMade(findings, check, path);
  const user = process.getuid?.();
  const why = about.isSymbolicLink()
    ? 'is a symbolic link'
    : !about.isDirectory()
      ? 'is no directory'
      : user !== undefined && about.uid !== user
        ? `belongs to user ${about.uid}, and this is ${currentUser()}`
        : user !== undefined && (about.mode & 0o077) !== 0
          ? `lets others in (${rightsOf(path)})`
          : undefined;
  if (why === undefined) {
    findings.ok(check, `${path} is ${currentUser()}’s alone.`);
    return true;
  }
  const fix = why.startsWith('lets') ? `chmod 700 ${path}` : 'Name another one, or take away what is there.';
  findings.fail(check, `${path} ${why}.`, fix);
  return false;
}

function checkCanBeMade(findings: Findings, check: CheckName, path: string): boolean {
  const place = nearest(dirname(path));
  try {
    accessSync(place, constants.W_OK | constants.X_OK);
  } catch {
    findings.fail(
      check,
      `${path} is not there, and ${currentUser()} may not make it: ${place} is ${rightsOf(place)}.`,
      `Make ${path} for that user, mode 0700, or name another one.`,
    );
    return false;
  }
  findings.ok(check, `${path} will be made.`);
  return true;
}

/** The directory of plugins itself; what lies in it is looked at elsewhere. False: it can't be read. */
export function examinePluginsDir(findings: Findings, path: string): boolean {
  try {
    const names = readdirSync(path).filter((name) => !name.startsWith('.'));
    const count = names.length === 1 ? 'one entry' : `${names.length} entries`;
    findings.ok('plugins directory', `${path} has ${count}.`);
    return true;
  } catch (error) {
    const missing = lstatSync(path, { throwIfNoEntry: false }) === undefined;
    findings.fail(
      'plugins directory',
      missing
        ? `There is no directory ${path}.`
        : `${path} can’t be read: ${error instanceof Error ? error.message : String(error)}.`,
      missing
        ? `Make it (mkdir -p ${path}), or name another one: pluginsDir in the config.`
        : `Let ${currentUser()} read it: chmod o+rx ${path}, or chown it. It is ${rightsOf(path) || basename(path)}.`,
    );
    return false;
  }
}
