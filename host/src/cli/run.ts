import { CommanderError } from 'commander';
import { CliContext } from './context';
import { type ExitCode, exitCodeOf, exitCodes } from './exit-code';
import { mindOutput } from './lost-output';
import { createProgram } from './program';
import { reportError } from './report-error';
import type { Surroundings } from './surroundings';

/** Runs a command line and returns the exit code. Results go to stdout, all else to stderr. */
export async function run(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const context = new CliContext(surroundings);
  const whenWritten = mindOutput(context, surroundings);
  return whenWritten(await runVerb(args, context));
}

async function runVerb(args: readonly string[], context: CliContext): Promise<ExitCode> {
  try {
    await createProgram(context).parseAsync(args, { from: 'user' });
    return context.exitCode;
  } catch (error) {
    // Commander has written already what there is to say: help that was asked for, or what is wrong.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    // What it was interrupted in has failed for that reason alone.
    if (context.interrupted) return context.exitCode;
    if (!reportError(error, context)) throw error;
    return exitCodeOf(error);
  } finally {
    await context.close();
  }
}
