import { PluginError } from '@plugd/protocol/plugin-error';
import { satisfies } from 'semver';
import { isPossibleTogether } from './ranges';

/** A version that was chosen to run, with what it needs. */
export interface ChosenVersion {
  readonly name: string;
  readonly version: string;
  /** Ranges by the names of plugins. */
  readonly requires?: Readonly<Record<string, string>>;
}

/**
 * What keeps a set of versions, one of each plugin, from running together; none: nothing. All of it at once, in the order of
 * the names: REQUIREMENT_IMPOSSIBLE (no version could be in all the ranges that are asked of a plugin), REQUIREMENT_UNMET
 * (it is not there, or in another version) and DEPENDENCY_CYCLE (a ring of plugins that need each other).
 */
export function checkRequires(plugins: readonly ChosenVersion[]): PluginError[] {
  const chosen = [...plugins].sort((a, b) => (a.name < b.name ? -1 : 1));
  const versions = new Map(chosen.map(({ name, version }) => [name, version]));
  const asked = new Map<string, { by: ChosenVersion; range: string }[]>();
  for (const by of chosen) {
    for (const [name, range] of Object.entries(by.requires ?? {})) {
      const list = asked.get(name) ?? [];
      list.push({ by, range });
      asked.set(name, list);
    }
  }
  const found: PluginError[] = [];
  for (const [name, demands] of [...asked].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!isPossibleTogether(demands.map(({ range }) => range))) found.push(impossible(name, demands));
    else
      for (const { by, range } of demands)
        if (!satisfies(versions.get(name) ?? '', range))
          found.push(unmet(by, name, range, versions.get(name)));
  }
  return [...found, ...rings(chosen).map(ringError)];
}

function impossible(name: string, demands: readonly { by: ChosenVersion; range: string }[]): PluginError {
  const ranges = demands.map(({ by, range }) => ({ plugin: by.name, version: by.version, range }));
  const told = ranges.map(({ plugin, version, range }) => `${plugin} ${version} needs ${range}`);
  return new PluginError(
    'REQUIREMENT_IMPOSSIBLE',
    `No version of plugin ${name} can be what is asked of it: ${told.join(', ')}.`,
    {
      facts: { required: name, ranges },
    },
  );
}

function unmet(by: ChosenVersion, required: string, range: string, version: string | undefined): PluginError {
  const is = version === undefined ? `there is no plugin ${required}` : `it is ${version}`;
  return new PluginError(
    'REQUIREMENT_UNMET',
    `Plugin ${by.name} ${by.version} needs ${required} ${range}, and ${is}.`,
    {
      facts: {
        plugin: by.name,
        version: by.version,
        required,
        range,
        ...(version === undefined ? {} : { found: version }),
      },
    },
  );
}

function ringError(ring: readonly string[]): PluginError {
  const cycle = [...ring, ring[0] ?? ''];
  return new PluginError('DEPENDENCY_CYCLE', `Plugins need each other in a ring: ${cycle.join(' → ')}.`, {
    facts: { cycle },
  });
}

/** Each ring that a search from the first name on comes upon, by its least name first. */
function rings(chosen: readonly ChosenVersion[]): string[][] {
  const needs = new Map(chosen.map(({ name, requires = {} }) => [name, Object.keys(requires).sort()]));
  const found = new Map<string, string[]>();
  const done = new Set<string>();
  // With a list of its own: a chain of thousands would be too much for the stack.
  for (const { name: start } of chosen) {
    const way: { name: string; left: string[] }[] = [];
    const enter = (name: string): void => {
      way.push({ name, left: [...(needs.get(name) ?? [])] });
    };
    if (!done.has(start)) enter(start);
    for (let at = way.at(-1); at !== undefined; at = way.at(-1)) {
      const next = at.left.shift();
      if (next === undefined) {
        done.add(at.name);
        way.pop();
        continue;
      }
      const index = way.findIndex(({ name }) => name === next);
      if (index >= 0) {
        const ring = fromLeast(way.slice(index).map(({ name }) => name));
        found.set(JSON.stringify(ring), ring);
      } else if (!done.has(next)) enter(next);
    }
  }
  return [...found.values()];
}

function fromLeast(ring: readonly string[]): string[] {
  const least = ring.indexOf([...ring].sort()[0] ?? '');
  return [...ring.slice(least), ...ring.slice(0, least)];
}
