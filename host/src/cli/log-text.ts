import type { LogEntry } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import type { Colour, Paint } from './output/colour';
import { visible } from './output/visible';

const levelColours: Readonly<Record<string, Colour>> = {
  trace: 'dim',
  debug: 'dim',
  info: 'cyan',
  warn: 'yellow',
  error: 'red',
};

/** A record as one line, for people: time, level, plugin with version and instance, message, fields. */
export function logText(entry: LogEntry, paint: Paint): string {
  const { time, level, message, fields } = entry;
  const rest = Object.entries(fields ?? {}).map(([name, value]) => ` ${visible(name)}=${fieldText(value)}`);
  return [
    paint('dim', new Date(time).toISOString()),
    paint(levelColours[level], visible(level.toUpperCase()).padEnd(5)),
    paint('bold', visible(originOf(entry))),
    `${visible(message)}${paint('dim', rest.join(''))}`,
  ].join('  ');
}

/** `kv@1.2.0 kv-3`: which instance of a plugin it is from. */
function originOf({ plugin, version, instance }: LogEntry): string {
  if (plugin === '') return 'plugd';
  const name = version === '' ? plugin : `${plugin}@${version}`;
  return instance === '' ? name : `${name} ${instance}`;
}

/** What holds spaces is quoted, so that fields can be told apart. */
function fieldText(value: unknown): string {
  if (typeof value !== 'string') return visible(JSON.stringify(value) ?? '');
  return visible(value === '' || /[\s"=]/.test(value) ? JSON.stringify(value) : value);
}

/** A record for scripts. */
export function logDocument({ plugin, version, generation, instance, fields, ...rest }: LogEntry) {
  return {
    ...rest,
    plugin: plugin === '' ? null : plugin,
    version: version === '' ? null : version,
    generation: generation === 0 ? null : generation,
    instance: instance === '' ? null : instance,
    fields: fields ?? {},
  };
}
