import { readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { PluginError } from '@plugd/protocol/plugin-error';
import { unreadable } from '../artifact/artifact-tree';
import { commandCandidates, examine } from '../artifact/command';
import type { LoadOptions } from '../instance/load-options';
import { resolveSpec } from '../instance/plugin-spec';
import type { UpgradeOptions } from '../upgrade/upgrade-options';
import type { ArtifactCopy } from './copy-artifact';
import type { Manifest } from './manifest';
import { platformName } from './platform-name';
import { plainPath } from './relations';

/** What a manifest stands for. */
export interface ArtifactOptions {
  /** For a plugin that is not loaded. */
  readonly load: LoadOptions;
  /** For one that is: what the manifest leaves out gets its default, and not what the version before had. */
  readonly upgrade: UpgradeOptions;
}

/**
 * The options by which a copy of an artifact is run on this platform, its working directory being the copy.
 *
 * Throws PluginError PLATFORM_UNSUPPORTED, COMMAND_NOT_FOUND, ARTIFACT_UNREADABLE (its contract can't be read).
 */
export function loadOptionsOf(
  manifest: Manifest,
  copy: Pick<ArtifactCopy, 'directory' | 'source'>,
  platform = platformName(),
): ArtifactOptions {
  const { name, version, handshake, single, strategy } = manifest;
  const { directory } = copy;
  const all = {
    version,
    handshake,
    ...standard(),
    ...given(manifest),
    ...program(manifest, copy, platform),
    cwd: directory,
    dependsOn: Object.keys(manifest.requires ?? {}),
    contract: manifest.contract === undefined ? [] : descriptors(plainPath(manifest.contract), copy),
    config: manifest.config === undefined ? (false as const) : place(manifest.config, directory),
  };
  const asked = strategy ?? (single === true ? 'recreate' : undefined);
  return {
    load: { name, ...all },
    upgrade: { ...all, ...upgradePart(manifest), ...(asked === undefined ? {} : { strategy: asked }) },
  };
}

/** The file that is run, the path from the artifact's directory on. Throws PluginError PLATFORM_UNSUPPORTED. */
export function commandOf({ name, version, command }: Manifest, platform = platformName()): string {
  const commands: Readonly<Record<string, string>> =
    typeof command === 'string' ? { [platform]: command } : command;
  const found = Object.hasOwn(commands, platform) ? commands[platform] : undefined;
  if (found !== undefined) return plainPath(found);
  const platforms = Object.keys(commands);
  throw new PluginError(
    'PLATFORM_UNSUPPORTED',
    `Plugin ${name} ${version} has no command for ${platform}, but for ${platforms.join(', ')}.`,
    { facts: { platform, platforms } },
  );
}

function program(
  manifest: Manifest,
  { directory, source }: Pick<ArtifactCopy, 'directory' | 'source'>,
  platform: string,
): Pick<LoadOptions, 'command' | 'args' | 'sha256'> {
  const { runtime, files = {}, args = [] } = manifest;
  const file = commandOf(manifest, platform);
  const path = join(directory, file);
  // The words of the artifact: nobody knows the copy.
  const style = process.platform === 'win32' ? 'windows' : 'posix';
  if (commandCandidates(path, directory, process.env, style).every((one) => examine(one) === 'absent'))
    throw new PluginError('COMMAND_NOT_FOUND', `There is no file ${join(source, file)}.`, {
      facts: { path: join(source, file) },
      hint: 'See to it that the command of its manifest names a file of the artifact.',
    });
  if (runtime !== undefined) return { command: runtime, args: [path, ...args] };
  const sum = Object.entries(files).find(([listed]) => plainPath(listed) === file)?.[1];
  return { command: path, args: [...args], ...(sum === undefined ? {} : { sha256: sum.toLowerCase() }) };
}

function descriptors(
  file: string,
  { directory, source }: Pick<ArtifactCopy, 'directory' | 'source'>,
): Uint8Array {
  try {
    return readFileSync(join(directory, file));
  } catch (cause) {
    throw unreadable(join(source, file), 'its contract could not be read', cause);
  }
}

function place(path: string, directory: string): string {
  return isAbsolute(path) ? path : join(directory, path);
}

/** What has the same name and meaning as an option of `load`. */
const sameOptions = [
  'env',
  'inheritEnv',
  'autoMtls',
  'multiplex',
  'instances',
  'restart',
  'attempts',
  'health',
  'limits',
  'expect',
  'memory',
  'scratch',
  'ports',
  'startTimeoutMs',
  'drainTimeoutMs',
  'stopTimeoutMs',
] as const;

type SameOptions = Pick<LoadOptions, (typeof sameOptions)[number]>;

function given(manifest: Manifest): SameOptions {
  return Object.fromEntries(
    sameOptions.flatMap((key) => (manifest[key] === undefined ? [] : [[key, manifest[key]]])),
  );
}

/** An upgrade keeps what it isn't told, so that it has to be told the defaults. */
function standard(): Required<SameOptions> {
  const { autoMtls, inheritEnv, multiplex, instances, attempts, scratch, ...spec } = resolveSpec({
    name: 'standard',
    version: '0.0.0',
    command: 'standard',
    handshake: { cookie: ['A', 'a'], protocolVersions: [1] },
  });
  const { startTimeoutMs, drainTimeoutMs, stopTimeoutMs } = spec;
  return {
    ...{ autoMtls, inheritEnv, multiplex, instances, attempts, scratch },
    ...{ startTimeoutMs, drainTimeoutMs, stopTimeoutMs },
    ...{ env: {}, restart: {}, health: {}, limits: {}, expect: {}, memory: {}, ports: {} },
  };
}

const upgradeOptions = [
  'canary',
  'shadow',
  'rolling',
  'blueGreen',
  'shiftTimeoutMs',
  'contractPolicy',
  'bakeMs',
  'keepWarmMs',
] as const;

function upgradePart(manifest: Manifest): Pick<UpgradeOptions, (typeof upgradeOptions)[number]> {
  return Object.fromEntries(
    upgradeOptions.flatMap((key) => (manifest[key] === undefined ? [] : [[key, manifest[key]]])),
  );
}
