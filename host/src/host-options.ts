import { type Logger, logLevels } from './events/logger';
import { check, checkGroup, isRecord, isText } from './instance/option-check';
import type { SnapshotLimits } from './state/snapshot-store-options';
import type { PluginsDirOptions } from './watch/watch-options';

/** How to make a host. */
export interface HostOptions {
  /**
   * Where the host makes its directory, which holds the plugins' sockets. It has to belong to this user, and nobody
   * else may write to it. Default: XDG_RUNTIME_DIR, else the temporary directory.
   */
  readonly runDir?: string;
  /**
   * Where the host keeps the journal of its operations and the states of its plugins beyond its own life: the next host with
   * this directory finishes or undoes an operation in which this one was killed, and gives a plugin its last kept state. One
   * host at a time; made, 0700, if it is missing. What is in it of states is encrypted. Default: nothing outlives the host.
   */
  readonly stateDir?: string;
  /** How much is kept of the states that plugins hand over, for a rollback or after a crash. */
  readonly snapshots?: SnapshotLimits;
  /**
   * The most memory that all plugins may have together when a second version of one is to run beside the first; else the
   * upgrade is refused or recreates, as the plugin's `memory.ifShort` says. In bytes. Default: no limit.
   */
  readonly memoryBudgetBytes?: number;
  /**
   * A directory of plugins with manifests, `<name>/<version>/plugin.yaml`, each run at its highest version for as long as it
   * lies there: what is added is loaded, a new version or another content is upgraded to, what is taken away is stopped. Plugins
   * run from copies. Default: the host runs what it is told to.
   */
  readonly pluginsDir?: string | PluginsDirOptions;
  /** Where the host and its plugins log; `console` fits. Default: warnings and errors, a line each, on stderr. */
  readonly logger?: Logger;
}

/** Throws PluginError OPTIONS_INVALID. */
export function checkHostOptions(options: HostOptions): void {
  check(isRecord(options), 'options', options, 'an object');
  const { runDir, stateDir, snapshots, logger } = options;
  check(stateDir === undefined || (isText(stateDir) && stateDir !== ''), 'stateDir', stateDir, 'a path');
  checkGroup('snapshots', snapshots ?? {});
  check(runDir === undefined || (isText(runDir) && runDir !== ''), 'runDir', runDir, 'a path');
  const logs =
    logger === undefined ||
    (isRecord(logger) && logLevels.every((level) => typeof logger[level] === 'function'));
  check(logs, 'logger', logger, `an object with the methods ${logLevels.join(', ')}`);
}
