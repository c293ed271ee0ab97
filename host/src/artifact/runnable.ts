import { PluginError } from '@plugd/protocol/plugin-error';
import { hasBinfmtHandler } from './binfmt';
import { commandCandidates, examine, notExecutable } from './command';
import { elfExtent } from './elf-extent';
import { type Executable, inspectExecutable } from './executable';
import type { ExecutableKind } from './executable-format';

/** The machine that a file is to run on; the defaults are this one. */
export interface Target {
  readonly system?: NodeJS.Platform;
  readonly architecture?: string;
  /** The environment that the program will get: `#!/usr/bin/env name` is looked up in its PATH. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly binfmtDirectory?: string;
}

const formatNames: Record<ExecutableKind, string> = {
  elf: 'an ELF program, as Linux and the BSDs run it',
  macho: 'a Mach-O program, as macOS runs it',
  pe: 'a program for Windows',
  script: 'a script',
  unknown: 'neither a program nor a script with an interpreter',
};

/**
 * Checks, before anything is started, that this machine can run a file. The system's own answers are poor: one and
 * the same "no such file" for a missing file and a missing interpreter, and what is no program at all is fed to
 * /bin/sh by the C library.
 *
 * Throws PluginError COMMAND_NOT_FOUND, COMMAND_IS_DIRECTORY, COMMAND_NOT_EXECUTABLE, COMMAND_UNRUNNABLE,
 * WRONG_ARCHITECTURE.
 */
export async function checkRunnable(path: string, target: Target): Promise<Executable> {
  const system = target.system ?? process.platform;
  switch (examine(path, system === 'win32' ? 'windows' : 'posix')) {
    case 'absent':
      throw new PluginError('COMMAND_NOT_FOUND', `There is no file ${path}.`, { facts: { path } });
    case 'directory':
      throw new PluginError('COMMAND_IS_DIRECTORY', `${path} is a directory.`, { facts: { path } });
    case 'not executable':
      throw notExecutable(path);
    case 'runnable':
  }
  const file = inspectExecutable(path);
  if (file.size > 0 && file.head.length === 0) return file;
  if (file.kind === 'script' && system !== 'win32') {
    checkInterpreter(file, target);
    return file;
  }
  try {
    checkFormat(file, system, target.architecture ?? process.arch);
  } catch (error) {
    // What this machine can't run by itself it may have been taught to.
    if (!(await hasBinfmtHandler(path, file.head, target.binfmtDirectory))) throw error;
  }
  return file;
}

function factsOf(file: Executable): Record<string, unknown> {
  const { path, kind, architectures, mode, owner, group, size, interpreter } = file;
  return { path, kind, architectures, mode, owner, group, size, ...(interpreter ? { interpreter } : {}) };
}

function unrunnable(file: Executable, why: string, hint?: string): PluginError {
  return new PluginError('COMMAND_UNRUNNABLE', `${file.path} can't be run: ${why}.`, {
    facts: factsOf(file),
    ...(hint === undefined ? {} : { hint }),
  });
}

function checkFormat(file: Executable, system: NodeJS.Platform, architecture: string): void {
  const wanted: ExecutableKind = system === 'win32' ? 'pe' : system === 'darwin' ? 'macho' : 'elf';
  if (file.size === 0) throw unrunnable(file, 'it is empty');
  if (file.kind !== wanted) throw unrunnable(file, `it is ${formatNames[file.kind]}`);
  const fits = file.architectures.some((one) => runsOn(one, architecture, system));
  if (!fits)
    throw new PluginError(
      'WRONG_ARCHITECTURE',
      `${file.path} was built for ${file.architectures.join(', ')}, this machine is ${architecture}.`,
      { facts: { ...factsOf(file), hostArchitecture: architecture } },
    );
  const needed = wanted === 'elf' ? elfExtent(file.path, file.head) : 0;
  if (needed > file.size)
    throw unrunnable(
      file,
      `it is cut off: it has ${file.size} bytes, ${needed} are needed`,
      'Copy it again, whole; a download may have broken off.',
    );
  if (wanted === 'elf' && file.interpreter !== undefined && examine(file.interpreter) === 'absent')
    throw unrunnable(
      file,
      `it asks for the loader ${file.interpreter}, which is not on this machine`,
      'Build it for the C library of this system, or statically.',
    );
}

/** Many machines also run the smaller sibling of their architecture, macOS and Windows on ARM emulate x64. */
function runsOn(built: string, machine: string, system: NodeJS.Platform): boolean {
  if (built === machine) return true;
  if (machine === 'x64') return built === 'ia32';
  if (machine !== 'arm64') return false;
  if (system === 'darwin') return built === 'x64';
  if (system === 'win32') return built === 'x64' || built === 'ia32' || built === 'arm';
  return built === 'arm';
}

function checkInterpreter(file: Executable, target: Target): void {
  const interpreter = file.interpreter ?? '';
  if (interpreter === '') throw unrunnable(file, 'its first line (#!) names no interpreter');
  if (examine(interpreter, 'posix') !== 'runnable')
    throw interpreter.endsWith('\r')
      ? unrunnable(
          file,
          `its first line asks for ${JSON.stringify(interpreter)}, with a carriage return in its name`,
          'Save the script with line ends of Unix (LF).',
        )
      : unrunnable(
          file,
          `its interpreter ${interpreter} is missing or not executable`,
          'Install the interpreter, or correct the first line (#!).',
        );
  const program = programOfEnv(interpreter, file.interpreterArgument);
  if (program === undefined) return;
  const places = commandCandidates(program, '/', target.env, 'posix');
  if (!places.some((place) => examine(place, 'posix') === 'runnable'))
    throw unrunnable(
      file,
      `its first line asks for ${JSON.stringify(program)}, which is in no directory of the plugin's PATH`,
      'Install the interpreter, or give the plugin a PATH (env, inheritEnv) that leads to it.',
    );
}

/** The name in `#!/usr/bin/env name` and `#!/usr/bin/env -S name args`; undefined where it isn't that simple. */
function programOfEnv(interpreter: string, argument: string | undefined): string | undefined {
  if (!interpreter.endsWith('/env') || argument === undefined) return undefined;
  const name = /^-S[ \t]*(\S+)/.exec(argument)?.[1] ?? argument;
  return /^[^-=/][^=/]*$/.test(name) ? name : undefined;
}
