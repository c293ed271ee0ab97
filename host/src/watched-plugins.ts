import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { PluginError } from '@plugd/protocol/plugin-error';
import { digestArtifact } from './artifact/artifact-tree';
import { errorCause } from './events/error-cause';
import type { ArtifactEvent, Cause } from './events/host-event';
import { removeTree } from './launch/run-directory';
import { type ArtifactCopy, copyArtifact } from './manifest/copy-artifact';
import { loadOptionsOf } from './manifest/load-options-of';
import type { RequiredRanges } from './watch/choices';
import { Pins } from './watch/pins';
import { plan, type WatchAction } from './watch/plan';
import { type Look, ShelfOfVersions } from './watch/shelf-of-versions';
import { TreeWatch } from './watch/tree-watch';
import type { CheckedPluginsDir } from './watch/watch-options';
import { told, WatchedLanes, type WatchingHost } from './watched-lanes';

export interface WatchedPluginsOptions {
  readonly watch: CheckedPluginsDir;
  /** Where copies are made: 0700, and for nothing else. */
  readonly copies: string;
  /** Undefined: pins go with the host. */
  readonly pinsFile: string | undefined;
}

interface Failure {
  readonly digest: string;
  /** Not its own fault: with the next look at everything it is tried again. */
  readonly passing: boolean;
}

/** What says nothing of the version that was to run. */
const passing: readonly string[] = [
  'RUN_DIR_FULL',
  'RUN_DIR_UNSAFE',
  'PLUGIN_STOPPED',
  'HOST_CLOSED',
  'BUSY',
];

/** How long an event is waited for to be followed by more. */
const gatherMs = 20;

/** Makes what runs what lies in the directory of plugins. */
export class WatchedPlugins {
  readonly #options: WatchedPluginsOptions;
  readonly #root: string;
  readonly #host: WatchingHost;
  readonly #pins: Pins;
  readonly #shelf: ShelfOfVersions;
  readonly #tree = new TreeWatch(() => this.#soon(gatherMs));
  readonly #lanes: WatchedLanes;
  readonly #busy = new Map<string, RequiredRanges>();
  readonly #work = new Set<Promise<void>>();
  readonly #failures = new Map<string, Failure>();
  readonly #told = new Map<string, string>();
  #onDisk: Look['onDisk'] = new Map();
  #directories: ReadonlySet<string>;
  #leftovers: readonly string[];
  #timer: NodeJS.Timeout | undefined;
  #dueMs = Number.POSITIVE_INFINITY;
  #looking: Promise<void> | undefined;
  #wholeAtMs = 0;
  #patientUntilMs = 0;
  #unreadable = false;
  #stopped = false;
  #onRest: (() => void)[] = [];

  private constructor(
    options: WatchedPluginsOptions,
    host: WatchingHost,
    pins: Pins,
    leftovers: readonly string[],
  ) {
    this.#options = options;
    this.#root = resolve(options.watch.directory);
    this.#directories = new Set([this.#root]);
    this.#host = host;
    this.#pins = pins;
    this.#leftovers = leftovers;
    this.#lanes = new WatchedLanes(host);
    this.#shelf = new ShelfOfVersions(this.#root, options.watch.quietMs);
  }

  /** Reads what an earlier host has left. Throws PluginError STATE_DIR_UNUSABLE. */
  static async prepare(options: WatchedPluginsOptions): Promise<(host: WatchingHost) => WatchedPlugins> {
    const pins = await Pins.open(options.pinsFile);
    // A plugin that a killed host was upgrading may go on in one of its copies.
    const leftovers = (await readdir(options.copies)).map((name) => join(options.copies, name));
    return (host) => new WatchedPlugins(options, host, pins, leftovers);
  }

  /** Begins to watch; resolves when what is there has been loaded, or refused. Throws PluginError ARTIFACT_UNREADABLE. */
  async begin(): Promise<void> {
    const rest = new Promise<void>((done) => this.#onRest.push(done));
    // One that is written to all the time keeps nobody waiting.
    this.#patientUntilMs = performance.now() + 10 * this.#options.watch.quietMs;
    this.#looking = this.#look().finally(() => {
      this.#looking = undefined;
    });
    await this.#looking;
    await rest;
  }

  /** The plugins that were loaded from the directory. */
  get names(): string[] {
    return this.#lanes.names;
  }

  /** Throws PluginError STATE_DIR_UNUSABLE. */
  async pin(name: string, version: string | undefined): Promise<void> {
    await this.#pins.set(name, version);
    // Whoever asks for a version wants it tried again.
    if (version !== undefined) this.#failures.delete(`${name}/${version}`);
    this.#lanes.takeBack(name);
    this.#soon(0);
  }

  /** Nothing is begun from now on. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#tree.close();
    await this.#looking?.catch(() => {});
  }

  /** Waits for what is under way, and removes all copies. For when the plugins have been stopped. Never rejects. */
  async end(): Promise<void> {
    await Promise.all(this.#work);
    for (const name of this.#lanes.names) await this.#lanes.remove(name);
    for (const done of this.#onRest.splice(0)) done();
  }

  /** Looks again, at the latest after so long. */
  #soon(ms: number): void {
    if (this.#stopped) return;
    const dueMs = performance.now() + ms;
    if (dueMs >= this.#dueMs) return;
    clearTimeout(this.#timer);
    this.#dueMs = dueMs;
    this.#timer = setTimeout(() => {
      this.#dueMs = Number.POSITIVE_INFINITY;
      void this.#lookAgain();
    }, ms);
  }

  async #lookAgain(): Promise<void> {
    if (this.#looking !== undefined) {
      // Whoever began it hears of its failure.
      await this.#looking.catch(() => {});
      this.#soon(gatherMs);
      return;
    }
    this.#looking = this.#look()
      .then(
        () => {
          this.#unreadable = false;
        },
        (error: unknown) => {
          // It may be there again in a moment; what runs runs on.
          if (!this.#unreadable)
            this.#host.logger.error('the directory of plugins can’t be read', told(error));
          this.#unreadable = true;
          this.#soon(this.#options.watch.rescanMs);
        },
      )
      .finally(() => {
        this.#looking = undefined;
      });
    await this.#looking;
  }

  async #look(): Promise<void> {
    const { rescanMs } = this.#options.watch;
    const whole = performance.now() >= this.#wholeAtMs;
    if (whole) {
      this.#wholeAtMs = performance.now() + rescanMs;
      for (const [key, failure] of this.#failures) if (failure.passing) this.#failures.delete(key);
    }
    // Before the list is made: what happens after that is told of.
    this.#tree.follow(this.#directories);
    const { onDisk, found, unfit, nextMs, directories } = await this.#shelf.look(whole);
    if (this.#stopped) return;
    this.#directories = directories;
    this.#tree.follow(directories);
    this.#onDisk = onDisk;
    for (const { name, version } of found) this.#tell(name, version, 'found', { reason: 'directory' });
    for (const { name, version, problem } of unfit) {
      // It has only been begun.
      if (problem.code !== 'MANIFEST_NOT_FOUND') this.#fail(name, version, problem);
    }
    this.#reconcile(nextMs === undefined);
    this.#soon(Math.min(nextMs ?? rescanMs, Math.max(0, this.#wholeAtMs - performance.now())));
  }

  /** @param quiet nothing on disk is about to change what is planned */
  #reconcile(quiet: boolean): void {
    if (this.#stopped) return;
    const running = this.#lanes.look(this.#onDisk, this.#busy);
    const onDisk = new Map([...this.#onDisk].filter(([name]) => !this.#lanes.isLeft(name)));
    const { actions, waiting } = plan({
      onDisk,
      running,
      pins: this.#pins.versions,
      hasFailed: (name, version, digest) => this.#failures.get(`${name}/${version}`)?.digest === digest,
      busy: this.#busy,
    });
    for (const { name, version, error } of waiting) {
      if (this.#told.get(name) === error.message) continue;
      this.#told.set(name, error.message);
      this.#host.logger.warn('a version has to wait', { plugin: name, version, ...told(error) });
      this.#tell(name, version, 'waiting', causeOf(error));
    }
    for (const name of this.#told.keys())
      if (!waiting.some((one) => one.name === name)) this.#told.delete(name);
    for (const action of actions) this.#begin(action);
    const enough = quiet || performance.now() >= this.#patientUntilMs;
    if (!enough || actions.length > 0 || this.#busy.size > 0) return;
    for (const done of this.#onRest.splice(0)) done();
    const work = this.#removeLeftovers().finally(() => this.#work.delete(work));
    this.#work.add(work);
  }

  #begin(action: WatchAction): void {
    const { name } = action;
    this.#busy.set(name, action.kind === 'stop' ? {} : action.requires);
    const work = (action.kind === 'stop' ? this.#stop(name) : this.#put(action))
      .catch((error: unknown) => {
        this.#host.logger.error('a plugin could not be made what is on disk', {
          plugin: name,
          ...told(error),
        });
      })
      .finally(() => {
        this.#busy.delete(name);
        this.#work.delete(work);
        this.#soon(0);
      });
    this.#work.add(work);
  }

  async #stop(name: string): Promise<void> {
    const lane = this.#lanes.get(name);
    if (lane === undefined) return;
    const { version } = lane.plugin.status();
    await lane.plugin.stop();
    await this.#lanes.remove(name);
    this.#tell(name, version, 'removed', { reason: 'directory' });
  }

  async #put({ kind, name, version, digest }: Exclude<WatchAction, { kind: 'stop' }>): Promise<void> {
    const source = join(this.#root, name, version);
    const lane = this.#lanes.get(name);
    this.#tell(name, version, 'loading', { reason: 'directory' });
    let copy: ArtifactCopy | undefined;
    try {
      copy = await copyArtifact(source, this.#options.copies, { name, version });
      if (copy.digest !== digest) return await this.#another(copy, name, version);
      const options = loadOptionsOf(copy.manifest, copy);
      if (kind === 'load' || lane === undefined) {
        const plugin = await this.#host.load(options.load);
        this.#lanes.add(plugin, copy);
      } else await this.#lanes.replace(lane, copy, () => lane.plugin.upgrade(options.upgrade));
      this.#tell(name, version, 'running', { reason: 'directory' });
    } catch (error) {
      const lost = this.#lanes.get(name)?.copies.has(copy?.directory ?? '') !== true;
      if (copy !== undefined && lost) await this.#lanes.release(copy);
      // What was copied, or was to be, was not what had been looked at.
      if (copy === undefined && (await digestArtifact(source).catch(() => '')) !== digest)
        return this.#shelf.doubt(name, version);
      if (!this.#stopped) this.#fail(name, version, error, digest);
    }
  }

  async #another(copy: ArtifactCopy, name: string, version: string): Promise<void> {
    this.#shelf.doubt(name, version);
    await this.#lanes.release(copy);
  }

  #fail(name: string, version: string, error: unknown, digest?: string): void {
    const code = error instanceof PluginError ? error.code : undefined;
    if (digest !== undefined) {
      const isPassing = code !== undefined && passing.includes(code);
      this.#failures.set(`${name}/${version}`, { digest, passing: isPassing });
    }
    this.#host.logger.error('a version can’t be run', { plugin: name, version, ...told(error) });
    this.#tell(name, version, 'failed', causeOf(error));
  }

  #tell(plugin: string, version: string, phase: ArtifactEvent['phase'], cause: Cause): void {
    this.#host.emit({ type: 'artifact', plugin, version, phase, cause });
  }

  async #removeLeftovers(): Promise<void> {
    const used = this.#host.loaded().map(({ directory }) => directory);
    const unused = this.#leftovers.filter((path) => !used.includes(path));
    this.#leftovers = this.#leftovers.filter((path) => used.includes(path));
    for (const path of unused) {
      await removeTree(path).catch((error: unknown) => {
        this.#host.logger.warn('an old copy could not be removed', { path, ...told(error) });
      });
    }
  }
}

function causeOf(error: unknown): Cause {
  if (!(error instanceof PluginError)) return { reason: 'error', message: String(error) };
  return errorCause(error);
}
