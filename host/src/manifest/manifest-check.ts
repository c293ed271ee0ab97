import type { Instance } from '../instance/instance';
import type { InstanceCheck } from '../upgrade/verify';
import type { Manifest, ManifestState } from './manifest';
import { makeSmokeCalls } from './smoke';

/** What a manifest says of its version beside how it is run, to be held against what has been started; undefined: nothing. */
export function manifestCheck(manifest: Manifest): InstanceCheck | undefined {
  const { smoke = [], state, resources } = manifest;
  if (smoke.length === 0 && state === undefined && resources === undefined) return undefined;
  return async (instance, signal) => {
    checkDescription(manifest, instance);
    await makeSmokeCalls(instance, smoke, signal);
  };
}

/** Throws PluginError MANIFEST_MISMATCH: whoever planned by the manifest was misled. */
function checkDescription({ state, resources }: Manifest, instance: Instance): void {
  const { description } = instance;
  const problems = [
    ...(state === undefined ? [] : stateProblems(state, description?.state)),
    ...(resources === undefined ? [] : resourceProblems(resources, description?.resources ?? [])),
  ];
  if (problems.length === 0) return;
  const { plugin, version } = instance.identity;
  throw instance.launched.error(
    'MANIFEST_MISMATCH',
    `Plugin ${plugin} ${version} is another one than its manifest says: ${problems.join('; ')}.`,
    { facts: { plugin, version, problems } },
  );
}

type Described = NonNullable<Instance['description']>;

function stateProblems(said: ManifestState, is: Described['state']): string[] {
  if (is === undefined) return ['state is in the manifest, and the plugin says that it has none'];
  const pairs: [name: string, manifest: unknown, plugin: unknown][] = [
    ['state.schema', said.schema, is.schema],
    [
      'state.restores',
      inOrder([said.schema, ...(said.restores ?? [])]),
      inOrder([is.schema, ...is.restores]),
    ],
    ['state.shareable', said.shareable ?? false, is.shareable],
  ];
  return pairs.flatMap(([name, manifest, plugin]) =>
    String(manifest) === String(plugin)
      ? []
      : [`${name} is ${manifest} in the manifest, and ${plugin} by the plugin`],
  );
}

function resourceProblems(said: NonNullable<Manifest['resources']>, are: Described['resources']): string[] {
  const kinds = new Map(are.map(({ name, kind }) => [name, kind]));
  const names = [...new Set([...Object.keys(said), ...kinds.keys()])].sort();
  return names.flatMap((name) => {
    const [manifest, plugin] = [Object.hasOwn(said, name) ? said[name] : undefined, kinds.get(name)];
    if (manifest === plugin) return [];
    return [
      `resource ${name} is ${manifest ?? 'missing'} in the manifest, and ${plugin ?? 'missing'} by the plugin`,
    ];
  });
}

function inOrder(schemas: readonly number[]): string {
  return [...new Set(schemas)].sort((a, b) => a - b).join(', ');
}
