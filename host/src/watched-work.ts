import { join } from 'node:path';
import { PluginError } from '@plugd/protocol/plugin-error';
import { digestArtifact } from './artifact/artifact-tree';
import { errorCause } from './events/error-cause';
import type { ArtifactEvent, Cause } from './events/host-event';
import { type ArtifactCopy, copyArtifact } from './manifest/copy-artifact';
import { type ArtifactOptions, loadOptionsOf } from './manifest/load-options-of';
import { manifestCheck } from './manifest/manifest-check';
import type { OperationHandle } from './upgrade/operation-handle';
import type { InstanceCheck } from './upgrade/verify';
import type { RequiredRanges } from './watch/choices';
import type { Failures } from './watch/failures';
import type { WatchAction } from './watch/plan';
import { overridden, overridesStamp, type PluginOverrides, runningStamp } from './watch/plugin-overrides';
import { told, type WatchedLanes, type WatchingHost } from './watched-lanes';

export interface WorkTools {
  /** Of the plugins. */
  readonly root: string;
  /** Where copies are made: 0700, and for nothing else. */
  readonly copies: string;
  readonly host: WatchingHost;
  readonly lanes: WatchedLanes;
  readonly failures: Failures;
  readonly settings: (name: string) => PluginOverrides | undefined;
  /** It was another one than it is known as. */
  readonly doubt: (name: string, version: string) => void;
  readonly isStopped: () => boolean;
  /** Something has ended: what comes next may be possible now. */
  readonly onEnded: () => void;
}

/** What is being done with one plugin. */
export interface UnderWay {
  action: WatchAction;
  /** Somebody has asked for it by name, whatever lies on disk. */
  readonly byHand: boolean;
  requires: RequiredRanges;
  handle: OperationHandle | undefined;
  /** It was not wanted any more: see {@link WatchedWork.giveUp}. */
  givenUp: boolean;
  /** Never rejects. */
  readonly ended: Promise<void>;
  readonly end: () => void;
}

type Put = Exclude<WatchAction, { kind: 'stop' }>;

/** A copy that is to be run, by the settings that there are. */
export interface ReadyCopy {
  readonly options: ArtifactOptions;
  /** Of these settings. */
  readonly stamp: string;
  readonly check: InstanceCheck | undefined;
}

/** Does what is to be done with the plugins of a directory: one thing at a time with each. */
export class WatchedWork {
  readonly #tools: WorkTools;
  readonly #underWay = new Map<string, UnderWay>();

  constructor(tools: WorkTools) {
    this.#tools = tools;
  }

  get underWay(): ReadonlyMap<string, UnderWay> {
    return this.#underWay;
  }

  begin(action: WatchAction): void {
    const entry = this.enter(action, false);
    const { name } = action;
    void this.#perform(action, entry)
      .catch((error: unknown) => {
        this.#tools.host.logger.error('a plugin could not be made what is on disk', {
          plugin: name,
          ...told(error),
        });
      })
      .finally(() => this.leave(name));
  }

  /** Marks that something is done with a plugin, until {@link leave}. */
  enter(action: WatchAction, byHand: boolean): UnderWay {
    const requires = action.kind === 'stop' ? {} : action.requires;
    let end = (): void => {};
    const ended = new Promise<void>((done) => {
      end = done;
    });
    const entry: UnderWay = { action, byHand, requires, handle: undefined, givenUp: false, ended, end };
    this.#underWay.set(action.name, entry);
    return entry;
  }

  leave(name: string): void {
    const entry = this.#underWay.get(name);
    this.#underWay.delete(name);
    entry?.end();
    this.#tools.onEnded();
  }

  /** What is under way is not wanted any more: it is given up, if that is still possible. */
  giveUp(name: string, why: string): void {
    const entry = this.#underWay.get(name);
    if (entry === undefined || entry.action.kind === 'stop') return;
    entry.givenUp = true;
    entry.handle?.abort(why);
    if (entry.action.kind !== 'load') return;
    // Whoever began it hears of its failure.
    void this.#tools.host
      .plugin(name)
      ?.stop()
      .catch(() => {});
  }

  /** Waits for all of it. Never rejects. */
  async end(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all([...this.#underWay.values()].map(({ ended }) => ended));
  }

  /** Throws what {@link loadOptionsOf} throws. */
  ready(copy: ArtifactCopy): ReadyCopy {
    const settings = this.#tools.settings(copy.manifest.name);
    const manifest = overridden(copy.manifest, settings);
    return {
      options: loadOptionsOf(manifest, copy),
      stamp: runningStamp(settings),
      check: manifestCheck(manifest),
    };
  }

  tell(plugin: string, version: string, phase: ArtifactEvent['phase'], cause: Cause): void {
    this.#tools.host.emit({ type: 'artifact', plugin, version, phase, cause });
  }

  /** It can't be run, and is told of. */
  fail(name: string, version: string, error: unknown): void {
    this.#tools.host.logger.error('a version can’t be run', { plugin: name, version, ...told(error) });
    this.tell(name, version, 'failed', causeOf(error));
  }

  #perform(action: WatchAction, entry: UnderWay): Promise<void> {
    if (action.kind === 'stop') return this.#stop(action.name);
    return action.kind === 'configure' ? this.#configure(action, entry) : this.#put(action, entry);
  }

  async #stop(name: string): Promise<void> {
    const { lanes } = this.#tools;
    const lane = lanes.get(name);
    if (lane === undefined) return;
    const { version } = lane.plugin.status();
    await lane.plugin.stop();
    await lanes.remove(name);
    const disabled = this.#tools.settings(name)?.enabled === false;
    this.tell(name, version, 'removed', { reason: disabled ? 'settings' : 'directory' });
  }

  async #put({ kind, name, version, digest }: Put, entry: UnderWay): Promise<void> {
    const { root, copies, host, lanes, failures, doubt } = this.#tools;
    const source = join(root, name, version);
    const lane = lanes.get(name);
    const settings = overridesStamp(this.#tools.settings(name));
    this.tell(name, version, 'loading', { reason: 'directory' });
    let copy: ArtifactCopy | undefined;
    try {
      copy = await copyArtifact(source, copies, { name, version });
      if (copy.digest !== digest) return await this.#another(copy, name, version);
      const { options, stamp, check } = this.ready(copy);
      if (kind === 'load' || lane === undefined) {
        const plugin = await host.load(options.load, check);
        lanes.add(plugin, copy, stamp);
      } else {
        await lanes.replace(lane, copy, stamp, () => {
          entry.handle = lane.plugin.prepared(async () => ({ changes: options.upgrade, check }), version);
          return entry.handle;
        });
      }
      this.tell(name, version, 'running', { reason: 'directory' });
    } catch (error) {
      const lost = lanes.get(name)?.copies.has(copy?.directory ?? '') !== true;
      if (copy !== undefined && lost) await lanes.release(copy);
      // What was copied, or was to be, was not what had been looked at.
      if (copy === undefined && (await digestArtifact(source).catch(() => '')) !== digest)
        return doubt(name, version);
      if (this.#tools.isStopped()) return;
      failures.add({ name, version, digest, settings }, error, entry.givenUp);
      this.fail(name, version, error);
    }
  }

  async #another(copy: ArtifactCopy, name: string, version: string): Promise<void> {
    this.#tools.doubt(name, version);
    await this.#tools.lanes.release(copy);
  }

  /** What runs is run by other settings, from the copy that it has. */
  async #configure({ name, version, digest }: Put, entry: UnderWay): Promise<void> {
    const { lanes, failures } = this.#tools;
    const [lane, copy] = [lanes.get(name), lanes.runningCopy(name)];
    if (lane === undefined || copy === undefined) return;
    const settings = overridesStamp(this.#tools.settings(name));
    this.tell(name, version, 'loading', { reason: 'settings' });
    try {
      const { options, stamp, check } = this.ready(copy);
      entry.handle = lane.plugin.prepared(async () => ({ changes: options.upgrade, check }), version);
      await entry.handle;
      lane.settings.set(copy.directory, stamp);
      this.tell(name, version, 'running', { reason: 'settings' });
    } catch (error) {
      if (this.#tools.isStopped()) return;
      failures.add({ name, version, digest, settings }, error, entry.givenUp);
      this.fail(name, version, error);
    }
  }
}

function causeOf(error: unknown): Cause {
  if (!(error instanceof PluginError)) return { reason: 'error', message: String(error) };
  return errorCause(error);
}
