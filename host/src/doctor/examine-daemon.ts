import { readFileSync, statSync } from 'node:fs';
import type { GetDaemonResponse, PluginRow } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import { PluginError } from '@plugd/protocol/plugin-error';
import { type AdminClient, connectAdmin } from '../admin/admin-client';
import type { DaemonPlaces } from '../config/places';
import { currentUser } from './access';
import { examineLimits } from './examine-machine';
import { type Finding, Findings } from './finding';

/** What a daemon told of itself. */
export interface DaemonAnswer {
  readonly daemon: GetDaemonResponse;
  readonly plugins: readonly PluginRow[];
}

export interface ExaminedDaemon {
  /** Undefined: none answers. */
  readonly answer: DaemonAnswer | undefined;
  readonly findings: readonly Finding[];
}

const answerMs = 3_000;

/** Asks the daemon at this socket how it is. `version`: of the command. `configIsGood`: the one on disk could be used. */
export async function examineDaemon(
  socket: string,
  version: string,
  configIsGood: boolean,
): Promise<ExaminedDaemon> {
  const findings = new Findings('daemon');
  let client: AdminClient | undefined;
  try {
    client = await connectAdmin(socket, { timeoutMs: answerMs });
    const { daemon } = client;
    const { plugins } = await client.listPlugins({}, { timeoutMs: answerMs });
    tellOf(findings, daemon, version);
    tellOfConfig(findings, daemon, configIsGood);
    for (const { name, problem, state } of plugins)
      if (problem !== '')
        findings.fail(
          'plugin',
          `Plugin ${name} is ${state}: ${problem}`,
          `plugd doctor ${name} looks closer.`,
        );
    return { answer: { daemon, plugins }, findings: findings.list };
  } catch (error) {
    // To run none is no illness; one that is there and says nothing, or not to this user, is.
    if (!(error instanceof PluginError) || !isAbsent(error)) findings.error('daemon', error);
    else
      findings.warn('daemon', error.summary, 'plugd start starts one; --socket or --config names another.');
    return { answer: undefined, findings: findings.list };
  } finally {
    client?.close();
  }
}

function isAbsent({ code, facts }: PluginError): boolean {
  return (
    code === 'DAEMON_UNREACHABLE' && facts['systemCode'] !== 'EACCES' && facts['timeoutMs'] === undefined
  );
}

function tellOf(findings: Findings, daemon: GetDaemonResponse, version: string): void {
  const { pid, socket } = daemon;
  findings.ok('daemon', `plugd ${daemon.version}, process ${pid}, answers at ${socket}.`);
  if (daemon.version !== version)
    findings.warn(
      'version',
      `The daemon is plugd ${daemon.version}, this command is ${version}.`,
      'Start the daemon again: plugins that hand their state over keep it.',
    );
  const user = userOf(Number(pid));
  const own = process.getuid?.();
  if (user !== undefined && own !== undefined && user !== own)
    findings.warn(
      'user',
      `The daemon runs as user ${user}, and this is ${currentUser()}: what it may read can be something else.`,
      'Run plugd doctor as the user of the daemon.',
    );
  examineLimits(findings, Number(pid));
}

function tellOfConfig(
  findings: Findings,
  { configProblem, configFile, pid }: GetDaemonResponse,
  isGood: boolean,
): void {
  if (configProblem !== '' && isGood)
    findings.warn(
      'config',
      configProblem,
      `What is on disk now can be used. The daemon’s own settings count from its next start; for all else kill -HUP ${pid} lets it look again.`,
    );
  else if (configProblem !== '')
    findings.fail(
      'config',
      configProblem,
      'The daemon goes on by the config before: correct the one on disk.',
    );
  else if (configFile !== '') findings.ok('config', `${configFile} is in force.`);
}

function userOf(pid: number): number | undefined {
  return statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid;
}

/** What its plugins inherit. Undefined where the system doesn't tell, or not this user. */
export function environmentOf({ daemon }: DaemonAnswer): Readonly<Record<string, string>> | undefined {
  try {
    const entries = readFileSync(`/proc/${daemon.pid}/environ`, 'utf8').split('\0');
    return Object.fromEntries(
      entries.flatMap((entry) => {
        const end = entry.indexOf('=');
        return end < 1 ? [] : [[entry.slice(0, end), entry.slice(end + 1)] as const];
      }),
    );
  } catch {
    return undefined;
  }
}

/** The places of the daemon that answers: it may have been started with others than this command. */
export function placesOf({ daemon }: DaemonAnswer, own: DaemonPlaces): DaemonPlaces {
  const { socket, stateDir, logDir, pluginsDir } = daemon;
  return {
    ...own,
    socket,
    stateDir: stateDir || own.stateDir,
    logDir: logDir || own.logDir,
    pluginsDir: pluginsDir === '' ? undefined : pluginsDir,
  };
}
