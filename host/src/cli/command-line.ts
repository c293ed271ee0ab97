import { parseArgs } from 'node:util';
import { LONGEST_TIMER_MS } from '@plugd/protocol/longest-timer';
import { type Mode, modes } from '../conform/rule';
import { UsageError } from './usage-error';

export interface ConformCommand {
  readonly kind: 'conform';
  /** A path or a name, as it was typed. */
  readonly plugin: string;
  readonly args: readonly string[];
  readonly cookie: readonly [name: string, value: string];
  readonly versions: readonly number[];
  readonly timeoutMs: number;
  /** Undefined: all that the plugin offers. */
  readonly modes: readonly Mode[] | undefined;
  readonly json: boolean;
}

export type Command = { readonly kind: 'help' } | { readonly kind: 'version' } | ConformCommand;

const options = {
  cookie: { type: 'string' },
  versions: { type: 'string' },
  mode: { type: 'string', multiple: true },
  timeout: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const;

/** @throws UsageError */
export function parseCommandLine(args: readonly string[]): Command {
  const { values, positionals } = parsed(args);
  if (values.help) return { kind: 'help' };
  if (values.version) return { kind: 'version' };
  const [command, plugin, ...pluginArgs] = positionals;
  if (command === undefined) throw new UsageError('A command is missing.');
  if (command !== 'conform') throw new UsageError(`There is no command ${command}.`);
  if (plugin === undefined) throw new UsageError('The plugin is missing, for example ./my-plugin.');
  return {
    kind: 'conform',
    plugin,
    args: pluginArgs,
    cookie: cookie(values.cookie),
    versions: versions(values.versions ?? '1'),
    timeoutMs: timeout(values.timeout ?? '10000'),
    modes: values.mode === undefined ? undefined : values.mode.flatMap((text) => text.split(',').map(mode)),
    json: values.json ?? false,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function cookie(text: string | undefined): [string, string] {
  if (text === undefined)
    throw new UsageError('--cookie NAME=VALUE is missing: a plugin starts only with its cookie.');
  const end = text.indexOf('=');
  if (end < 1 || end === text.length - 1)
    throw new UsageError(`--cookie ${text} is not of the form NAME=VALUE.`);
  return [text.slice(0, end), text.slice(end + 1)];
}

function versions(text: string): number[] {
  const list = text.split(',').map((item) => (/^\d{1,9}$/.test(item) ? Number(item) : undefined));
  return list.map((version) => {
    if (version !== undefined) return version;
    throw new UsageError(`--versions ${text} is no list of whole numbers, such as 1,2.`);
  });
}

function timeout(text: string): number {
  const ms = Number(text);
  if (/^\d+$/.test(text) && ms > 0 && ms <= LONGEST_TIMER_MS) return ms;
  throw new UsageError(`--timeout ${text} is no number of milliseconds.`);
}

function mode(text: string): Mode {
  const found = modes.find((one) => one === text);
  if (found !== undefined) return found;
  throw new UsageError(`There is no mode ${text}; there are ${modes.join(', ')}.`);
}
