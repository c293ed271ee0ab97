import { dirname, resolve } from 'node:path';
import { optionProblems } from '../manifest/option-problems';
import { problemsError, type SourceProblem } from '../manifest/problem';
import { type Shape, shapeProblems } from '../manifest/shape-problems';
import { readYaml, type YamlSource } from '../manifest/yaml-source';
import type { DaemonConfig, EnvSetting, PluginSettings } from './config';
import { configRelationProblems } from './relations';

/**
 * Reads the text of a `plugd.yaml`. Relative paths in it are taken from the directory of `file`, which is also what messages
 * call it.
 *
 * Throws PluginError CONFIG_INVALID with all that is wrong in it: facts `path` and `problems`.
 */
export function parseConfig(content: string | Uint8Array, file: string): DaemonConfig {
  const source = readYaml(typeof content === 'string' ? Buffer.from(content) : content);
  if (source.value === undefined) throw problemsError('CONFIG_INVALID', file, source.problems);
  // With the first file: who reads none does without all that checks shapes.
  const { configSchema }: typeof import('./config-schema') = require('./config-schema');
  const { configKeys }: typeof import('./json-schema') = require('./json-schema');
  const shape: Shape = {
    keys: configKeys,
    isSecret: (at) => at[0] === 'plugins' && at[2] === 'env' && at.length > 3,
  };
  const result = configSchema.safeParse(source.value);
  if (!result.success)
    throw problemsError('CONFIG_INVALID', file, [
      ...source.problems,
      ...shapeProblems(result.error.issues, source, shape),
    ]);
  const config = withPlacesFrom(dirname(resolve(file)), result.data);
  const problems = [
    ...source.problems,
    ...configRelationProblems(config, source),
    ...settingProblems(config, source),
  ];
  if (problems.length > 0) throw problemsError('CONFIG_INVALID', file, problems);
  return config;
}

function settingProblems({ plugins = {} }: DaemonConfig, source: YamlSource): SourceProblem[] {
  return Object.entries(plugins).flatMap(([name, settings]) =>
    optionProblems(settings, source, ['plugins', name]),
  );
}

function withPlacesFrom(directory: string, config: DaemonConfig): DaemonConfig {
  const at = (path: string): string => resolve(directory, path);
  const { pluginsDir, socket, stateDir, frontDoor, metrics, logs, plugins } = config;
  return {
    ...config,
    ...(pluginsDir === undefined ? {} : { pluginsDir: pluginsDir === false ? false : at(pluginsDir) }),
    ...(socket === undefined ? {} : { socket: at(socket) }),
    ...(stateDir === undefined ? {} : { stateDir: at(stateDir) }),
    ...(isOnSocket(frontDoor) ? { frontDoor: { socket: at(frontDoor.socket) } } : {}),
    ...(isOnSocket(metrics) ? { metrics: { socket: at(metrics.socket) } } : {}),
    ...(logs?.directory === undefined ? {} : { logs: { ...logs, directory: at(logs.directory) } }),
    ...(plugins === undefined ? {} : { plugins: mapValues(plugins, (one) => settingsFrom(at, one)) }),
  };
}

function settingsFrom(at: (path: string) => string, settings: PluginSettings): PluginSettings {
  const { env, config } = settings;
  const place = (value: EnvSetting): EnvSetting =>
    typeof value === 'string' ? value : { file: at(value.file) };
  return {
    ...settings,
    ...(env === undefined ? {} : { env: mapValues(env, place) }),
    ...(config === undefined ? {} : { config: at(config) }),
  };
}

function isOnSocket(place: object | false | undefined): place is { readonly socket: string } {
  return place !== undefined && place !== false && 'socket' in place;
}

/** Not by assignment, by which "__proto__" would be more than a key. */
function mapValues<T>(values: Readonly<Record<string, T>>, change: (value: T) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, change(value)]));
}
