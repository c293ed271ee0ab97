import { type DataPath, formatPath, type SourceProblem } from '../manifest/problem';
import type { YamlSource } from '../manifest/yaml-source';
import type { DaemonConfig } from './config';

/** What the entries of a config say together. The paths are absolute by now. */
export function configRelationProblems(config: DaemonConfig, source: YamlSource): SourceProblem[] {
  const found: SourceProblem[] = [];
  const add = (path: DataPath, message: string): void => {
    const { line, column } = source.placeOf(path);
    found.push({ line, column, path: formatPath(path), message: `${formatPath(path)} ${message}` });
  };
  const { socket, frontDoor, metrics, stateDir, pluginsDir } = config;
  const sockets: readonly (readonly [DataPath, string | undefined])[] = [
    [['socket'], socket],
    [['frontDoor', 'socket'], socketOf(frontDoor)],
    [['metrics', 'socket'], socketOf(metrics)],
  ];
  const taken = new Map<string, DataPath>();
  for (const [path, file] of sockets) {
    if (file === undefined) continue;
    const first = taken.get(file);
    if (first === undefined) taken.set(file, path);
    else add(path, `is the same file as ${formatPath(first)}`);
  }
  // What is kept would be looked at as plugins, and plugins would lie in a directory that nobody else can enter.
  if (stateDir !== undefined && stateDir === pluginsDir)
    add(['stateDir'], 'is the same directory as pluginsDir');
  return found;
}

function socketOf(place: DaemonConfig['frontDoor'] | DaemonConfig['metrics']): string | undefined {
  return place !== undefined && place !== false && 'socket' in place ? place.socket : undefined;
}
