import { type Command, Option } from 'commander';
import { waitOption } from './duration';

export const outputs = ['table', 'json', 'yaml', 'name'] as const;

/** How results are written: for people, for scripts, or only the names of things, one in each line. */
export type Output = (typeof outputs)[number];

/** What every verb that speaks with a daemon takes, before its name or behind it. */
export interface CommonOptions {
  readonly socket: string | undefined;
  readonly config: string | undefined;
  readonly output: Output;
  readonly quiet: boolean;
  readonly color: boolean;
  /** In milliseconds; undefined: as long as it takes. */
  readonly timeoutMs: number | undefined;
}

export const defaultOptions: CommonOptions = {
  socket: undefined,
  config: undefined,
  output: 'table',
  quiet: false,
  color: true,
  timeoutMs: undefined,
};

/** Those that the command has already under the same name stay its own. */
export function addCommonOptions(command: Command, { hidden = false } = {}): void {
  const own = new Set(command.options.map(({ long }) => long));
  for (const option of commonOptions()) if (!own.has(option.long)) command.addOption(option.hideHelp(hidden));
  if (!hidden) command.addHelpOption(new Option('-h, --help', 'prints this').helpGroup(commonGroup));
}

const commonGroup = 'Options of all verbs:';

function commonOptions(): Option[] {
  return [
    new Option('-o, --output <form>', 'how results are written').choices(outputs),
    new Option('--json', 'the same as -o json'),
    new Option('-q, --quiet', 'says nothing of what was done'),
    new Option('--no-color', 'no colours, as with NO_COLOR'),
    new Option(
      '--socket <path>',
      "the daemon's socket; default: PLUGD_SOCKET, the config's, or the user's own",
    ),
    new Option(
      '--config <file>',
      'the config that says where the daemon is; default: PLUGD_CONFIG, ./plugd.yaml',
    ),
    new Option('--timeout <time>', 'gives up waiting after so long, such as 30s').argParser(waitOption),
  ].map((option) => option.helpGroup(commonGroup));
}

/** What was typed, nearest first: an option behind the verb counts more than one before it. */
export function readCommonOptions(command: Command): CommonOptions {
  const typed = [command.opts(), command.parent?.opts() ?? {}];
  const value = (name: string): unknown => typed.find((one) => one[name] !== undefined)?.[name];
  const text = (name: string) => {
    const found = value(name);
    return typeof found === 'string' ? found : undefined;
  };
  const timeoutMs = value('timeout');
  const form = text('output');
  return {
    socket: text('socket'),
    config: text('config'),
    output: value('json') === true ? 'json' : (outputs.find((one) => one === form) ?? 'table'),
    quiet: value('quiet') === true,
    color: typed.every((one) => one['color'] !== false),
    timeoutMs: typeof timeoutMs === 'number' ? timeoutMs : undefined,
  };
}
