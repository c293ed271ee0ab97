import { accessSync, constants, statSync } from 'node:fs';
import { posix, win32 } from 'node:path';
import { PluginError } from '@plugd/protocol/plugin-error';
import { formatMode } from './executable';

export type CommandStyle = 'posix' | 'windows';
type Environment = Readonly<Record<string, string | undefined>>;

const ownStyle: CommandStyle = process.platform === 'win32' ? 'windows' : 'posix';

/**
 * The absolute path of the file that `command` names: a path is taken from `cwd`, a bare name is looked up in the
 * PATH of `env`. No shell is involved, and symbolic links stay as they are (some programs go by their name).
 *
 * Throws PluginError OPTIONS_INVALID, COMMAND_NOT_FOUND, COMMAND_IS_DIRECTORY, COMMAND_NOT_EXECUTABLE.
 */
export function resolveCommand(
  command: string,
  cwd: string,
  env: Environment,
  style: CommandStyle = ownStyle,
): string {
  if (command === '' || command.includes('\0'))
    throw new PluginError('OPTIONS_INVALID', 'The command of a plugin must be a path or a name.', {
      facts: { command },
    });
  const bare = isBareName(command, style);
  const candidates = commandCandidates(command, cwd, env, style);
  let refusal: PluginError | undefined;
  for (const path of candidates) {
    const found = examine(path, style);
    if (found === 'runnable') return path;
    // A search goes on over what can't be run, as a shell's does; a path that was given is what was meant.
    if (found === 'directory' && !bare)
      refusal ??= new PluginError('COMMAND_IS_DIRECTORY', `${path} is a directory.`, { facts: { path } });
    if (found === 'not executable') refusal ??= notExecutable(path);
  }
  if (refusal !== undefined) throw refusal;
  throw new PluginError(
    'COMMAND_NOT_FOUND',
    bare ? `No directory of PATH has a program ${command}.` : `There is no file ${candidates[0]}.`,
    { facts: { command, searched: candidates } },
  );
}

/** The error for a file that this user may not run, or may not even see. */
export function notExecutable(path: string): PluginError {
  return new PluginError('COMMAND_NOT_EXECUTABLE', `This user may not execute ${path}.`, {
    facts: { path, ...permissions(path) },
  });
}

function permissions(path: string): { mode?: string; owner?: number; currentUser?: number } {
  try {
    const { mode, uid } = statSync(path);
    const user = process.getuid?.();
    return { mode: formatMode(mode), owner: uid, ...(user === undefined ? {} : { currentUser: user }) };
  } catch {
    return {};
  }
}

function isBareName(command: string, style: CommandStyle): boolean {
  return style === 'windows' ? !/[\\/:]/.test(command) : !command.includes('/');
}

/** Where a command may lie, in the order of the search. Pure. */
export function commandCandidates(
  command: string,
  cwd: string,
  env: Environment,
  style: CommandStyle,
): string[] {
  const path = style === 'windows' ? win32 : posix;
  if (!isBareName(command, style)) return withExtensions(path.resolve(cwd, command), env, style);
  // Relative and empty entries would make what is run depend on where the host was started.
  return (variable(env, 'PATH', style) ?? '')
    .split(path.delimiter)
    .map((directory) => (style === 'windows' ? directory.replace(/^"(.*)"$/, '$1') : directory))
    .filter((directory) => path.isAbsolute(directory))
    .flatMap((directory) => withExtensions(path.join(directory, command), env, style));
}

function withExtensions(file: string, env: Environment, style: CommandStyle): string[] {
  if (style === 'posix') return [file];
  const extensions = (variable(env, 'PATHEXT', style) || '.COM;.EXE')
    .split(';')
    .map((extension) => extension.trim().toLowerCase())
    .filter((extension) => extension.startsWith('.'));
  if (extensions.includes(win32.extname(file).toLowerCase())) return [file];
  return [...extensions.map((extension) => file + extension), file];
}

/** Windows doesn't distinguish `Path` from `PATH`. */
function variable(env: Environment, name: string, style: CommandStyle): string | undefined {
  if (style === 'posix') return env[name];
  const key = Object.keys(env).find((candidate) => candidate.toUpperCase() === name);
  return key === undefined ? undefined : env[key];
}

/** What stands at a path, from the point of view of one who wants to run it. */
export function examine(
  path: string,
  style: CommandStyle = ownStyle,
): 'runnable' | 'not executable' | 'directory' | 'absent' {
  try {
    const about = statSync(path);
    if (about.isDirectory()) return 'directory';
    if (!about.isFile()) return 'not executable';
    if (style === 'posix') accessSync(path, constants.X_OK);
    return 'runnable';
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    return code === 'EACCES' || code === 'EPERM' ? 'not executable' : 'absent';
  }
}
