import { PluginError } from '@plugd/protocol/plugin-error';
import type { RestartStrategy } from '../instance/restart-options';

/** The names of the plugins that each plugin depends on, by its own name; in the order in which they were declared. */
export type Dependencies = ReadonlyMap<string, readonly string[]>;

/**
 * Every plugin after those that it depends on; where nothing else decides, in the order of declaration.
 *
 * Throws PluginError DEPENDENCY_MISSING where one depends on what isn't there, DEPENDENCY_CYCLE where none of a
 * ring could be first.
 */
export function startOrder(plugins: Dependencies): string[] {
  const order = new Set<string>();
  for (const name of plugins.keys()) place(name, plugins, order);
  return [...order];
}

/**
 * Stops every plugin before those that it depends on, and those at the same time that don't depend on each other.
 * Resolves when each has been stopped, or could not be: whoever waited for it is stopped all the same. Throws as
 * {@link startOrder}, before anything is stopped.
 */
export async function stopInOrder(
  plugins: Dependencies,
  stop: (name: string) => Promise<void>,
): Promise<void> {
  const dependents = new Map<string, Promise<void>[]>();
  const stops = startOrder(plugins)
    .reverse()
    .map((name) => {
      const stopped = Promise.allSettled(dependents.get(name) ?? []).then(() => stop(name));
      for (const needed of plugins.get(name) ?? []) {
        const known = dependents.get(needed) ?? [];
        dependents.set(needed, [...known, stopped]);
      }
      return stopped;
    });
  await Promise.allSettled(stops);
}

/** What depends on it, directly or through others, in start order. Throws as {@link startOrder}. */
export function dependentsOf(name: string, plugins: Dependencies): string[] {
  const reached = new Set([name]);
  // In start order each comes after all that it depends on, so that one pass finds them.
  for (const one of startOrder(plugins)) {
    if (plugins.get(one)?.some((needed) => reached.has(needed))) reached.add(one);
  }
  reached.delete(name);
  return [...reached];
}

/**
 * What is restarted after `name` was, in start order. Unlike OTP's, `rest-for-one` means the dependents of it, and
 * not whatever happened to be started later.
 */
export function restartedWith(name: string, strategy: RestartStrategy, plugins: Dependencies): string[] {
  return strategy === 'one-for-one' ? [] : dependentsOf(name, plugins);
}

/** Depth first, without recursion: a chain may be longer than the stack. */
function place(first: string, plugins: Dependencies, order: Set<string>): void {
  const path: { name: string; needed: readonly string[]; next: number }[] = [];
  const onPath = new Set<string>();
  const enter = (name: string, neededBy: string) => {
    const needed = plugins.get(name);
    if (!needed) throw missing(name, neededBy);
    path.push({ name, needed, next: 0 });
    onPath.add(name);
  };
  if (!order.has(first)) enter(first, first);
  for (let top = path.at(-1); top; top = path.at(-1)) {
    const needed = top.needed[top.next];
    top.next += 1;
    if (needed === undefined) {
      path.pop();
      onPath.delete(top.name);
      order.add(top.name);
    } else if (onPath.has(needed)) {
      throw cycle([...onPath], needed);
    } else if (!order.has(needed)) {
      enter(needed, top.name);
    }
  }
}

function missing(name: string, neededBy: string): PluginError {
  return new PluginError('DEPENDENCY_MISSING', `Plugin ${neededBy} depends on ${name}, which is not there.`, {
    facts: { plugin: neededBy, missing: name },
  });
}

function cycle(path: readonly string[], again: string): PluginError {
  const ring = [...path.slice(path.indexOf(again)), again];
  return new PluginError('DEPENDENCY_CYCLE', `Plugins depend on each other in a ring: ${ring.join(' → ')}.`, {
    facts: { cycle: ring },
  });
}
