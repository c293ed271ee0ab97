import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PluginError } from '@plugd/protocol/plugin-error';
import { parseCommandLine } from './command-line';
import { runConform } from './conform-command';
import type { Surroundings } from './run-surroundings';
import { USAGE } from './usage';
import { UsageError } from './usage-error';

/** Runs a command line and returns the exit code. Results go to stdout, all else to stderr. */
export async function run(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const { stdout, stderr } = surroundings;
  try {
    const command = parseCommandLine(args);
    if (command.kind === 'conform') return await runConform(command, surroundings);
    stdout.write(command.kind === 'help' ? USAGE : `${ownVersion()}\n`);
    return 0;
  } catch (error) {
    if (error instanceof UsageError) stderr.write(`plugd: ${error.message}\nplugd --help tells more.\n`);
    // The plugin can't be started, or nothing can be started here.
    else if (error instanceof PluginError) stderr.write(`plugd: ${error.message}\n`);
    else throw error;
    return 2;
  }
}

function ownVersion(): string {
  const { version } = JSON.parse(readFileSync(join(__dirname, '../../package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}
