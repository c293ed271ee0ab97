import { check, isText } from './option-check';

/** The names of the plugins that `name` depends on. Throws PluginError OPTIONS_INVALID. */
export function checkedDependsOn(name: string, dependsOn: readonly string[] = []): readonly string[] {
  check(
    Array.isArray(dependsOn) &&
      dependsOn.every((one) => isText(one) && one !== '' && one !== name) &&
      new Set(dependsOn).size === dependsOn.length,
    'dependsOn',
    dependsOn,
    'a list of names of other plugins, each once',
  );
  return [...dependsOn];
}
