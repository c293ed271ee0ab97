import { Argument, type Command } from 'commander';
import { connectAdmin } from '../admin/admin-client';
import { bashScript } from './completion/bash-script';
import { complete } from './completion/complete';
import { daemonNames } from './completion/names';
import type { CliContext } from './context';

/** A daemon that takes longer is no help to who has pressed a key. */
const patienceMs = 1_000;

/** `plugd completion`, and what the script that it prints asks. */
export function defineCompletion(program: Command, context: CliContext): void {
  program
    .command('completion')
    .summary('prints what lets a shell complete verbs, options, plugins and versions')
    .description(
      'Prints what lets a shell complete verbs, options, plugins, versions and methods. For bash, in ~/.bashrc:\n\n  source <(plugd completion bash)',
    )
    .addArgument(new Argument('<shell>', 'which one').choices(['bash']))
    .action(() => {
      context.stdout.write(bashScript);
    });

  program.command('__complete [words...]', { hidden: true }).action(async (words: string[]) => {
    // What was typed before the cursor says where the daemon is.
    context.use(context.verb, {
      ...context.options,
      socket: typedValue('--socket', words),
      config: typedValue('--config', words),
    });
    const connect = async () =>
      connectAdmin(await context.socket(), { timeoutMs: patienceMs, program: 'plugd' });
    const clients = new Set<{ close(): void }>();
    const names = daemonNames(async () => {
      const client = await connect();
      clients.add(client);
      return client;
    });
    try {
      const found = await complete(program, words, names);
      context.stdout.write(`${[found.files ? 'files' : 'words', ...found.words].join('\n')}\n`);
    } finally {
      for (const client of clients) client.close();
    }
  });
}

function typedValue(option: string, words: readonly string[]): string | undefined {
  const at = words.lastIndexOf(option);
  const value = at < 0 ? undefined : words[words[at + 1] === '=' ? at + 2 : at + 1];
  return value === '' ? undefined : value;
}
