import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { PluginError } from '@plugd/protocol/plugin-error';
import { valid } from 'semver';
import type { PluginSettings } from '../config/config';
import { Redactor } from '../config/redactor';
import { type ResolvedSettings, resolveSettings } from '../config/resolve-settings';
import { checkPlace } from '../manifest/artifacts';
import { type ArtifactCopy, copyArtifact } from '../manifest/copy-artifact';
import { commandOf, loadOptionsOf } from '../manifest/load-options-of';
import { type Manifest, manifestName } from '../manifest/manifest';
import { formatProblem, type SourceProblem } from '../manifest/problem';
import { readManifest } from '../manifest/read-manifest';
import { selectPlatform } from '../platform/select-platform';
import { overridden, type PluginOverrides } from '../watch/plugin-overrides';
import { blockedAt, currentUser, mayRead, rightsOf } from './access';
import type { CheckName } from './checks';
import { examineProgram, tellMissing } from './examine-program';
import { type Finding, Findings } from './finding';
import type { DoctorSurroundings } from './surroundings';
import { tryPromises } from './try-promises';
import { standardTimeoutMs, tryStart } from './try-start';
import { withWorkplace } from './workplace';

/** Looks at one version of a plugin on disk, from its directory to its start. */
export async function examineArtifact(
  directory: string,
  surroundings: DoctorSurroundings,
): Promise<readonly Finding[]> {
  const named = valid(basename(directory)) !== null;
  const before = new Findings(named ? `${basename(dirname(directory))} ${basename(directory)}` : directory);
  if (!checkDirectory(before, directory)) return before.list;
  const manifest = await checkManifest(before, directory, named);
  if (manifest === undefined) return before.list;

  const findings = new Findings(`${manifest.name} ${manifest.version}`);
  findings.list.push(...before.list.map((one) => ({ ...one, subject: findings.subject })));
  const plugins = surroundings.config?.plugins ?? {};
  const settings = Object.hasOwn(plugins, manifest.name) ? plugins[manifest.name] : undefined;
  const { overrides, secrets } = await settingsOf(findings, settings);
  const counting = overridden(manifest, overrides);
  if (counting.config !== undefined) checkConfigDirectory(findings, counting.config, directory);
  if (!(await attempt(findings, 'platform', async () => void commandOf(manifest)))) return findings.list;
  await withWorkplace(surroundings, (workplace) =>
    examineCopy(findings, { manifest: counting, overrides, directory, workplace, surroundings, secrets }),
  );
  return findings.list;
}

function checkDirectory(findings: Findings, directory: string): boolean {
  const blocked = blockedAt(join(directory, manifestName));
  if (blocked !== undefined) {
    findings.fail(
      'directory',
      `${currentUser()} may not go through ${blocked} (${rightsOf(blocked)}).`,
      `Let the user that runs plugins come through and read: chmod o+rx ${blocked}, or chown it.`,
    );
    return false;
  }
  const about = statSync(directory, { throwIfNoEntry: false });
  if (about === undefined || !about.isDirectory()) {
    const what =
      about === undefined ? `There is no directory ${directory}.` : `${directory} is no directory.`;
    findings.fail('directory', what, 'Give the directory of a version: plugins/<name>/<version>.');
    return false;
  }
  if (!mayRead(directory)) {
    const rights = rightsOf(directory);
    findings.fail(
      'directory',
      `${currentUser()} may not read ${directory} (${rights}).`,
      `chmod o+rx ${directory}, or chown it to the user that runs plugins.`,
    );
    return false;
  }
  findings.ok('directory', `${directory} can be read.`);
  return true;
}

async function checkManifest(
  findings: Findings,
  directory: string,
  named: boolean,
): Promise<Manifest | undefined> {
  let manifest: Manifest;
  try {
    manifest = await readManifest(directory);
    if (named) checkPlace(manifest, directory, basename(dirname(directory)), basename(directory));
  } catch (error) {
    if (!(error instanceof PluginError)) throw error;
    const check = error.code === 'ARTIFACT_MISPLACED' ? 'directory' : 'manifest';
    const problems = error.facts['problems'];
    if (error.code === 'MANIFEST_INVALID' && Array.isArray(problems)) {
      const count = problems.length === 1 ? 'a mistake' : `${problems.length} mistakes`;
      const path = join(directory, manifestName);
      const details = (problems as readonly SourceProblem[]).map((one) => formatProblem(one));
      const counted = new PluginError(error.code, `${path} has ${count}.`, { hint: error.hint });
      findings.error(check, counted, { details });
    } else if (error.code === 'MANIFEST_NOT_FOUND') findings.error(check, error, otherName(directory));
    else findings.error(check, error);
    return undefined;
  }
  findings.ok('manifest', `${manifestName} says ${manifest.name} ${manifest.version}.`);
  return manifest;
}

/** Under which another name somebody may have put it there. */
function otherName(directory: string): { readonly fix?: string } {
  const found = readdirSync(directory).find((name) => /^plugin\.(?:ya?ml|json)$/i.test(name));
  return found === undefined ? {} : { fix: `Rename ${found} to ${manifestName}.` };
}

async function settingsOf(
  findings: Findings,
  settings: PluginSettings | undefined,
): Promise<ResolvedSettings> {
  if (settings === undefined) return { overrides: {}, secrets: [] };
  if (settings.enabled === false)
    findings.warn(
      'config',
      'It is switched off in the config (enabled: false).',
      'Take that away to have it run.',
    );
  try {
    return await resolveSettings(settings);
  } catch (error) {
    findings.error('secrets', error);
    return { overrides: {}, secrets: [] };
  }
}

function checkConfigDirectory(findings: Findings, config: string, directory: string): void {
  const path = isAbsolute(config) ? config : join(directory, config);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true && mayRead(path)) return;
  findings.fail(
    'config directory',
    `${path} is no directory that ${currentUser()} may read.`,
    'Put the configuration there, or correct config in its manifest or in the daemon’s config.',
  );
}

interface CopyOptions {
  /** As it counts, with the overrides of the config. */
  readonly manifest: Manifest;
  readonly overrides: PluginOverrides;
  readonly directory: string;
  readonly workplace: string;
  readonly surroundings: DoctorSurroundings;
  /** What the plugin is given and nobody else is to see, whatever it prints. */
  readonly secrets: readonly string[];
}

/** What is run is a copy: what the copy changes, such as rights, is not to be complained about. */
async function examineCopy(findings: Findings, options: CopyOptions): Promise<void> {
  const { manifest, directory, workplace, surroundings } = options;
  let copy: ArtifactCopy | undefined;
  const copied = await attempt(findings, 'files', async () => {
    copy = await copyArtifact(directory, workplace);
  });
  if (!copied || copy === undefined) return;
  const count = Object.keys(manifest.files ?? {}).length;
  findings.ok(
    'files',
    count === 0
      ? 'They can be copied. There are no sums to hold them against.'
      : `Each of ${count} has its sum.`,
  );
  const taken = copy.directory;
  const shown = (text: string) => text.replaceAll(taken, directory);
  const env = { ...(manifest.inheritEnv === false ? {} : surroundings.env), ...manifest.env };
  const file = commandOf(manifest);
  const missing =
    manifest.runtime === undefined
      ? await examineProgram(findings, join(taken, file), { env, shown: join(directory, file) })
      : await examineRuntime(findings, manifest.runtime, directory, env);
  let started: boolean | undefined;
  const trial = new Findings(findings.subject);
  if (!findings.failed && surroundings.start) {
    const { load } = loadOptionsOf(manifest, copy);
    const { startTimeoutMs: own } = manifest;
    const { startTimeoutMs: limit } = surroundings;
    started = await tryStart(trial, {
      options: {
        ...load,
        ...(surroundings.foreignEnv === true ? { inheritEnv: false, env: defined(env) } : {}),
        // Nobody waits for a minute to see that a plugin says nothing, unless its author says that it may take so long.
        startTimeoutMs: own === undefined ? (limit ?? standardTimeoutMs) : Math.min(own, limit ?? own),
      },
      services: manifest.services ?? [],
      signal: surroundings.signal,
      shown,
    });
  }
  if (started === true) await tryPromises(trial, { ...options, directory: taken });
  tellMissing(findings, missing, started);
  findings.list.push(...new Redactor(options.secrets).redactJson(trial.list));
}

async function examineRuntime(
  findings: Findings,
  runtime: string,
  directory: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Awaited<ReturnType<typeof examineProgram>>> {
  let path: string;
  try {
    path = selectPlatform().resolveCommand(runtime, directory, env);
  } catch (error) {
    findings.error('runtime', error, {
      fix: `Install ${runtime}, or have the daemon started with a PATH that leads to it: that is ${env['PATH'] || 'empty'}.`,
    });
    return [];
  }
  findings.ok('runtime', `${runtime} is ${path}.`);
  return examineProgram(findings, path, { env });
}

function defined(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

/** False: it failed, of which the findings tell. */
async function attempt(findings: Findings, check: CheckName, work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    findings.error(check, error);
    return false;
  }
}
