import { readdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { PluginError } from '@plugd/protocol/plugin-error';
import { examine } from '../artifact/command';
import type { Executable } from '../artifact/executable';
import { checkRunnable } from '../artifact/runnable';
import { nearWord } from '../manifest/near-word';
import { blockedAt, currentUser, rightsOf } from './access';
import type { CheckName } from './checks';
import type { Findings } from './finding';
import { type MissingLibrary, searchLibraries } from './missing-libraries';

export interface ProgramOptions {
  /** What the program will get. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What messages call the file, where this is a copy. */
  readonly shown?: string;
}

/**
 * Looks at a file that is to be run, as far as can be told without running it. The libraries that it lacks are the result: what only
 * looks like a lack, a start may show.
 */
export async function examineProgram(
  findings: Findings,
  path: string,
  { env, shown = path }: ProgramOptions,
): Promise<readonly MissingLibrary[]> {
  if (!checkEntry(findings, path, shown)) return [];
  let file: Executable;
  try {
    file = await checkRunnable(path, { env });
  } catch (error) {
    if (!(error instanceof PluginError)) throw error;
    findings.error(formatCheck(error), renamed(error, path, shown));
    return [];
  }
  // The rights of a copy are not those that anybody gave the file.
  findings.ok('permission', `${currentUser()} may run it${shown === path ? ` (${file.mode})` : ''}.`);
  if (file.kind === 'script') {
    findings.ok(
      'interpreter',
      `It is a script for ${[file.interpreter, file.interpreterArgument].join(' ').trim()}.`,
    );
    return [];
  }
  if (file.kind === 'unknown') return [];
  findings.ok(
    'architecture',
    `It is built for ${file.architectures.join(', ')}, as this machine is (${process.arch}).`,
  );
  if (file.kind !== 'elf') return [];
  const search = searchLibraries(path, env);
  if (search === undefined) return [];
  if (search.missing.length === 0)
    findings.ok(
      'libraries',
      search.isStatic ? 'It needs none: it is linked statically.' : `All ${search.found.size} are there.`,
    );
  return search.missing.map((one) => ({
    ...one,
    neededBy: one.neededBy.replace(dirname(path), () => dirname(shown)),
  }));
}

function checkEntry(findings: Findings, path: string, shown: string): boolean {
  const found = examine(path);
  if (found === 'runnable') {
    findings.ok('entry file', `${shown} is there.`);
    return true;
  }
  const blocked = blockedAt(path);
  if (blocked !== undefined) {
    findings.fail(
      'permission',
      `${currentUser()} may not go through ${blocked} (${rightsOf(blocked)}) to ${shown}.`,
      `Let the user that runs plugins come through: chmod o+x ${blocked}, or put the plugin elsewhere.`,
    );
  } else if (found === 'absent') {
    const near = nearWord(basename(path), namesIn(dirname(path)));
    findings.fail(
      'entry file',
      `There is no file ${shown}.`,
      near === undefined
        ? 'Put the executable there, or correct the command that names it.'
        : `Did you mean ${near}, which lies beside it? Rename it, or correct the command that names it.`,
    );
  } else if (found === 'directory') {
    findings.fail('entry file', `${shown} is a directory.`, 'Give the executable inside the directory.');
  } else {
    findings.fail(
      'permission',
      `${currentUser()} may not execute ${shown} (${rightsOf(path)}).`,
      `chmod +x ${shown}; if it belongs to somebody else, chown it too.`,
    );
  }
  return false;
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function formatCheck({ code, summary }: PluginError): CheckName {
  if (code === 'WRONG_ARCHITECTURE') return 'architecture';
  if (code === 'COMMAND_NOT_EXECUTABLE') return 'permission';
  if (/its interpreter|its first line/.test(summary)) return 'interpreter';
  return /the loader/.test(summary) ? 'loader' : 'format';
}

function renamed(error: PluginError, path: string, shown: string): PluginError {
  return new PluginError(error.code, error.summary.replaceAll(path, shown), {
    hint: error.hint,
    ...(error.cause === undefined ? {} : { cause: error.cause }),
  });
}

/** `started`: it ran all the same, or undefined where that was not tried. */
export function tellMissing(
  findings: Findings,
  missing: readonly MissingLibrary[],
  started: boolean | undefined,
): void {
  for (const { name, neededBy, found, lacks } of missing) {
    const seen =
      found === undefined || lacks === undefined
        ? `${name}, which ${neededBy} needs, is in no place where the loader looks.`
        : `${found} lacks ${lacks.join(', ')}, which ${neededBy} needs.`;
    const fix =
      lacks === undefined
        ? `Install the package that has ${name} (apt-file search ${name}, dnf provides '*/${name}'), put it beside the plugin with a RUNPATH of $ORIGIN, or link statically.`
        : `Build the plugin on a system as old as this one, link it statically, or bring this system's ${name} up to date.`;
    if (started === true) findings.warn('libraries', `${seen} It started all the same.`, fix);
    else findings.fail('libraries', seen, fix);
  }
}
