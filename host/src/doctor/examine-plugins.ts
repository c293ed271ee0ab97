import { join } from 'node:path';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { DaemonConfig } from '../config/config';
import {
  type ArtifactOnDisk,
  type ArtifactsOnDisk,
  type PluginOnDisk,
  type ReadableArtifact,
  readArtifacts,
} from '../manifest/artifacts';
import { formatProblem, type SourceProblem } from '../manifest/problem';
import { checkRequires } from '../manifest/requires';
import { checkWritable, compareWithDisk } from './examine-config';
import { examinePluginsDir } from './examine-directories';
import { type Finding, Findings } from './finding';

/** What lies in a directory of plugins, as far as manifests tell. */
export interface ExaminedPlugins {
  /** Undefined: the directory can't be read. */
  readonly artifacts: ArtifactsOnDisk | undefined;
  readonly findings: readonly Finding[];
}

export async function examinePlugins(
  directory: string,
  config: DaemonConfig | undefined,
): Promise<ExaminedPlugins> {
  const findings = new Findings('plugins');
  if (!examinePluginsDir(findings, directory)) return { artifacts: undefined, findings: findings.list };
  checkWritable(findings, 'plugins directory', directory);
  let artifacts: ArtifactsOnDisk;
  try {
    artifacts = await readArtifacts(directory);
  } catch (error) {
    findings.error('plugins directory', error);
    return { artifacts: undefined, findings: findings.list };
  }
  for (const { path, why } of artifacts.notes)
    findings.warn(
      'layout',
      `${path} is left alone: ${why}.`,
      'The layout is <plugin>/<version>/plugin.yaml.',
    );
  const { plugins } = artifacts;
  const unfit = plugins.flatMap(({ versions }) => versions.flatMap(tellUnfit));
  const chosen = plugins.flatMap((plugin) => chosenOf(plugin, config) ?? []);
  tellRequires(findings, chosen);
  tellShared(findings, chosen);
  if (!findings.failed && unfit.length === 0) {
    const names = chosen.map(({ name, version }) => `${name} ${version}`).join(', ');
    findings.ok(
      'manifests',
      chosen.length === 0 ? 'There is no version to run.' : `They fit each other: ${names}.`,
    );
  }
  const compared = config === undefined ? [] : compareWithDisk(config, plugins);
  return { artifacts, findings: [...findings.list, ...unfit, ...compared] };
}

/** The version that is to run: the one that it is held at, or the highest that can be read. */
export function chosenOf(
  { name, versions }: PluginOnDisk,
  config: DaemonConfig | undefined,
): ReadableArtifact | undefined {
  const plugins = config?.plugins ?? {};
  const settings = Object.hasOwn(plugins, name) ? plugins[name] : undefined;
  if (settings?.enabled === false) return undefined;
  const readable = versions.filter((one): one is ReadableArtifact => one.problem === undefined);
  const { pin } = settings ?? {};
  return pin === undefined ? readable[0] : readable.find(({ version }) => version === pin);
}

function tellUnfit({ name, version, directory, problem }: ArtifactOnDisk): readonly Finding[] {
  if (problem === undefined) return [];
  const findings = new Findings(`${name} ${version}`);
  const problems = problem.facts['problems'];
  if (Array.isArray(problems)) {
    const counted = new PluginError(problem.code, `${join(directory, 'plugin.yaml')} has mistakes.`, {
      hint: problem.hint,
    });
    findings.error('manifest', counted, {
      details: (problems as readonly SourceProblem[]).map((one) => formatProblem(one)),
    });
  } else if (problem.code === 'MANIFEST_NOT_FOUND') {
    // It may be on its way: the manifest comes last.
    findings.warn('manifest', problem.summary, problem.hint);
  } else findings.error(problem.code === 'ARTIFACT_MISPLACED' ? 'directory' : 'manifest', problem);
  return findings.list;
}

/** Ranges that nothing is in, plugins that are missing, and rings. */
function tellRequires(findings: Findings, chosen: readonly ReadableArtifact[]): void {
  for (const problem of checkRequires(chosen.map(({ manifest }) => manifest)))
    findings.error('requires', problem);
}

/** Who names a service alone reaches one plugin. */
function tellShared(findings: Findings, chosen: readonly ReadableArtifact[]): void {
  const owners = new Map<string, string[]>();
  for (const { name, manifest } of chosen)
    for (const service of manifest.services ?? []) {
      const names = owners.get(service) ?? [];
      owners.set(service, [...names, name]);
    }
  for (const [service, names] of owners)
    if (names.length > 1)
      findings.warn(
        'services',
        `${names.join(' and ')} make ${service} public: who calls it by its name alone reaches one of them.`,
        'Have callers name the plugin too, or take the service from the other manifests.',
      );
}
