import type { Command } from 'commander';
import type { CliContext } from './context';
import { ownVersion } from './own-version';

/** `plugd version`. */
export function defineVersion(program: Command, context: CliContext): void {
  program
    .command('version')
    .summary('prints the version')
    .action(() => {
      const version = ownVersion();
      context.printOne({ text: () => `${version}\n`, name: version, document: { version } });
    });
}
