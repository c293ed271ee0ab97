export type RequiredRanges = Readonly<Record<string, string>>;

/** A version that lies in the directory of plugins. */
export interface VersionFound {
  readonly version: string;
  /** `unsettled`: something of it still changes; `unfit`: it can't be run as it is. */
  readonly state: 'good' | 'unsettled' | 'unfit';
  /** Of its content; undefined where it isn't good. */
  readonly digest: string | undefined;
  readonly requires: RequiredRanges;
}

export interface RunningVersion {
  readonly version: string;
  /** Of the content that it was started with; undefined: nobody knows. */
  readonly digest: string | undefined;
  readonly requires: RequiredRanges;
  /** The application has put it there, and nothing is done with it. */
  readonly foreign: boolean;
  /** By which of the settings of its plugin it was started; undefined: they don't matter to it. */
  readonly settings?: string | undefined;
}

/** All that a plan depends on. */
export interface Situation {
  /** By plugin; of each the highest version first. */
  readonly onDisk: ReadonlyMap<string, readonly VersionFound[]>;
  readonly running: ReadonlyMap<string, RunningVersion>;
  /** The version that a plugin is held at. */
  readonly pins: ReadonlyMap<string, string>;
  /** The settings that plugins are to be run by, as stamps. Those that are not there have none. */
  readonly settings?: ReadonlyMap<string, string>;
  /** Whether this content has been tried by these settings, and failed. */
  readonly hasFailed: (name: string, version: string, digest: string) => boolean;
  /** Plugins with which something is being done, each with what the version requires that is being put there. */
  readonly busy: ReadonlyMap<string, RequiredRanges>;
}

/** What may become of a plugin. */
export type Choice =
  | {
      readonly kind: 'run';
      readonly version: string;
      readonly digest: string;
      readonly requires: RequiredRanges;
    }
  | { readonly kind: 'keep'; readonly version: string; readonly requires: RequiredRanges }
  | { readonly kind: 'none' };

/** What may become of each plugin, the best first, whatever the others say to it. The last one is always possible. */
export function choices(situation: Situation): ReadonlyMap<string, readonly Choice[]> {
  const names = [...new Set([...situation.onDisk.keys(), ...situation.running.keys()])].sort();
  return new Map(names.map((name) => [name, choicesOf(name, situation)]));
}

function choicesOf(name: string, { onDisk, running, pins, hasFailed }: Situation): readonly Choice[] {
  const now = running.get(name);
  const keep: Choice[] =
    now === undefined ? [] : [{ kind: 'keep', version: now.version, requires: now.requires }];
  if (now?.foreign === true) return keep;
  const versions = onDisk.get(name) ?? [];
  const pin = pins.get(name);
  const wanted = pin === undefined ? versions : versions.filter(({ version }) => version === pin);
  const list: Choice[] = [];
  for (const { version, state, digest, requires } of wanted) {
    const runs = version === now?.version;
    const fresh = digest !== undefined && !(runs && digest === now.digest);
    if (state === 'good' && fresh && !hasFailed(name, version, digest))
      list.push({ kind: 'run', version, digest, requires });
    // Whatever is below it is not wanted any more.
    if (runs) return [...list, ...keep];
  }
  if (now === undefined) return [...list, { kind: 'none' }];
  const stillThere = versions.some(({ version }) => version === now.version);
  const comes = versions.some(({ state }) => state === 'unsettled');
  // It is gone from disk, and ends, unless another one is to take its place: then it waits for that.
  return stillThere || comes || list.length > 0 ? [...list, ...keep] : [{ kind: 'none' }];
}
