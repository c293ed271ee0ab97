import { statSync } from 'node:fs';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { DaemonConfig } from '../config/config';
import { readConfig } from '../config/read-config';
import { resolveSettings } from '../config/resolve-settings';
import type { PluginOnDisk } from '../manifest/artifacts';
import { nearWord } from '../manifest/near-word';
import { formatProblem, type SourceProblem } from '../manifest/problem';
import { rightsOf } from './access';
import type { CheckName } from './checks';
import { type Finding, Findings } from './finding';

export interface ExaminedConfig {
  /** Undefined: there is none, or it can't be used. */
  readonly config: DaemonConfig | undefined;
  readonly findings: readonly Finding[];
}

/** Reads the config at this path; undefined: there is none. */
export async function examineConfig(file: string | undefined): Promise<ExaminedConfig> {
  const findings = new Findings('config');
  if (file === undefined) {
    findings.ok('config', 'There is none: what is not said has its default.');
    return { config: undefined, findings: findings.list };
  }
  let config: DaemonConfig | undefined;
  try {
    config = await readConfig(file);
    findings.ok('config', `${file} can be used.`);
  } catch (error) {
    const problems = error instanceof PluginError ? error.facts['problems'] : undefined;
    if (error instanceof PluginError && Array.isArray(problems)) {
      const count = problems.length === 1 ? 'a mistake' : `${problems.length} mistakes`;
      const counted = new PluginError(error.code, `${file} has ${count}.`, { hint: error.hint });
      findings.error('config', counted, {
        details: (problems as readonly SourceProblem[]).map((one) => formatProblem(one)),
      });
    } else findings.error('config', error);
  }
  checkWritable(findings, 'config', file);
  for (const [name, settings] of Object.entries(config?.plugins ?? {})) {
    await resolveSettings(settings).catch((error: unknown) =>
      findings.error('secrets', error, { details: [`plugin: ${name}`] }),
    );
  }
  return { config, findings: findings.list };
}

/** Who writes to what says what is run, runs what they like, as the user of the daemon. */
export function checkWritable(findings: Findings, check: CheckName, path: string): void {
  const about = statSync(path, { throwIfNoEntry: false });
  if (about === undefined || process.getuid === undefined) return;
  const isSticky = (about.mode & 0o1000) !== 0;
  if ((about.mode & 0o002) === 0 || isSticky) return;
  findings.warn(
    check,
    `Everybody may write to ${path} (${rightsOf(path)}), and so have the daemon run anything.`,
    `chmod o-w ${path}`,
  );
}

/** What the config says of plugins, against what there is. */
export function compareWithDisk(config: DaemonConfig, plugins: readonly PluginOnDisk[]): readonly Finding[] {
  const findings = new Findings('config');
  for (const [name, { pin }] of Object.entries(config.plugins ?? {})) {
    const plugin = plugins.find((one) => one.name === name);
    if (plugin === undefined) {
      const near = nearWord(
        name,
        plugins.map((one) => one.name),
      );
      findings.warn(
        'settings',
        `There is no plugin ${name} in the directory of plugins.`,
        near === undefined ? 'Put it there, or take its settings away.' : `Did you mean ${near}?`,
      );
    } else if (pin !== undefined && plugin.versions.every(({ version }) => version !== pin)) {
      const there = plugin.versions.map(({ version }) => version).join(', ');
      findings.warn(
        'settings',
        `Plugin ${name} is held at ${pin}, which is not there: nothing else of it is run.`,
        `Put ${pin} there, or correct its pin. There is ${there}.`,
      );
    }
  }
  return findings.list;
}
