import { isDeepStrictEqual } from 'node:util';
import type { DaemonConfig, PluginSettings } from './config';

/** A plugin whose settings are others now. */
export interface PluginChange {
  readonly name: string;
  /** What is different, in one sentence without values of variables: `instances 1 → 2, env TOKEN`. */
  readonly reason: string;
}

/** A setting of the daemon itself, which it reads when it starts. */
export interface DaemonChange {
  /** `logs.maxBytes`. */
  readonly setting: string;
  /** Empty: it was not set. */
  readonly from: string;
  /** Empty: it is not set any more. */
  readonly to: string;
}

export interface ConfigChanges {
  /** By name. */
  readonly plugins: readonly PluginChange[];
  /** Nothing of it is in force before the daemon is started again. */
  readonly daemon: readonly DaemonChange[];
}

/** What is different between two configs; undefined: none. What stands in the files of secrets is not looked at. */
export function configChanges(
  before: DaemonConfig | undefined,
  after: DaemonConfig | undefined,
): ConfigChanges {
  const { plugins: oldPlugins = {}, ...oldOwn } = before ?? {};
  const { plugins: newPlugins = {}, ...newOwn } = after ?? {};
  const plugins = union(oldPlugins, newPlugins).flatMap((name) => {
    const differences = differing(own(oldPlugins, name) ?? {}, own(newPlugins, name) ?? {});
    return differences.length === 0 ? [] : [{ name, reason: differences.join(', ') }];
  });
  const [from, to] = [flat(oldOwn), flat(newOwn)];
  const daemon = [...new Set([...from.keys(), ...to.keys()])].sort().flatMap((setting) => {
    // The form of the file alone changes nothing.
    if (setting === 'version' || from.get(setting) === to.get(setting)) return [];
    return [{ setting, from: from.get(setting) ?? '', to: to.get(setting) ?? '' }];
  });
  return { plugins, daemon };
}

function differing(before: PluginSettings, after: PluginSettings): string[] {
  const { env: oldEnv = {}, ...oldSettings } = before;
  const { env: newEnv = {}, ...newSettings } = after;
  const variables = union(oldEnv, newEnv)
    .filter((name) => !isDeepStrictEqual(own(oldEnv, name), own(newEnv, name)))
    .map((name) => `env ${name}`);
  const settings = union(oldSettings, newSettings).flatMap((key) => {
    const [from, to] = [own<unknown>(oldSettings, key), own<unknown>(newSettings, key)];
    return isDeepStrictEqual(from, to) ? [] : [`${key}${step(from, to)}`];
  });
  return [...settings, ...variables];
}

/** Of plain values both; of groups the name is enough. */
function step(from: unknown, to: unknown): string {
  if ([from, to].some((value) => typeof value === 'object' && value !== null)) return '';
  return ` ${from ?? 'default'} → ${to ?? 'default'}`;
}

function union(a: object, b: object): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
}

function own<T>(values: Readonly<Record<string, T>>, key: string): T | undefined;
function own(values: object, key: string): unknown;
function own(values: object, key: string): unknown {
  return Object.hasOwn(values, key) ? Reflect.get(values, key) : undefined;
}

/** `{ logs: { level } }` as `logs.level`. */
function flat(values: object, prefix = ''): Map<string, string> {
  const found = new Map<string, string>();
  for (const [key, value] of Object.entries(values)) {
    if (typeof value === 'object' && value !== null)
      for (const [inner, text] of flat(value, `${prefix}${key}.`)) found.set(inner, text);
    else if (value !== undefined) found.set(prefix + key, String(value));
  }
  return found;
}
