import { join } from 'node:path';
import { PluginError } from '@plugd/protocol/plugin-error';
import { check, isRecord, isText } from './instance/option-check';
import { checkPlace } from './manifest/artifacts';
import { type ArtifactCopy, copyArtifact } from './manifest/copy-artifact';
import type { Manifest } from './manifest/manifest';
import { checkRequires } from './manifest/requires';
import type { OperationHandle } from './upgrade/operation-handle';
import type { UpgradeOptions } from './upgrade/upgrade-options';
import type { RunningVersion } from './watch/choices';
import type { WatchAction } from './watch/plan';
import type { Lane, WatchedLanes } from './watched-lanes';
import type { UnderWay, WatchedWork } from './watched-work';

/** What to upgrade to: a version in the directory of plugins, or the directory of an artifact anywhere. */
export type UpgradeTarget = { readonly version: string } | { readonly directory: string };

/** What else such an upgrade is like: what is left out is as the manifest says. */
export type UpgradeToOptions = Pick<
  UpgradeOptions,
  | 'verify'
  | 'dryRun'
  | 'ifBusy'
  | 'strategy'
  | 'canary'
  | 'shadow'
  | 'rolling'
  | 'blueGreen'
  | 'shiftTimeoutMs'
  | 'force'
  | 'contractPolicy'
  | 'bakeMs'
  | 'keepWarmMs'
  | 'expect'
>;

/** Throws PluginError OPTIONS_INVALID. */
export function checkUpgradeTarget(target: UpgradeTarget): void {
  const given = isRecord(target) ? Object.entries(target) : [];
  const good =
    given.length === 1 &&
    given.every(
      ([key, value]) => (key === 'version' || key === 'directory') && isText(value) && value !== '',
    );
  check(good, 'target', target, 'an object with either `version` or `directory`');
}

export interface WatchedUpgradeTools {
  readonly root: string;
  readonly copies: string;
  readonly lanes: WatchedLanes;
  readonly work: WatchedWork;
  /** What runs now. */
  readonly running: () => ReadonlyMap<string, RunningVersion>;
  /** Resolves when a version on disk is whole. Throws PluginError VERSION_NOT_FOUND, and why it can't be run. */
  readonly settled: (version: string) => Promise<void>;
  /** Throws PluginError PLUGIN_PINNED where a plugin is held at another version. */
  readonly checkPin: (version: string) => void;
  /** It runs, and is not what lies on disk. */
  readonly onPlaced: () => void;
}

/** An upgrade of a plugin of the directory that somebody asks for, whatever is highest on disk. */
export function upgradeByHand(
  tools: WatchedUpgradeTools,
  lane: Lane,
  target: UpgradeTarget,
  options: UpgradeToOptions,
): OperationHandle {
  const { name } = lane.plugin;
  const { work, lanes } = tools;
  const toVersion = 'version' in target ? target.version : undefined;
  const handle: OperationHandle = lane.plugin.prepared(async (signal) => {
    const entry = await enter(work, name, options.ifBusy ?? 'wait', toVersion, signal);
    entry.handle = handle;
    let copy: ArtifactCopy | undefined;
    try {
      if ('version' in target) await tools.settled(target.version);
      copy = await copyOf(tools, name, target);
      const { manifest } = copy;
      tools.checkPin(manifest.version);
      checkFits(manifest, tools.running());
      const { version, requires = {} } = manifest;
      entry.action = { ...actionOn(name, version), digest: copy.digest, requires };
      entry.requires = requires;
      const { options: given, stamp, check } = work.ready(copy);
      const settle = lanes.place(lane, copy, stamp);
      return {
        changes: { ...given.upgrade, ...defined(options) },
        check,
        settle: async (report) => {
          await settle();
          if (report?.outcome === 'swapped') tools.onPlaced();
          work.leave(name);
        },
      };
    } catch (error) {
      if (copy !== undefined && !lane.copies.has(copy.directory)) await lanes.release(copy);
      work.leave(name);
      throw error;
    }
  }, toVersion);
  return handle;
}

/** Its turn, after what is being done with the plugin. Throws PluginError BUSY, and why it was given up. */
async function enter(
  work: WatchedWork,
  name: string,
  ifBusy: 'wait' | 'fail',
  version: string | undefined,
  signal: AbortSignal,
): Promise<UnderWay> {
  // Whoever asked has the handle by then.
  await Promise.resolve();
  const aborted = new Promise<void>((done) => signal.addEventListener('abort', () => done(), { once: true }));
  for (let other = work.underWay.get(name); other !== undefined; other = work.underWay.get(name)) {
    if (ifBusy === 'fail') {
      const running = other.action.kind;
      throw new PluginError('BUSY', `Plugin ${name} is busy: ${running} runs.`, { facts: { running } });
    }
    await Promise.race([other.ended, aborted]);
    // For those who have waited for longer.
    await Promise.resolve();
    if (signal.aborted) throw signal.reason;
  }
  return work.enter(actionOn(name, version ?? ''), true);
}

/** @param version empty: nobody knows yet */
function actionOn(name: string, version: string): WatchAction & { kind: 'upgrade' } {
  return { kind: 'upgrade', name, version, digest: '', requires: {} };
}

async function copyOf(
  { root, copies }: WatchedUpgradeTools,
  name: string,
  target: UpgradeTarget,
): Promise<ArtifactCopy> {
  if ('version' in target)
    return copyArtifact(join(root, name, target.version), copies, { name, version: target.version });
  const copy = await copyArtifact(target.directory, copies);
  try {
    checkPlace(copy.manifest, target.directory, name, copy.manifest.version);
    return copy;
  } catch (error) {
    await copy.release().catch(() => {});
    throw error;
  }
}

/** Throws PluginError REQUIREMENT_UNMET, REQUIREMENT_IMPOSSIBLE, DEPENDENCY_CYCLE. */
function checkFits({ name, version, requires = {} }: Manifest, running: ReadonlyMap<string, RunningVersion>) {
  const others = [...running]
    .filter(([other]) => other !== name)
    .map(([other, one]) => ({ name: other, version: one.version, requires: one.requires }));
  const error = checkRequires([...others, { name, version, requires }]).find(
    ({ facts: { plugin, required, cycle } }) =>
      plugin === name || required === name || (Array.isArray(cycle) && cycle.includes(name)),
  );
  if (error !== undefined) throw error;
}

function defined<T extends object>(options: T): T {
  const copy = { ...options };
  for (const key of Object.keys(copy) as (keyof T)[]) if (copy[key] === undefined) delete copy[key];
  return copy;
}
