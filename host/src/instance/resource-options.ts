import { resolve } from 'node:path';
import { check, checkGroup, isText } from './option-check';

/** As many as a plugin may have: each of them is looked at before each of its starts. */
const mostPorts = 16;

/** Absolute, so that a later generation finds it wherever the host's working directory is then. */
export function checkedConfig(config: string | false | undefined): string | undefined {
  if (config === undefined || config === false) return undefined;
  check(isText(config) && config !== '', 'config', config, 'the path of a directory, or false');
  return resolve(config);
}

/** Throws PluginError OPTIONS_INVALID, naming the option. */
export function checkedPorts(
  ports: Readonly<Record<string, number>> | undefined,
  instances: number,
): Readonly<Record<string, number>> {
  if (ports === undefined) return {};
  checkGroup('ports', ports, 'an object of names and ports');
  const entries = Object.entries(ports);
  check(entries.length <= mostPorts, 'ports', ports, `at most ${mostPorts} ports`);
  for (const [name, port] of entries) {
    const good = /^[A-Za-z][A-Za-z0-9_]{0,31}$/.test(name);
    check(good, 'ports', name, 'named with at most 32 letters, digits and _, the first a letter');
    const number = Number.isInteger(port) && port >= 0 && port < 65_536;
    check(number, `ports.${name}`, port, 'a port from 1 to 65535, or 0 for one that the host picks');
  }
  const names = entries.map(([name]) => name.toUpperCase());
  check(new Set(names).size === names.length, 'ports', ports, 'named so that capitals make no difference');
  const numbers = entries.flatMap(([, port]) => (port === 0 ? [] : [port]));
  check(new Set(numbers).size === numbers.length, 'ports', ports, 'different ports');
  const alone = entries.length === 0 || instances === 1;
  check(alone, 'instances', instances, '1 where ports are given: one process at a time can listen there');
  return { ...ports };
}

/**
 * Whether two processes of a plugin can't run at the same time, whatever it says of itself: both would listen on its ports
 * from their start on. It is upgraded by `recreate`.
 */
export function runsAlone({ ports }: { readonly ports: Readonly<Record<string, number>> }): boolean {
  return Object.keys(ports).length > 0;
}
