import { type Manifest, manifestName } from './manifest';
import { nearWord } from './near-word';
import { type DataPath, formatPath, quoted, type SourceProblem } from './problem';
import type { YamlSource } from './yaml-source';

/** What the entries of a manifest say together, where no option's own check knows it. */
export function relationProblems(manifest: Manifest, source: YamlSource): SourceProblem[] {
  const found: SourceProblem[] = [];
  const add = (path: DataPath, message: string, suggestion?: string): void => {
    const { line, column } = source.placeOf(path);
    const near = suggestion === undefined ? {} : { suggestion: quoted(suggestion) };
    found.push({ line, column, path: formatPath(path), message: `${formatPath(path)} ${message}`, ...near });
  };
  const { name, command, files, contract, requires = {}, state, strategy, single, services = [] } = manifest;

  if (typeof command === 'object' && Object.keys(command).length === 0) add(['command'], 'names no platform');
  const named = files === undefined ? undefined : Object.keys(files).map(plainPath);
  const listed = (path: DataPath, file: string | undefined): void => {
    if (file === undefined || named === undefined || named.includes(plainPath(file))) return;
    add(path, `is ${quoted(file)}, which files does not list`, nearWord(file, named));
  };
  if (typeof command === 'string') listed(['command'], command);
  else for (const [platform, file] of Object.entries(command)) listed(['command', platform], file);
  listed(['contract'], contract);
  const seen = new Set<string>();
  for (const file of named ?? []) {
    if (file === manifestName) add(['files', file], 'is this file, which can not hold its own sum');
    if (seen.has(file)) add(['files'], `names ${quoted(file)} twice`);
    seen.add(file);
  }

  if (Object.hasOwn(requires, name)) add(['requires', name], 'is the plugin itself');
  if (state?.restores !== undefined && !state.restores.includes(state.schema))
    add(['state', 'restores'], `lacks ${state.schema}, the schema that it writes itself`);
  if (single === true && strategy !== undefined && strategy !== 'recreate')
    add(['strategy'], `is ${quoted(strategy)}, and single allows recreate alone`);
  if (single === true && (manifest.instances ?? 1) > 1)
    add(['instances'], 'has to be 1, since single is true');
  const offered = new Set<string>();
  for (const [index, service] of services.entries()) {
    if (offered.has(service)) add(['services', index], 'stands there already');
    offered.add(service);
  }
  return found;
}

/** `./kv` is kv. */
export function plainPath(file: string): string {
  return file.replace(/^\.\//, '');
}
