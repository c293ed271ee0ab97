import type { Command, Option } from 'commander';
import { type ArgumentKind, argumentKinds } from './argument-kinds';

/** What could stand at the cursor. */
export interface Completion {
  /** Whether it could be a file as well: those the shell knows. */
  readonly files: boolean;
  readonly words: readonly string[];
}

/** Names that only a daemon knows, by what is named and the arguments in front of it. What it throws is taken for none. */
export type NameSource = (kind: ArgumentKind, before: readonly string[]) => Promise<readonly string[]>;

const nothing: Completion = { files: false, words: [] };

/**
 * What could stand in the place of the last of these words, which may be empty.
 *
 * @param words what stands behind `plugd`
 */
export async function complete(
  program: Command,
  words: readonly string[],
  names: NameSource,
): Promise<Completion> {
  const typed = joined(words);
  const current = typed.at(-1) ?? '';
  const line = readLine(program, typed.slice(0, -1));
  const found = await candidates(program, line, current, names);
  // A name that a shell would read otherwise would have to be quoted: whoever has such ones types them.
  const fitting = found.words.filter(
    (word) => word.startsWith(partOf(current)) && /^[\w@%+:,./-]+$/.test(word),
  );
  return { files: found.files, words: [...new Set(fitting)] };
}

interface Line {
  readonly verb: Command | undefined;
  /** Without options. */
  readonly args: readonly string[];
  /** One whose value comes next. */
  readonly open: Option | undefined;
  /** Behind `--` all are arguments. */
  readonly rest: boolean;
}

function readLine(program: Command, words: readonly string[]): Line {
  let verb: Command | undefined;
  let open: Option | undefined;
  let rest = false;
  const args: string[] = [];
  for (const word of words) {
    if (open !== undefined) open = undefined;
    else if (rest || !word.startsWith('-')) {
      if (verb !== undefined) args.push(word);
      else verb = verbOf(program, word);
      // Of what stands behind a verb that there is not nothing is known.
      if (verb === undefined) return { verb, args, open, rest: true };
    } else if (word === '--') rest = true;
    else if (!word.includes('=')) {
      const option = optionsOf(verb ?? program).find((one) => one.long === word || one.short === word);
      if (option?.required === true) open = option;
    }
  }
  return { verb, args, open, rest };
}

async function candidates(
  program: Command,
  { verb, args, open, rest }: Line,
  current: string,
  names: NameSource,
): Promise<Completion> {
  if (open !== undefined) return valuesOf(open);
  const equals = /^(--[^=]+)=/.exec(current);
  if (!rest && equals !== null) {
    const option = optionsOf(verb ?? program).find(({ long }) => long === equals[1]);
    return option === undefined ? nothing : valuesOf(option);
  }
  if (!rest && current.startsWith('-')) {
    const longs = optionsOf(verb ?? program).flatMap(({ long }) => long ?? []);
    return { files: false, words: [...longs, '--help'] };
  }
  if (verb === undefined) return rest ? nothing : { files: false, words: verbsOf(program) };
  const choices = verb.registeredArguments[args.length]?.argChoices;
  if (choices !== undefined) return { files: false, words: choices };
  return argument(program, verb, args, names);
}

async function argument(
  program: Command,
  verb: Command,
  args: readonly string[],
  names: NameSource,
): Promise<Completion> {
  const kinds = argumentKinds[verb.name()] ?? [];
  const variadic = verb.registeredArguments.at(-1)?.variadic === true;
  const kind = kinds[args.length] ?? (variadic ? kinds.at(-1) : undefined);
  if (kind === undefined) return nothing;
  if (kind === 'verb') return { files: false, words: verbsOf(program) };
  if (kind === 'file') return { files: true, words: [] };
  const known = await names(kind, args).catch(() => []);
  // What was named already is hardly meant again.
  const left = known.filter((name) => kind === 'method' || !args.includes(name));
  return { files: kind.endsWith('or file'), words: left };
}

/** A shell takes `--output=js` apart at the sign. */
function joined(words: readonly string[]): string[] {
  const whole: string[] = [];
  for (const word of words) {
    const before = whole.at(-1);
    if (before !== undefined && /^--[^=]+=?$/.test(before) && (word === '=' || before.endsWith('=')))
      whole[whole.length - 1] = `${before}${word}`;
    else whole.push(word);
  }
  return whole;
}

/** Of `--output=js` the shell completes what stands behind the sign. */
function partOf(current: string): string {
  return current.replace(/^--[^=]+=/, '');
}

const fileOptions = ['--socket', '--config', '--descriptors'];

function valuesOf({ argChoices, long }: Option): Completion {
  return { files: fileOptions.includes(long ?? ''), words: argChoices ?? [] };
}

function optionsOf(command: Command): readonly Option[] {
  return command.options;
}

function verbOf(program: Command, name: string): Command | undefined {
  return visibleCommands(program).find((one) => one.name() === name);
}

function verbsOf(program: Command): string[] {
  return visibleCommands(program).map((one) => one.name());
}

/** With `help`, which is not among the commands. */
function visibleCommands(program: Command): Command[] {
  return program.createHelp().visibleCommands(program);
}
