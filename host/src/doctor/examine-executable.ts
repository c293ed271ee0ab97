import { basename, dirname } from 'node:path';
import { examineProgram, tellMissing } from './examine-program';
import { type Finding, Findings } from './finding';
import type { DoctorSurroundings } from './surroundings';
import { tryStart } from './try-start';

/** What a plugin without a manifest has to be told. */
export interface LoneHandshake {
  readonly cookie?: readonly [name: string, value: string];
  readonly protocolVersions: readonly number[];
  readonly args?: readonly string[];
}

/** Looks at an executable that has no manifest. */
export async function examineExecutable(
  path: string,
  handshake: LoneHandshake,
  { env, cwd, start, signal, startTimeoutMs }: DoctorSurroundings,
): Promise<readonly Finding[]> {
  const findings = new Findings(basename(path));
  const missing = await examineProgram(findings, path, { env });
  const trial = new Findings(findings.subject);
  const { cookie, protocolVersions, args = [] } = handshake;
  let started: boolean | undefined;
  if (!findings.failed && start && cookie === undefined)
    trial.warn(
      'start',
      'It was not started: without its cookie a plugin refuses every host.',
      'Give --cookie NAME=VALUE, and --versions if it speaks others than 1; or put plugin.yaml beside it.',
    );
  else if (!findings.failed && start && cookie !== undefined)
    started = await tryStart(trial, {
      options: {
        name: 'patient',
        version: '0.0.0',
        command: path,
        args: [...args],
        cwd: dirname(path) === '.' ? cwd : dirname(path),
        handshake: { cookie: [cookie[0], cookie[1]], protocolVersions: [...protocolVersions] },
        ...(startTimeoutMs === undefined ? {} : { startTimeoutMs }),
      },
      anyVersion: true,
      signal,
    });
  tellMissing(findings, missing, started);
  return [...findings.list, ...trial.list];
}
