import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { confirm } from './confirm';
import type { CliContext } from './context';
import { exitCodes } from './exit-code';
import { runOperation } from './operation/run-operation';
import { addShiftFlags, type ShiftFlags, shiftOptions } from './operation/shift-flags';
import { UsageError } from './usage-error';

interface UpgradeFlags extends ShiftFlags {
  readonly wait: boolean;
  readonly yes?: boolean;
}

/** `plugd upgrade`: another version takes the place of the one that runs. */
export function defineUpgrade(program: Command, context: CliContext): void {
  const verb = program
    .command('upgrade')
    .summary('lets another version take the place of the one that runs')
    .description(
      'Starts another version beside the one that runs, proves it, lets new calls go to it, and stops the old one when its calls have ended. If anything goes wrong before that, the old one serves on: the exit code is 4, or 1 where it is refused before it begins.',
    )
    .argument('<plugin>', 'its name')
    .argument('<target>', "a version in the plugins' directory, or the path of an artifact's directory")
    .option('--wait', 'waits until it has ended', true)
    .option('--no-wait', 'ends as soon as it has begun')
    .option('-y, --yes', 'does not ask')
    .addHelpText('after', examples);
  addShiftFlags(verb).action(async (plugin: string, target: string, flags: UpgradeFlags) => {
    const options = shiftOptions(flags);
    const place = await targetOf(target, context.cwd);
    const question = `Upgrade ${plugin} to ${target} even if that breaks its contract with its callers?`;
    if (flags.force === true && !(await confirm(context, question, flags.yes === true)))
      return context.exitWith(exitCodes.failed);
    await runOperation(context, {
      plugin,
      operation: 'upgrade',
      target: place,
      options: { ...options },
      wait: flags.wait,
    });
  });
}

const examples = `
Waits until the upgrade has ended, and shows how it goes; --timeout limits the waiting, not the upgrade.

Examples:
  plugd upgrade kv 2.0.0
  plugd upgrade kv 2.0.0 --strategy canary --step 5,25,100 --bake 1m
  plugd upgrade kv ./build/kv --dry-run`;

/** A version stays as it is; a path becomes absolute, for the daemon has another working directory. */
async function targetOf(target: string, cwd: string): Promise<string> {
  const isPath = /[/\\]/.test(target) || target === '.' || target === '..';
  if (!isPath) return target;
  const path = resolve(cwd, target);
  const about = await stat(path).catch(() => undefined);
  if (about === undefined) throw new UsageError(`There is no directory ${path}.`);
  if (!about.isDirectory()) throw new UsageError(`${path} is not the directory of an artifact, but a file.`);
  return path;
}
