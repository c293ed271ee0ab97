import { join } from 'node:path';
import type { LaunchSpec } from './launch-spec';

/** An empty directory of the process's own, which is removed with it. */
export const PLUGD_SCRATCH_DIR = 'PLUGD_SCRATCH_DIR';
/** A copy of the configuration directory that nobody changes while it runs. */
export const PLUGD_CONFIG_DIR = 'PLUGD_CONFIG_DIR';
/** Before the name of a port, in capitals. */
export const PLUGD_PORT_ = 'PLUGD_PORT_';

/** Inside the directory of the instance, with which it goes, however the host ends. */
export function scratchDirectory(directory: string): string {
  return join(directory, 'scratch');
}

/** What a process is told of the resources that its host keeps for it. */
export function resourceVariables(
  { scratch, configDirectory, ports }: Pick<LaunchSpec, 'scratch' | 'configDirectory' | 'ports'>,
  directory: string,
): Record<string, string> {
  const numbers = Object.entries(ports ?? {}).map(([name, port]) => [
    `${PLUGD_PORT_}${name.toUpperCase()}`,
    String(port),
  ]);
  return {
    ...(scratch === true ? { [PLUGD_SCRATCH_DIR]: scratchDirectory(directory) } : {}),
    ...(configDirectory === undefined ? {} : { [PLUGD_CONFIG_DIR]: configDirectory }),
    ...Object.fromEntries(numbers),
  };
}
