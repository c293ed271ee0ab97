import { PluginError } from '@plugd/protocol/plugin-error';
import type { LoadOptions } from './instance/load-options';
import { check } from './instance/option-check';
import { resolveSpec } from './instance/plugin-spec';
import { startOrder, stopInOrder } from './supervision/dependency-order';

/** What the loads are made by. */
export interface Loads<Loaded> {
  /** The names of what is there already. */
  readonly known: readonly string[];
  load(options: LoadOptions): Promise<Loaded>;
  /** Takes back what a load has done. */
  undo(loaded: Loaded): Promise<void>;
}

/**
 * Loads several plugins, each after those that it depends on; where one fails, those that were loaded are taken back.
 *
 * @throws PluginError OPTIONS_INVALID, NAME_TAKEN, DEPENDENCY_MISSING, DEPENDENCY_CYCLE before anything is loaded; what a load throws
 */
export async function loadInOrder<Loaded>(
  all: readonly LoadOptions[],
  loads: Loads<Loaded>,
): Promise<Loaded[]> {
  check(Array.isArray(all), 'options', all, 'a list of load options');
  const specs = all.map((options) => resolveSpec(options));
  for (const [index, { name }] of specs.entries())
    if (specs.findIndex((one) => one.name === name) < index) throw nameTaken(name);
  const dependencies = new Map(specs.map(({ name, dependsOn }) => [name, dependsOn]));
  startOrder(new Map([...loads.known.map((name) => [name, []] as const), ...dependencies]));
  const begun = new Map<string, Promise<Loaded>>();
  const inTurn = async (options: LoadOptions, dependsOn: readonly string[]): Promise<Loaded> => {
    // In a tick of its own: by then every one of the list is in the map.
    await Promise.resolve();
    await Promise.all(dependsOn.map((name) => begun.get(name)));
    return loads.load(options);
  };
  for (const [index, { name, dependsOn }] of specs.entries()) {
    const options = all[index];
    if (options !== undefined) begun.set(name, inTurn(options, dependsOn));
  }
  const results = await Promise.allSettled(begun.values());
  const failed = results.find((result) => result.status === 'rejected');
  if (failed === undefined) return results.flatMap((result) => ('value' in result ? [result.value] : []));
  const loaded = new Map(
    [...begun.keys()].flatMap((name, index) => {
      const result = results[index];
      return result?.status === 'fulfilled' ? [[name, result.value] as const] : [];
    }),
  );
  const among = [...loaded.keys()].map(
    (name) => [name, (dependencies.get(name) ?? []).filter((one) => loaded.has(one))] as const,
  );
  await stopInOrder(new Map(among), async (name) => {
    const one = loaded.get(name);
    if (one !== undefined) await loads.undo(one);
  });
  throw failed.reason;
}

export function nameTaken(name: string): PluginError {
  return new PluginError('NAME_TAKEN', `There is a plugin named ${name} already.`);
}
