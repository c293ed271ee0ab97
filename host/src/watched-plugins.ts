import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { errorCause } from './events/error-cause';
import { removeTree } from './launch/run-directory';
import type { Manifest } from './manifest/manifest';
import type { Situation } from './watch/choices';
import { Failures } from './watch/failures';
import type { Directories } from './watch/list-versions';
import { gatherMs, LookLoop } from './watch/look-loop';
import { Pins } from './watch/pins';
import { plan, type WaitingVersion } from './watch/plan';
import { type PlannedChange, plannedChanges } from './watch/planned-change';
import { ShelfOfVersions } from './watch/shelf-of-versions';
import { TreeWatch } from './watch/tree-watch';
import type { CheckedPluginsDir } from './watch/watch-options';
import type { WatchedPluginStatus } from './watch/watched-versions';
import { WatchedByHand } from './watched-by-hand';
import { told, WatchedLanes, type WatchingHost } from './watched-lanes';
import { type SettingsOf, WatchedSituation } from './watched-situation';
import { statusOnDisk } from './watched-status';
import { WatchedWork } from './watched-work';

/** How soon a directory that can't be read is looked for again: nobody tells of its return. */
const missingMs = 1_000;

export interface WatchedPluginsOptions {
  readonly watch: CheckedPluginsDir;
  /** Where copies are made: 0700, and for nothing else. */
  readonly copies: string;
  /** Undefined: pins go with the host. */
  readonly pinsFile: string | undefined;
}

/** Makes what runs what lies in the directory of plugins. */
export class WatchedPlugins {
  readonly #options: WatchedPluginsOptions;
  readonly #root: string;
  readonly #host: WatchingHost;
  readonly #pins: Pins;
  readonly #shelf: ShelfOfVersions;
  readonly #tree: TreeWatch;
  readonly #loop: LookLoop;
  readonly #lanes: WatchedLanes;
  readonly #work: WatchedWork;
  readonly #situation: WatchedSituation;
  /** What somebody wants of a plugin by its name. */
  readonly byHand: WatchedByHand;
  readonly #failures = new Failures();
  readonly #told = new Map<string, string>();
  #waiting: readonly WaitingVersion[] = [];
  #directories: Directories;
  #leftovers: readonly string[];
  #removing: Promise<void> = Promise.resolve();
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
    const { watch, copies } = options;
    this.#options = options;
    this.#root = resolve(watch.directory);
    this.#directories = new Map([[this.#root, undefined]]);
    this.#host = host;
    this.#pins = pins;
    this.#leftovers = leftovers;
    this.#lanes = new WatchedLanes(host);
    this.#shelf = new ShelfOfVersions(this.#root, watch.quietMs);
    this.#loop = new LookLoop(
      (signal) => this.#look(signal),
      (error) => this.#lookFailed(error),
    );
    this.#tree = new TreeWatch(() => this.#loop.soon(gatherMs));
    this.#work = new WatchedWork({
      ...{ root: this.#root, copies, host, lanes: this.#lanes, failures: this.#failures },
      settings: watch.settings,
      doubt: (name, version) => this.#shelf.doubt(name, version),
      isStopped: () => this.#stopped,
      onEnded: () => this.#loop.soon(0),
    });
    const [lanes, work, failures] = [this.#lanes, this.#work, this.#failures];
    this.#situation = new WatchedSituation({ pins, lanes, work, failures });
    this.byHand = new WatchedByHand({
      ...{ root: this.#root, copies, quietMs: watch.quietMs, settings: watch.settings, host },
      ...{ lanes, work, failures, loop: this.#loop, shelf: this.#shelf, situation: this.#situation },
      status: () => this.versionsOnDisk(),
      isStopped: () => this.#stopped,
    });
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
    await this.#loop.now();
    await rest;
  }

  /** The plugins that were loaded from the directory. */
  get names(): string[] {
    return this.#lanes.names;
  }

  /** By the manifest of what runs; undefined: it isn't of the directory, or doesn't run. */
  manifest(name: string): Manifest | undefined {
    return this.#lanes.runningCopy(name)?.manifest;
  }

  get pins(): ReadonlyMap<string, string> {
    return this.#situation.pins(this.#options.watch.settings);
  }

  /** Throws PluginError STATE_DIR_UNUSABLE. */
  async pin(name: string, version: string | undefined): Promise<void> {
    await this.#pins.set(name, version);
    // Whoever asks for a version wants it tried again.
    if (version !== undefined) this.#failures.forget(name, version);
    this.#lanes.takeBack(name);
    this.#loop.soon(0);
  }

  /** See `host.versionsOnDisk`. */
  versionsOnDisk(): readonly WatchedPluginStatus[] {
    return statusOnDisk({
      ...{ root: this.#root, shelf: this.#shelf, lanes: this.#lanes, failures: this.#failures },
      situation: this.#situation.now(this.#options.watch.settings),
      waiting: this.#waiting,
      onDisk: this.#situation.onDisk,
      settings: this.#options.watch.settings,
    });
  }

  /** See `host.plan`. */
  plan(settings: SettingsOf = this.#options.watch.settings): readonly PlannedChange[] {
    const situation = this.#situation.now(settings);
    const underWay = new Map([...this.#work.underWay].map(([name, { action }]) => [name, action]));
    const status = this.versionsOnDisk();
    const problems = new Map(
      status.flatMap(({ name, versions }) =>
        versions.flatMap(({ version, state, problem }) =>
          problem === undefined || state === 'waiting' ? [] : [[`${name}/${version}`, problem.summary]],
        ),
      ),
    );
    return plannedChanges(situation, underWay, {
      problemOf: (name, version) => problems.get(`${name}/${version}`),
      left: new Map(status.flatMap(({ name, left }) => (left === undefined ? [] : [[name, left]]))),
      disabled: this.#situation.disabled(settings),
    });
  }

  /** Looks through all of it now. Resolves with what was found to be done, which has been begun. Throws PluginError ARTIFACT_UNREADABLE. */
  async reconcile(): Promise<readonly PlannedChange[]> {
    this.#wholeAtMs = 0;
    await this.#loop.now();
    return this.plan();
  }

  /** Nothing is begun from now on. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#tree.close();
    await this.#loop.stop();
  }

  /** Waits for what is under way, and removes all copies. For when the plugins have been stopped. Never rejects. */
  async end(): Promise<void> {
    await this.#work.end();
    await this.#removing;
    for (const name of this.#lanes.names) await this.#lanes.remove(name);
    for (const done of this.#onRest.splice(0)) done();
  }

  #lookFailed(error: unknown): void {
    // It may be there again in a moment; what runs runs on.
    if (!this.#unreadable) this.#host.logger.error('the directory of plugins can’t be read', told(error));
    this.#unreadable = true;
    this.#loop.soon(Math.min(this.#options.watch.rescanMs, missingMs));
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { rescanMs } = this.#options.watch;
    const whole = performance.now() >= this.#wholeAtMs;
    if (whole) {
      this.#wholeAtMs = performance.now() + rescanMs;
      this.#failures.forgetPassing();
    }
    // Before the list is made: what happens after that is told of.
    this.#tree.follow(this.#directories);
    const { onDisk, found, unfit, unreadable, nextMs, directories } = await this.#shelf.look(whole, signal);
    if (this.#stopped) return;
    this.#unreadable = false;
    this.#directories = directories;
    // A directory that the list was the first to show may have changed before it was watched.
    if (this.#tree.follow(directories)) this.#loop.soon(gatherMs);
    this.#situation.onDisk = onDisk;
    for (const { name, version } of found) this.#work.tell(name, version, 'found', { reason: 'directory' });
    for (const { name, version, problem } of unfit) {
      // It has only been begun.
      if (problem.code !== 'MANIFEST_NOT_FOUND') this.#work.fail(name, version, problem);
    }
    for (const { name, error } of unreadable)
      this.#host.logger.error('the directory of a plugin can’t be read', { plugin: name, ...told(error) });
    this.#reconcile(nextMs === undefined);
    this.#loop.soon(Math.min(nextMs ?? rescanMs, Math.max(0, this.#wholeAtMs - performance.now())));
  }

  /** @param quiet nothing on disk is about to change what is planned */
  #reconcile(quiet: boolean): void {
    if (this.#stopped) return;
    const { settings } = this.#options.watch;
    const disabled = this.#situation.disabled(settings);
    for (const name of disabled) this.#lanes.takeBack(name);
    const situation = this.#situation.now(settings);
    const { actions, waiting } = plan(situation);
    this.#waiting = waiting;
    for (const { name, version, error } of waiting) {
      if (this.#told.get(name) === error.message) continue;
      this.#told.set(name, error.message);
      this.#host.logger.warn('a version has to wait', { plugin: name, version, ...told(error) });
      this.#work.tell(name, version, 'waiting', errorCause(error));
    }
    for (const name of this.#told.keys())
      if (!waiting.some((one) => one.name === name)) this.#told.delete(name);
    this.#giveUpUnwanted(situation.pins, disabled);
    for (const action of actions) this.#work.begin(action);
    const enough = quiet || performance.now() >= this.#patientUntilMs;
    if (!enough || actions.length > 0 || this.#work.underWay.size > 0) return;
    for (const done of this.#onRest.splice(0)) done();
    this.#removing = this.#removing.then(() => this.#removeLeftovers());
  }

  /** What is being put where it is not wanted any more, which may take hours, is not waited for. */
  #giveUpUnwanted(pins: Situation['pins'], disabled: ReadonlySet<string>): void {
    for (const [name, { action, byHand }] of this.#work.underWay) {
      if (action.kind === 'stop') continue;
      const pin = pins.get(name);
      const versions = this.#situation.onDisk.get(name) ?? [];
      // What was put there by hand need not lie there, and may be run by other settings.
      const anyDoes = byHand || action.kind === 'configure';
      const isThere = versions.some(
        ({ version, state }) => anyDoes || version === action.version || state === 'unsettled',
      );
      if (disabled.has(name)) this.#work.giveUp(name, 'its settings disable it');
      else if (!isThere) this.#work.giveUp(name, 'it is no longer on disk');
      else if (pin !== undefined && pin !== action.version && !anyDoes)
        this.#work.giveUp(name, `it is pinned to ${pin}`);
    }
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
