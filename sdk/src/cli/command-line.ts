import { isAbsolute, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { BuildOptions } from './build-options';
import { CommandError } from './command-error';

export type Command =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'build'; readonly options: BuildOptions };

const IDENTIFIERS = /^[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*$/;
/** Linux reads no more of a first line before 5.1, and cuts off the rest without a word. */
const FIRST_LINE_LIMIT = 127;

const options = {
  out: { type: 'string', short: 'o' },
  define: { type: 'string', multiple: true },
  minify: { type: 'boolean' },
  'code-cache': { type: 'boolean' },
  node: { type: 'string' },
  'no-guard': { type: 'boolean' },
  'windows-launcher': { type: 'boolean' },
  binary: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const;

/** @throws CommandError with exit code 2 */
export function parseCommandLine(args: readonly string[], cwd: string, platform: NodeJS.Platform): Command {
  const { values, positionals } = parsed(args);
  if (values.help) return { kind: 'help' };
  if (values.version) return { kind: 'version' };
  const [command, entry, ...more] = positionals;
  if (command === undefined) throw misuse('A command is missing.');
  if (command !== 'build') throw misuse(`There is no command ${command}.`);
  if (entry === undefined) throw misuse('The entry is missing, for example src/main.ts.');
  if (more.length > 0) throw misuse(`There can be one entry only; ${more.join(' ')} is too much.`);
  if (values.out === '') throw misuse('--out needs a path.');
  const binary = values.binary ?? false;
  if (binary && (values.node !== undefined || values['windows-launcher'])) {
    throw misuse('--binary contains Node: --node and --windows-launcher make no sense with it.');
  }
  return {
    kind: 'build',
    options: {
      entry: resolve(cwd, entry),
      output: values.out === undefined ? undefined : resolve(cwd, values.out),
      defines: new Map((values.define ?? []).map(definition)),
      minify: values.minify ?? false,
      codeCache: values['code-cache'] ?? false,
      binary,
      guard: !(values['no-guard'] ?? false),
      windowsLauncher: !binary && (values['windows-launcher'] ?? platform === 'win32'),
      node: values.node === undefined ? undefined : nodePath(values.node, platform),
    },
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw misuse(error instanceof Error ? error.message : String(error));
  }
}

/** Texts only, as Go's linker takes them with -X: no shell eats their quotes, and 1.0 is not taken for a number. */
function definition(text: string): [name: string, value: string] {
  const end = text.indexOf('=');
  const name = text.slice(0, end);
  if (end === -1 || !IDENTIFIERS.test(name)) throw misuse(`--define ${text} is not of the form KEY=TEXT.`);
  return [name, text.slice(end + 1)];
}

function nodePath(path: string, platform: NodeJS.Platform): string {
  if (!isAbsolute(path)) throw misuse(`--node ${path} is no absolute path.`);
  // The system splits the line at blanks and knows no quotes. A launcher for Windows does.
  if (platform !== 'win32' && (/\s/.test(path) || `#!${path}`.length > FIRST_LINE_LIMIT)) {
    throw misuse('--node: no blanks can stand in the first line of a script, and no more than 125 bytes.');
  }
  return path;
}

function misuse(message: string): CommandError {
  return new CommandError(`${message}\nplugd-sdk --help tells more.`, 2);
}
