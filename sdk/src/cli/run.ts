import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { build } from './build';
import { CommandError } from './command-error';
import { parseCommandLine } from './command-line';
import { USAGE } from './usage';
import type { WrittenFile } from './written-file';

/** What of a process the command uses. */
export interface Surroundings {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  readonly platform: NodeJS.Platform;
  cwd(): string;
}

/** Runs a command line and returns the exit code. Results go to stdout, all else to stderr. */
export async function run(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const { stdout, stderr, platform } = surroundings;
  const cwd = surroundings.cwd();
  try {
    const command = parseCommandLine(args, cwd, platform);
    if (command.kind === 'help') stdout.write(USAGE);
    else if (command.kind === 'version') stdout.write(`${ownVersion()}\n`);
    else {
      const files = await build(command.options, (text) => stderr.write(`${text}\n`));
      stdout.write(files.map((file) => report(file, cwd)).join(''));
    }
    return 0;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    stderr.write(`plugd-sdk: ${error.message}\n`);
    return error.exitCode;
  }
}

function report({ path, size, sha256 }: WrittenFile, cwd: string): string {
  const short = relative(cwd, path);
  return `${short.startsWith('..') ? path : short}\n  size    ${size}\n  sha256  ${sha256}\n`;
}

function ownVersion(): string {
  const { version } = JSON.parse(readFileSync(join(__dirname, '../../package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}
