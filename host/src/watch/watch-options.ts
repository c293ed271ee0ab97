import { check, checkedWaitMs, isRecord, isText } from '../instance/option-check';
import type { PluginOverrides } from './plugin-overrides';

/** How a host watches its directory of plugins. */
export interface PluginsDirOptions {
  /** `<directory>/<name>/<version>/plugin.yaml`. It has to be there. */
  readonly directory: string;
  /** How often all of it is looked through by its content, whether the system told of a change or not. Default 30,000. */
  readonly rescanMs?: number;
  /** How long nothing of a version may have changed before it is used, in milliseconds. Default 300. */
  readonly quietMs?: number;
  /**
   * What is said of a plugin over its manifests. Asked with each look; where it is another one than before, what runs of the plugin
   * is upgraded to it on the same content. See `host.reconcile()`. Default: nothing.
   */
  readonly settings?: (plugin: string) => PluginOverrides | undefined;
}

export type CheckedPluginsDir = Required<PluginsDirOptions>;

/** Throws PluginError OPTIONS_INVALID. */
export function checkedPluginsDir(given: string | PluginsDirOptions): CheckedPluginsDir {
  check(isText(given) || isRecord(given), 'pluginsDir', given, 'a path, or an object with `directory`');
  const options: PluginsDirOptions = typeof given === 'string' ? { directory: given } : given;
  const { directory, settings } = options;
  check(isText(directory) && directory !== '', 'pluginsDir', directory, 'a path');
  check(
    settings === undefined || typeof settings === 'function',
    'pluginsDir.settings',
    settings,
    'a function',
  );
  return {
    directory,
    settings: settings ?? (() => undefined),
    rescanMs: checkedWaitMs('pluginsDir.rescanMs', options.rescanMs, 30_000, 10),
    quietMs: checkedWaitMs('pluginsDir.quietMs', options.quietMs, 300, 0),
  };
}
