import type { Command } from 'commander';
import { connectAdmin } from '../admin/admin-client';
import type { CliContext } from './context';
import { renderFields } from './output/table';
import { ownVersion } from './own-version';

/** A daemon that is up answers at once, and nobody waits long for a version. */
const patienceMs = 1_000;

/** `plugd version`: that of the command, and that of the daemon if one answers. */
export function defineVersion(program: Command, context: CliContext): void {
  program
    .command('version')
    .summary('prints the version of the command, and of the daemon if one answers')
    .action(async () => {
      const version = ownVersion();
      const daemon = await daemonVersion(context);
      context.printOne({
        text: () =>
          renderFields([
            ['plugd', version],
            ['daemon', daemon ?? ''],
          ]),
        name: version,
        document: { version, daemonVersion: daemon ?? null },
      });
    });
}

async function daemonVersion(context: CliContext): Promise<string | undefined> {
  try {
    const timeoutMs = Math.min(patienceMs, context.options.timeoutMs ?? patienceMs);
    const client = await connectAdmin(await context.socket(), { timeoutMs, program: 'plugd' });
    client.close();
    return client.daemon.version;
  } catch {
    // No daemon, or none that can be asked: other verbs say why.
    return undefined;
  }
}
