import type { DescribePluginResponse, PluginRow } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import type { CliContext, Printout } from './context';
import { operationDocument, pluginDocument, versionDocument } from './documents';
import { missingPlugin } from './missing-plugin';
import { age } from './output/age';
import { type Colour, type Paint, stateColour } from './output/colour';
import { renderFields } from './output/table';
import { instancesTable, operationsTable, versionsTable } from './plugin-tables';

/** How many of its latest operations a plugin's status shows. */
const fewOperations = 3;

/** How a plugin is, in short. @throws PluginError if there is none of that name. */
export async function pluginStatus(plugin: string, context: CliContext): Promise<Printout> {
  const client = await context.client();
  const answer = await client.describePlugin({ plugin }, context.callOptions);
  const { row, versions, operations, snapshot } = answer;
  if (row === undefined) throw missingPlugin(plugin);
  return {
    name: row.name,
    document: {
      ...pluginDocument(row),
      snapshot: snapshot ?? null,
      versions: versions.map(versionDocument),
      operations: operations.slice(0, fewOperations).map(operationDocument),
    },
    text: () => asText(row, answer, context.paint),
  };
}

/** The head of what is said of a plugin. */
export function pluginFields(
  row: PluginRow,
  now: number,
): [name: string, value: string | number, colour?: Colour | undefined][] {
  const {
    name,
    state,
    runningVersion,
    diskVersion,
    pinnedVersion,
    generation,
    source,
    operation,
    problem,
    note,
  } = row;
  return [
    ['Name', name],
    ['State', state, stateColour(state)],
    ['Version', runningVersion],
    ['On disk', diskVersion],
    ['Pinned at', pinnedVersion],
    ['Generation', generation === 0 ? '' : generation],
    ['Serving for', row.since === 0 ? '' : age(now - row.since)],
    ['In flight', row.inFlight],
    ['Restarts', row.restarts],
    ['From', source],
    ['Under way', operation, 'cyan'],
    ['Problem', problem, 'red'],
    ['Note', note],
  ];
}

function asText(
  row: PluginRow,
  { snapshot, versions, operations }: DescribePluginResponse,
  paint: Paint,
): string {
  const now = Date.now();
  // What runs, or was asked for, is said above; of the others only those that can't run are news.
  const troubled = versions.filter(({ problem }) => problem !== '');
  return [
    renderFields(pluginFields(row, now), { paint }),
    instancesTable(snapshot, now, paint),
    versionsTable(troubled, paint),
    operationsTable(operations.slice(0, fewOperations), now, paint),
  ]
    .filter((part) => part !== '')
    .join('\n');
}
