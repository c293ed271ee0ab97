import { readFileSync } from 'node:fs';
import { PluginError } from '@plugd/protocol/plugin-error';
import { satisfies } from 'semver';
import { selectPlatform } from '../platform/select-platform';
import { currentUser } from './access';
import { examineRoom, examineStateDir } from './examine-directories';
import { examineRunDirectory, examineSockets } from './examine-sockets';
import { type Finding, Findings } from './finding';
import { readMounts } from './mounts';
import { readLimits } from './process-limits';
import type { DoctorSurroundings } from './surroundings';

const neededNode = '>=20.19';
/** A plugin takes the host some ten descriptors. */
const leastFiles = 256;
const fewFiles = 4_096;
const leastMemory = 64 * 2 ** 20;
const fewMemory = 256 * 2 ** 20;

/** Whether a machine is fit for a daemon. `running`: one answers. */
export async function examineMachine(
  { env, places }: DoctorSurroundings,
  running: boolean,
): Promise<readonly Finding[]> {
  const findings = new Findings('machine');
  const { version } = process;
  if (satisfies(version, neededNode)) findings.ok('node', `It is ${version}.`);
  else findings.fail('node', `It is ${version}; ${neededNode} is needed.`, 'Install a newer Node.js.');
  const platform = selectPlatform();
  if (platform.unixSockets)
    findings.ok('system', `${process.platform} ${process.arch}, as ${currentUser()}.`);
  else
    findings.fail(
      'system',
      `${process.platform} has no unix sockets that Node could use.`,
      'Run the daemon on Linux, macOS or a BSD; the library alone runs here too.',
    );
  examineLimits(findings);
  examineMemory(findings, platform.availableMemory());
  examineRunDirectory(findings, env);
  await examineSockets(findings, places, running);
  examineStateDir(findings, places.stateDir, readMounts());
  if (places.logDir !== `${places.stateDir}/logs`) examineRoom(findings, 'log directory', places.logDir);
  examineWatches(findings);
  examineJournal(findings);
  return findings.list;
}

/** `who` and `pid`: of the process whose limits are looked at. */
export function examineLimits(findings: Findings, pid: number | 'self' = 'self'): void {
  const files = readLimits(pid).get('Max open files');
  if (files === undefined) return;
  const seen = `${files.soft} open files are allowed (ulimit -n), ${files.hard} at most.`;
  const fix =
    pid === 'self'
      ? `Raise it in the shell or unit that starts the daemon: ulimit -n ${Math.min(files.hard, 65_536)}, or LimitNOFILE=65536.`
      : 'Start the daemon with a higher limit: ulimit -n, or LimitNOFILE=65536 in its unit.';
  if (files.soft < leastFiles) findings.fail('open files', seen, fix);
  else if (files.soft < fewFiles) findings.warn('open files', seen, fix);
  else findings.ok('open files', seen);
}

function examineMemory(findings: Findings, available: number | undefined): void {
  if (available === undefined) return;
  const seen = `${Math.floor(available / 2 ** 20)} MiB of memory can be had.`;
  const fix = 'Free memory, or raise the limit of the container: an upgrade runs two versions for a moment.';
  if (available < leastMemory) findings.fail('memory', seen, fix);
  else if (available < fewMemory) findings.warn('memory', seen, fix);
  else findings.ok('memory', seen);
}

/** How many directories can be watched; without, changes are only found by the periodic look. */
function examineWatches(findings: Findings): void {
  const watches = systemNumber('/proc/sys/fs/inotify/max_user_watches');
  const instances = systemNumber('/proc/sys/fs/inotify/max_user_instances');
  if (watches === undefined || instances === undefined) return;
  const seen = `${watches} directories can be watched, by ${instances} programs.`;
  if (watches < 1_024 || instances < 16)
    findings.warn(
      'watches',
      seen,
      'sysctl fs.inotify.max_user_watches=65536 fs.inotify.max_user_instances=512; else changes are found by the periodic look only.',
    );
  else findings.ok('watches', seen);
}

function systemNumber(file: string): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/** What the journal is kept with is built for each system. */
function examineJournal(findings: Findings): void {
  try {
    require('classic-level');
    findings.ok('journal', 'The program that it is kept with can be loaded.');
  } catch (cause) {
    findings.error(
      'journal',
      new PluginError(
        'STATE_DIR_UNUSABLE',
        'The program that the journal is kept with can’t be loaded here.',
        {
          hint: 'Install @plugd/host again on this machine: npm ci.',
          cause,
        },
      ),
    );
  }
}
