import type { DescribePluginResponse, PluginRow } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import type { Command } from 'commander';
import type { CliContext } from './context';
import { operationDocument, pluginDocument, versionDocument } from './documents';
import { missingPlugin } from './missing-plugin';
import type { Paint } from './output/colour';
import { renderFields } from './output/table';
import { visibleLines } from './output/visible';
import { asYaml } from './output/yaml';
import { numberOf, recordOf, textOf } from './plain-data';
import { pluginFields } from './plugin-status';
import { instancesTable, operationsTable, servicesTable, versionsTable } from './plugin-tables';

/** `plugd describe`: all that is known of a plugin. */
export function defineDescribe(program: Command, context: CliContext): void {
  program
    .command('describe <plugin>')
    .summary('shows all that is known of a plugin')
    .description(
      'Shows all that is known of a plugin: its instances, figures, versions on disk, services and methods, latest operations, and the options that it runs with, without secrets.',
    )
    .action(async (plugin: string) => {
      const client = await context.client();
      const answer = await client.describePlugin({ plugin }, context.callOptions);
      const { row, snapshot, versions, services, operations, options } = answer;
      if (row === undefined) throw missingPlugin(plugin);
      context.printOne({
        name: row.name,
        document: {
          ...pluginDocument(row),
          snapshot: snapshot ?? null,
          versions: versions.map(versionDocument),
          services,
          operations: operations.map(operationDocument),
          options: options ?? null,
        },
        text: () => asText(row, answer, context.paint),
      });
    });
}

function asText(row: PluginRow, answer: DescribePluginResponse, paint: Paint): string {
  const now = Date.now();
  const { snapshot, versions, services, operations, options } = answer;
  return [
    renderFields(pluginFields(row, now), { paint }),
    figures(snapshot, paint),
    instancesTable(snapshot, now, paint),
    versionsTable(versions, paint),
    servicesTable(services, paint),
    operationsTable(operations, now, paint),
    options === undefined ? '' : `${paint('bold', 'Options:')}\n${indented(visibleLines(asYaml(options)))}`,
  ]
    .filter((part) => part !== '')
    .join('\n');
}

/** Whatever the library counts, by its names: a newer daemon may count more. */
function figures(snapshot: unknown, paint: Paint): string {
  const statistics = recordOf(recordOf(snapshot)['statistics']);
  const fields = Object.entries(statistics).flatMap(([group, values]) =>
    Object.entries(recordOf(values)).map(
      ([name, value]) => [`${words(group)}, ${words(name)}`, figureOf(value)] as const,
    ),
  );
  return renderFields(
    fields.filter(([, text]) => text !== '' && text !== '0'),
    { paint },
  );
}

/** A number, or numbers by name: `2 crash, 1 limit`. */
function figureOf(value: unknown): string {
  if (typeof value !== 'object') return textOf(value);
  const parts = Object.entries(recordOf(value)).filter(([, one]) => numberOf(one) !== 0);
  return parts.map(([name, one]) => `${Math.round(numberOf(one) * 10) / 10} ${words(name)}`).join(', ');
}

/** `heldMost` as people write it. */
function words(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).replace(/ ms$/, ' (ms)');
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, '  ');
}
