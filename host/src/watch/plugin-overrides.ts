import { createHash } from 'node:crypto';
import type { Manifest } from '../manifest/manifest';

/** What of a manifest whoever runs the plugin may want otherwise. */
const overridable = [
  'args',
  'env',
  'inheritEnv',
  'strategy',
  'canary',
  'shadow',
  'rolling',
  'blueGreen',
  'shiftTimeoutMs',
  'contractPolicy',
  'bakeMs',
  'keepWarmMs',
  'instances',
  'restart',
  'attempts',
  'health',
  'limits',
  'expect',
  'memory',
  'scratch',
  'config',
  'ports',
  'startTimeoutMs',
  'drainTimeoutMs',
  'stopTimeoutMs',
] as const satisfies readonly (keyof Manifest)[];

/**
 * What whoever runs a plugin says of it, over what its manifests say. `env` adds variables to the manifest's, and the groups
 * `restart`, `health`, `limits`, `expect` and `memory` keep what isn't named here; everything else takes the manifest's place.
 */
export interface PluginOverrides extends Pick<Manifest, (typeof overridable)[number]> {
  /** False: nothing of it is run. Default true. */
  readonly enabled?: boolean;
  /** The version that it is held at, as long as no pin of the host says another. Default: none. */
  readonly pin?: string;
}

/** What is added to, key by key, and not replaced. */
const groups: readonly string[] = ['env', 'restart', 'health', 'limits', 'expect', 'memory'];

/** The manifest as it counts for this host. */
export function overridden(manifest: Manifest, overrides: PluginOverrides | undefined): Manifest {
  if (overrides === undefined) return manifest;
  return { ...manifest, ...Object.fromEntries(entriesOf(overrides).map((entry) => over(manifest, entry))) };
}

function over(manifest: Manifest, [key, value]: Entry): Entry {
  const own = manifest[key];
  return groups.includes(key) && isGroup(own) && isGroup(value) ? [key, { ...own, ...value }] : [key, value];
}

type Entry = [key: (typeof overridable)[number], value: unknown];

function entriesOf(overrides: PluginOverrides): Entry[] {
  return overridable.flatMap((key): Entry[] => {
    const value = overrides[key];
    return value === undefined ? [] : [[key, value]];
  });
}

/** What says how the next version takes the place of this one, and nothing of how this one is run. */
const ofUpgrades: readonly string[] = [
  'strategy',
  'canary',
  'shadow',
  'rolling',
  'blueGreen',
  'shiftTimeoutMs',
  'contractPolicy',
  'bakeMs',
  'keepWarmMs',
];

/** Another one when the plugin would be run otherwise, whatever its upgrades are like. See {@link overridesStamp}. */
export function runningStamp(overrides: PluginOverrides | undefined): string {
  const entries = overrides === undefined ? [] : entriesOf(overrides);
  return stampOf(entries.filter(([key]) => !ofUpgrades.includes(key)));
}

/** Another one when the manifest would count otherwise; empty: as it stands. Nothing can be read off it: there are secrets. */
export function overridesStamp(overrides: PluginOverrides | undefined): string {
  return stampOf(overrides === undefined ? [] : entriesOf(overrides));
}

function stampOf(entries: readonly Entry[]): string {
  if (entries.length === 0) return '';
  return createHash('sha256').update(JSON.stringify(entries, plain)).digest('hex');
}

/** The order of keys is of no matter, and JSON knows no Infinity. */
function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'number') return String(value);
  if (!isGroup(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function isGroup(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
