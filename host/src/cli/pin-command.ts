import type { VersionOnDisk } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { Command } from 'commander';
import type { CliContext } from './context';

/** `plugd pin`: holds a plugin at a version. */
export function definePin(program: Command, context: CliContext): void {
  program
    .command('pin <plugin> <version>')
    .summary('holds a plugin at a version on disk')
    .description(
      'Holds a plugin at a version on disk: it is run, if it does not run already, and newer ones are left alone until the plugin is unpinned.',
    )
    .action(async (plugin: string, version: string) => {
      const client = await context.client();
      // The library holds a plugin at a version that is still to come; from somebody who types, it is a slip.
      const { versions } = await client.describePlugin({ plugin }, context.callOptions);
      if (!versions.some((one) => one.version === version)) throw notOnDisk(plugin, version, versions);
      await client.pinPlugin({ plugin, version }, context.callOptions);
      context.printDone(`${plugin} is pinned at ${version}.`, plugin, { plugin, pinnedVersion: version });
    });
}

function notOnDisk(plugin: string, version: string, versions: readonly VersionOnDisk[]): PluginError {
  return new PluginError('VERSION_NOT_FOUND', `Version ${version} of plugin ${plugin} is not on disk.`, {
    facts: { plugin, version, onDisk: versions.map((one) => one.version) },
  });
}
