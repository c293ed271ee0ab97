import { PluginError } from '@plugd/protocol/plugin-error';
import type { OperationHandle } from './upgrade/operation-handle';
import type { Failures } from './watch/failures';
import type { LookLoop } from './watch/look-loop';
import type { ShelfOfVersions } from './watch/shelf-of-versions';
import type { WatchedPluginStatus } from './watch/watched-versions';
import type { WatchedLanes, WatchingHost } from './watched-lanes';
import type { SettingsOf, WatchedSituation } from './watched-situation';
import { type UpgradeTarget, type UpgradeToOptions, upgradeByHand } from './watched-upgrade';
import type { WatchedWork } from './watched-work';

export interface ByHandTools {
  readonly root: string;
  readonly copies: string;
  readonly quietMs: number;
  readonly settings: SettingsOf;
  readonly host: WatchingHost;
  readonly loop: LookLoop;
  readonly shelf: ShelfOfVersions;
  readonly lanes: WatchedLanes;
  readonly work: WatchedWork;
  readonly failures: Failures;
  readonly situation: WatchedSituation;
  readonly status: () => readonly WatchedPluginStatus[];
  readonly isStopped: () => boolean;
}

/** What somebody wants of a plugin of the directory by its name. */
export class WatchedByHand {
  readonly #tools: ByHandTools;

  constructor(tools: ByHandTools) {
    this.#tools = tools;
  }

  /** See `host.startAgain`. */
  async startAgain(name: string): Promise<void> {
    const { lanes, failures, loop, work } = this.#tools;
    failures.forget(name);
    lanes.takeBack(name);
    for (;;) {
      await loop.now();
      this.#refuseIfStopped();
      const entry = work.underWay.get(name);
      if (entry === undefined) break;
      await entry.ended;
    }
    if (lanes.runningCopy(name) === undefined) throw this.#notStarted(name);
  }

  /** See `host.upgradeTo`. */
  upgradeTo(name: string, target: UpgradeTarget, options: UpgradeToOptions): OperationHandle {
    const { root, copies, lanes, work, situation, settings } = this.#tools;
    const lane = lanes.get(name);
    if (lane === undefined || lanes.runningCopy(name) === undefined) throw this.#notRunning(name);
    const tools = {
      ...{ root, copies, lanes, work },
      running: () => situation.now(settings).running,
      settled: (version: string) => this.#settled(name, version),
      checkPin: (version: string) => this.#checkPin(name, version),
      onPlaced: () => this.#leaveUnlessWanted(name),
    };
    return upgradeByHand(tools, lane, target, options);
  }

  /** Waits as long as it may still be being written. */
  async #settled(name: string, version: string): Promise<void> {
    const { quietMs, loop, situation, shelf } = this.#tools;
    const untilMs = performance.now() + 10 * Math.max(quietMs, 100);
    const facts = { plugin: name, version };
    for (;;) {
      await loop.now();
      this.#refuseIfStopped();
      const found = situation.onDisk.get(name)?.find((one) => one.version === version);
      if (found === undefined) {
        const sentence = `There is no version ${version} of plugin ${name} on disk.`;
        throw new PluginError('VERSION_NOT_FOUND', sentence, { facts });
      }
      const problem = shelf.problemOf(name, version);
      if (found.state === 'unfit' && problem !== undefined) throw problem;
      if (found.state === 'good') return;
      if (performance.now() >= untilMs) {
        const sentence = `Version ${version} of plugin ${name} is still being written.`;
        throw new PluginError('ARTIFACT_CHANGED', sentence, { facts });
      }
      await new Promise((done) => setTimeout(done, Math.max(10, quietMs / 4)));
    }
  }

  #checkPin(name: string, version: string): void {
    const { situation, settings } = this.#tools;
    checkPinned(name, situation.pins(settings).get(name), version);
  }

  /** What was put there by hand is left alone, unless it is what would be there anyway. */
  #leaveUnlessWanted(name: string): void {
    const { lanes, situation, settings, isStopped } = this.#tools;
    const copy = lanes.runningCopy(name);
    if (copy === undefined || isStopped()) return;
    const { version } = copy.manifest;
    const pin = situation.pins(settings).get(name);
    const versions = situation.onDisk.get(name) ?? [];
    const wanted = versions.find((one) => pin === undefined || one.version === pin);
    if (wanted?.version === version && wanted.digest === copy.digest) lanes.takeBack(name);
    else lanes.leave(name, `it was upgraded to ${version} by hand`);
  }

  #notStarted(name: string): PluginError {
    const status = this.#tools.status().find((one) => one.name === name);
    if (status === undefined) return notFound(name);
    const { enabled, pinned, versions } = status;
    const facts = { plugin: name, enabled, ...(pinned === undefined ? {} : { pinned }) };
    if (!enabled) {
      const sentence = `Nothing of plugin ${name} is run: its settings disable it.`;
      const hint = `Take \`enabled: false\` out of its settings: under plugins.${name} in the config of a daemon, or where \`pluginsDir.settings\` says it.`;
      return new PluginError('VERSION_NOT_FOUND', sentence, { facts, hint });
    }
    const problem = versions.find((one) => one.problem !== undefined)?.problem;
    if (problem !== undefined) return problem;
    const sentence = `Nothing of plugin ${name} is run: none of its versions can be.`;
    return new PluginError('VERSION_NOT_FOUND', sentence, { facts });
  }

  #notRunning(name: string): PluginError {
    const { host, situation } = this.#tools;
    if (host.plugin(name) !== undefined) {
      const sentence = `Plugin ${name} was loaded by its options, and not from the directory of plugins.`;
      const facts = { plugin: name };
      return new PluginError('OPTIONS_INVALID', sentence, { facts, hint: 'Upgrade it by its options.' });
    }
    if (!situation.onDisk.has(name)) return notFound(name);
    return new PluginError('PLUGIN_STOPPED', `Plugin ${name} doesn't run.`, {
      facts: { plugin: name },
      hint: 'Start it first.',
    });
  }

  #refuseIfStopped(): void {
    if (this.#tools.isStopped()) throw new PluginError('HOST_CLOSED', 'The host is closed.');
  }
}

/**
 * @param pin the version that a plugin is held at; undefined: it is not pinned
 * @param version the one that is asked for
 *
 * Throws PluginError PLUGIN_PINNED.
 */
export function checkPinned(name: string, pin: string | undefined, version: string): void {
  if (pin === undefined || pin === version) return;
  const sentence = `Plugin ${name} is pinned to version ${pin}, and not ${version}.`;
  throw new PluginError('PLUGIN_PINNED', sentence, { facts: { plugin: name, pinned: pin, version } });
}

function notFound(name: string): PluginError {
  return new PluginError('PLUGIN_NOT_FOUND', `There is no plugin ${name}.`, { facts: { plugin: name } });
}
