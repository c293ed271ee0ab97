import { type Command, Option } from 'commander';
import type { CliContext } from './context';
import { runOperation } from './operation/run-operation';

interface RestartFlags {
  readonly wait: boolean;
  readonly ifBusy: 'wait' | 'fail';
}

/** `plugd restart`: the same version in new processes. */
export function defineRestart(program: Command, context: CliContext): void {
  program
    .command('restart')
    .summary('lets the same version run in new processes')
    .description(
      'Starts the version that runs in new processes, lets new calls go to them, and stops the old ones when their calls have ended: no call fails.',
    )
    .argument('<plugin>', 'its name')
    .option('--wait', 'waits until it has ended', true)
    .option('--no-wait', 'ends as soon as it has begun')
    .addOption(
      new Option('--if-busy <what>', 'where another operation is under way')
        .choices(['wait', 'fail'])
        .default('wait'),
    )
    .action(async (plugin: string, { wait, ifBusy }: RestartFlags) => {
      await runOperation(context, { plugin, operation: 'restart', options: { ifBusy }, wait });
    });
}
