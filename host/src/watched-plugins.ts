import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { PluginError } from '@plugd/protocol/plugin-error';
import { errorCause } from './events/error-cause';
import { removeTree } from './launch/run-directory';
import type { Manifest } from './manifest/manifest';
import type { OperationHandle } from './upgrade/operation-handle';
import type { Situation } from './watch/choices';
import { Failures } from './watch/failures';
import { gatherMs, LookLoop } from './watch/look-loop';
import { Pins } from './watch/pins';
import { plan, type WaitingVersion } from './watch/plan';
import { type PlannedChange, plannedChanges } from './watch/planned-change';
import { overridesStamp, type PluginOverrides } from './watch/plugin-overrides';
import { type Look, ShelfOfVersions } from './watch/shelf-of-versions';
import { TreeWatch } from './watch/tree-watch';
import type { CheckedPluginsDir } from './watch/watch-options';
import type { WatchedPluginStatus } from './watch/watched-versions';
import { told, WatchedLanes, type WatchingHost } from './watched-lanes';
import { statusOnDisk } from './watched-status';
import { type UpgradeTarget, type UpgradeToOptions, upgradeByHand } from './watched-upgrade';
import { WatchedWork } from './watched-work';

export interface WatchedPluginsOptions {
  readonly watch: CheckedPluginsDir;
  /** Where copies are made: 0700, and for nothing else. */
  readonly copies: string;
  /** Undefined: pins go with the host. */
  readonly pinsFile: string | undefined;
}

type Settings = (name: string) => PluginOverrides | undefined;

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
  readonly #failures = new Failures();
  readonly #told = new Map<string, string>();
  #waiting: readonly WaitingVersion[] = [];
  #onDisk: Look['onDisk'] = new Map();
  #directories: ReadonlySet<string>;
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
    this.#directories = new Set([this.#root]);
    this.#host = host;
    this.#pins = pins;
    this.#leftovers = leftovers;
    this.#lanes = new WatchedLanes(host);
    this.#shelf = new ShelfOfVersions(this.#root, watch.quietMs);
    this.#loop = new LookLoop(
      () => this.#look(),
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
    return this.#pinsBy(this.#options.watch.settings);
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
      situation: this.#situation(this.#options.watch.settings),
      waiting: this.#waiting,
      onDisk: this.#onDisk,
      settings: this.#options.watch.settings,
    });
  }

  /** See `host.plan`. */
  plan(settings: Settings = this.#options.watch.settings): readonly PlannedChange[] {
    const situation = this.#situation(settings);
    const underWay = new Map([...this.#work.underWay].map(([name, { action }]) => [name, action]));
    const problems = new Map(
      this.versionsOnDisk().flatMap(({ name, versions }) =>
        versions.flatMap(({ version, state, problem }) =>
          problem === undefined || state === 'waiting' ? [] : [[`${name}/${version}`, problem.summary]],
        ),
      ),
    );
    return plannedChanges(situation, underWay, {
      problemOf: (name, version) => problems.get(`${name}/${version}`),
      left: this.#lanes.left,
      disabled: this.#disabled(settings),
    });
  }

  /** Looks through all of it now. Resolves with what was found to be done, which has been begun. Throws PluginError ARTIFACT_UNREADABLE. */
  async reconcile(): Promise<readonly PlannedChange[]> {
    this.#wholeAtMs = 0;
    await this.#loop.now();
    return this.plan();
  }

  /**
   * What was stopped or given up is tried again; resolves when that has been done, or nothing of it can be.
   *
   * Throws PluginError PLUGIN_NOT_FOUND, why nothing of it can be run, HOST_CLOSED.
   */
  async startAgain(name: string): Promise<void> {
    this.#failures.forget(name);
    this.#lanes.takeBack(name);
    for (;;) {
      await this.#loop.now();
      if (this.#stopped) throw new PluginError('HOST_CLOSED', 'The host is closed.');
      const entry = this.#work.underWay.get(name);
      if (entry === undefined) break;
      await entry.ended;
    }
    if (this.#lanes.runningCopy(name) !== undefined) return;
    const status = this.versionsOnDisk().find((one) => one.name === name);
    if (status === undefined) throw notFound(name);
    const problem = status.versions.find((one) => one.problem !== undefined)?.problem;
    if (problem !== undefined) throw problem;
    throw new PluginError('PLUGIN_NOT_FOUND', `Nothing of plugin ${name} can be run.`, {
      facts: { plugin: name, enabled: status.enabled, ...(status.pinned ? { pinned: status.pinned } : {}) },
    });
  }

  /** See `host.upgradeTo`. */
  upgradeTo(name: string, target: UpgradeTarget, options: UpgradeToOptions): OperationHandle {
    const lane = this.#lanes.get(name);
    if (lane === undefined || this.#lanes.runningCopy(name) === undefined) throw this.#notRunning(name);
    const { copies } = this.#options;
    const tools = {
      ...{ root: this.#root, copies, lanes: this.#lanes, work: this.#work },
      running: () => this.#situation(this.#options.watch.settings).running,
      settled: (one: string, version: string) => this.#settled(one, version),
      checkPin: (one: string, version: string) => this.#checkPin(one, version),
      onPlaced: (one: string) => this.#leaveUnlessWanted(one),
    };
    return upgradeByHand(tools, lane, target, options);
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
    this.#loop.soon(this.#options.watch.rescanMs);
  }

  async #look(): Promise<void> {
    const { rescanMs } = this.#options.watch;
    const whole = performance.now() >= this.#wholeAtMs;
    if (whole) {
      this.#wholeAtMs = performance.now() + rescanMs;
      this.#failures.forgetPassing();
    }
    // Before the list is made: what happens after that is told of.
    this.#tree.follow(this.#directories);
    const { onDisk, found, unfit, nextMs, directories } = await this.#shelf.look(whole);
    if (this.#stopped) return;
    this.#unreadable = false;
    this.#directories = directories;
    this.#tree.follow(directories);
    this.#onDisk = onDisk;
    for (const { name, version } of found) this.#work.tell(name, version, 'found', { reason: 'directory' });
    for (const { name, version, problem } of unfit) {
      // It has only been begun.
      if (problem.code !== 'MANIFEST_NOT_FOUND') this.#work.fail(name, version, problem);
    }
    this.#reconcile(nextMs === undefined);
    this.#loop.soon(Math.min(nextMs ?? rescanMs, Math.max(0, this.#wholeAtMs - performance.now())));
  }

  /** @param quiet nothing on disk is about to change what is planned */
  #reconcile(quiet: boolean): void {
    if (this.#stopped) return;
    const { settings } = this.#options.watch;
    const disabled = this.#disabled(settings);
    for (const name of disabled) this.#lanes.takeBack(name);
    const situation = this.#situation(settings);
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
      const versions = this.#onDisk.get(name) ?? [];
      const isThere = versions.some(
        ({ version, state }) => byHand || version === action.version || state === 'unsettled',
      );
      if (disabled.has(name)) this.#work.giveUp(name, 'its settings disable it');
      else if (!isThere) this.#work.giveUp(name, 'it is no longer on disk');
      else if (pin !== undefined && pin !== action.version && !byHand)
        this.#work.giveUp(name, `it is pinned to ${pin}`);
    }
  }

  #situation(settings: Settings): Situation {
    const busy = new Map([...this.#work.underWay].map(([name, { requires }]) => [name, requires]));
    const running = this.#lanes.look(this.#onDisk, busy);
    const disabled = this.#disabled(settings);
    const { left } = this.#lanes;
    const names = new Set([...this.#onDisk.keys(), ...running.keys()]);
    const stamps = new Map([...names].map((name) => [name, overridesStamp(settings(name))]));
    return {
      onDisk: new Map([...this.#onDisk].filter(([name]) => !left.has(name) && !disabled.has(name))),
      running,
      pins: this.#pinsBy(settings),
      settings: stamps,
      hasFailed: (name, version, digest) =>
        this.#failures.of({ name, version, digest, settings: stamps.get(name) ?? '' }) !== undefined,
      busy,
    };
  }

  #disabled(settings: Settings): ReadonlySet<string> {
    const names = [...this.#onDisk.keys(), ...this.#lanes.names];
    return new Set(names.filter((name) => settings(name)?.enabled === false));
  }

  #pinsBy(settings: Settings): ReadonlyMap<string, string> {
    const names = new Set([...this.#onDisk.keys(), ...this.#lanes.names]);
    const given = [...names].flatMap((name): [string, string][] => {
      const pin = settings(name)?.pin;
      return pin === undefined ? [] : [[name, pin]];
    });
    return new Map([...given, ...this.#pins.versions]);
  }

  #checkPin(name: string, version: string): void {
    const pin = this.pins.get(name);
    if (pin === undefined || pin === version) return;
    throw new PluginError(
      'PLUGIN_PINNED',
      `Plugin ${name} is pinned to version ${pin}, and not ${version}.`,
      {
        facts: { plugin: name, pinned: pin, version },
      },
    );
  }

  /** Waits as long as it may still be being written. */
  async #settled(name: string, version: string): Promise<void> {
    const { quietMs } = this.#options.watch;
    const untilMs = performance.now() + 10 * Math.max(quietMs, 100);
    for (;;) {
      await this.#loop.now();
      const found = this.#onDisk.get(name)?.find((one) => one.version === version);
      if (found === undefined)
        throw new PluginError(
          'VERSION_NOT_FOUND',
          `There is no version ${version} of plugin ${name} on disk.`,
          {
            facts: { plugin: name, version },
          },
        );
      const problem = this.#shelf.problemOf(name, version);
      if (found.state === 'unfit' && problem !== undefined) throw problem;
      if (found.state === 'good') return;
      if (this.#stopped) throw new PluginError('HOST_CLOSED', 'The host is closed.');
      if (performance.now() >= untilMs)
        throw new PluginError(
          'ARTIFACT_CHANGED',
          `Version ${version} of plugin ${name} is still being written.`,
        );
      await new Promise((done) => setTimeout(done, Math.max(10, quietMs / 4)));
    }
  }

  /** What was put there by hand is left alone, unless it is what would be there anyway. */
  #leaveUnlessWanted(name: string): void {
    const copy = this.#lanes.runningCopy(name);
    if (copy === undefined || this.#stopped) return;
    const { version } = copy.manifest;
    const pin = this.pins.get(name);
    const wanted = (this.#onDisk.get(name) ?? []).find((one) => pin === undefined || one.version === pin);
    if (wanted?.version === version && wanted.digest === copy.digest) this.#lanes.takeBack(name);
    else this.#lanes.leave(name, `it was upgraded to ${version} by hand`);
  }

  #notRunning(name: string): PluginError {
    const plugin = this.#host.loaded().find((one) => one.name === name);
    if (plugin !== undefined)
      return new PluginError(
        'OPTIONS_INVALID',
        `Plugin ${name} was loaded by its options, and not from the directory of plugins.`,
        { facts: { plugin: name }, hint: 'Upgrade it by its options.' },
      );
    if (!this.#onDisk.has(name)) return notFound(name);
    return new PluginError('PLUGIN_STOPPED', `Plugin ${name} doesn't run.`, {
      facts: { plugin: name },
      hint: 'Start it first.',
    });
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

function notFound(name: string): PluginError {
  return new PluginError('PLUGIN_NOT_FOUND', `There is no plugin ${name}.`, { facts: { plugin: name } });
}
