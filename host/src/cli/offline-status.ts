import { join, resolve } from 'node:path';
import { PluginError } from '@plugd/protocol/plugin-error';
import { connectAdmin } from '../admin/admin-client';
import { daemonPlaces } from '../config/places';
import { findConfig, readConfig } from '../config/read-config';
import { readOperations } from '../journal/read-operations';
import { type OperationStory, storyOf } from '../operation-story';
import { Pins } from '../watch/pins';
import type { CliContext, Printout } from './context';
import { versionsOf } from './operation/picture';
import { spokenMs } from './operation/spoken-ms';
import { age } from './output/age';
import type { Paint } from './output/colour';
import { type Column, renderFields, renderTable } from './output/table';
import { visible } from './output/visible';

export interface OfflineOptions {
  /** Undefined: that of the config, or the user's own. */
  readonly stateDir: string | undefined;
  /** Undefined: all. */
  readonly plugin: string | undefined;
}

interface Kept {
  readonly stateDir: string;
  readonly socket: string;
  /** The process of the daemon, where one runs all the same. */
  readonly runs: number | undefined;
  readonly damage: string | undefined;
  readonly pins: ReadonlyMap<string, string>;
  /** The latest first. */
  readonly operations: readonly OperationStory[];
}

/** How many that have ended are shown to people. */
const mostEnded = 20;

/**
 * What a daemon has left in its state directory: operations without an end, what its next start does about them, and how the latest
 * ones ended. Reads files alone, so that a daemon that runs is not disturbed.
 *
 * @throws PluginError STATE_DIR_UNUSABLE where there is nothing, STATE_FORMAT_NEWER
 */
export async function offlineStatus(context: CliContext, options: OfflineOptions): Promise<Printout> {
  const kept = await readKept(context, options);
  const { operations, pins, ...about } = kept;
  if (kept.runs !== undefined) {
    context.note(
      `A daemon runs (process ${kept.runs}): plugd status asks it. What its journal says here may be old when it is read.`,
    );
  }
  const unfinished = operations.filter(({ outcome }) => outcome === 'unfinished');
  return {
    text: () => asText(kept, unfinished, context),
    name: kept.stateDir,
    document: {
      ...about,
      runs: about.runs ?? null,
      damage: about.damage ?? null,
      pins: Object.fromEntries(pins),
      unfinished: unfinished.map(storyDocument),
      operations: operations.map(storyDocument),
    },
  };
}

async function readKept(
  { options, env, cwd }: CliContext,
  { stateDir: named, plugin }: OfflineOptions,
): Promise<Kept> {
  const configFile = await findConfig({ given: options.config, env, cwd });
  const config = configFile === undefined ? undefined : await readConfig(configFile);
  const places = daemonPlaces({ env, cwd, config, configFile, socket: options.socket });
  const stateDir = named === undefined ? places.stateDir : resolve(cwd, named);
  const journal = await readOperations(join(stateDir, 'journal'));
  if (journal === undefined) {
    throw new PluginError('STATE_DIR_UNUSABLE', `No daemon has kept anything in ${stateDir}.`, {
      facts: { path: stateDir },
      hint: 'Name the config of the daemon with --config, or its directory with --state-dir.',
    });
  }
  const pins = await Pins.open(join(stateDir, 'pins.json'));
  return {
    stateDir,
    socket: places.socket,
    runs: await daemonOf(stateDir, places.socket),
    damage: journal.damage,
    pins: pins.versions,
    operations: journal.operations
      .map(storyOf)
      .filter((story) => plugin === undefined || story.plugin === plugin)
      .reverse(),
  };
}

/** The process of the daemon that uses the directory, if it answers. */
async function daemonOf(stateDir: string, socket: string): Promise<number | undefined> {
  try {
    const client = await connectAdmin(socket, { timeoutMs: 2_000, program: 'plugd' });
    client.close();
    return client.daemon.stateDir === stateDir ? client.daemon.pid : undefined;
  } catch {
    return undefined;
  }
}

function asText(
  { stateDir, socket, runs, damage, pins, operations }: Kept,
  unfinished: readonly OperationStory[],
  { paint, width }: CliContext,
): string {
  const now = Date.now();
  const ended = operations.filter(({ outcome }) => outcome !== 'unfinished').slice(0, mostEnded);
  const pinned = [...pins].map(([name, version]) => `${name} ${version}`).join(', ');
  const table = { paint, ...(width === undefined ? {} : { width }) };
  return [
    renderFields(
      [
        ['Daemon', runs === undefined ? `none answers at ${socket}` : `process ${runs}`],
        ['State', stateDir],
        ['Pinned', pinned],
        ...(damage === undefined ? [] : [['Journal', `damaged: ${damage}`, 'red'] as const]),
      ],
      { paint },
    ),
    unfinished.length === 0 ? 'No operation was left in the middle.\n' : '',
    ...unfinished.map((story) => storyText(story, now, { paint, runs: runs !== undefined })),
    ended.length === 0 ? '' : renderTable(columns(now), ended, table),
  ]
    .filter((part) => part !== '')
    .join('\n');
}

function storyText(
  story: OperationStory,
  now: number,
  { paint, runs }: { readonly paint: Paint; readonly runs: boolean },
): string {
  const { plugin, operation, strategy, steps, beganAt, intact } = story;
  const last = steps.at(-1);
  const why = runs ? 'it is under way' : 'its daemon was killed in the middle of it';
  const lines = [
    paint('bold', `${visible(plugin)}: ${operation} ${versionsOf(story)}`),
    `  Began ${age(now - beganAt)} ago, by ${strategy}; ${why}.`,
    `  It had begun: ${steps.map(({ step, undo }) => visible(undo ? `undo by ${step}` : step)).join(', ') || 'nothing'}`,
    ...(last === undefined || last.does === '' ? [] : [`  The last of it: ${last.does}`]),
    ...(intact ? [] : ['  The journal was damaged: it may have gone further than that.']),
    ...(runs ? [] : [`  ${nextText(story)}`]),
  ];
  return `${lines.join('\n')}\n`;
}

function nextText({ next }: OperationStory): string {
  if (next === undefined) return '';
  const version = next.version === '' ? 'the version that ran' : visible(next.version);
  return next.does === 'finish'
    ? `The next start of the daemon finishes it: ${version} is to serve.`
    : `The next start of the daemon undoes it: ${version} serves again.`;
}

function columns(now: number): Column<OperationStory>[] {
  return [
    { header: 'PLUGIN', text: ({ plugin }) => plugin },
    { header: 'OPERATION', text: ({ operation }) => operation },
    { header: 'FROM', text: ({ fromVersion }) => fromVersion },
    { header: 'TO', text: ({ toVersion }) => toVersion },
    { header: 'STRATEGY', text: ({ strategy }) => strategy },
    { header: 'BEGAN', text: ({ beganAt }) => `${age(now - beganAt)} ago` },
    { header: 'TOOK', text: ({ beganAt, endedAt }) => spokenMs(Math.max(0, endedAt - beganAt)), right: true },
    {
      header: 'OUTCOME',
      text: outcomeText,
      colour: ({ outcome }) => (outcome === 'down' ? 'red' : undefined),
    },
  ];
}

/** Its daemon was killed, and the next one came to this. */
function outcomeText({ outcome, recovered }: OperationStory): string {
  return recovered ? `${outcome} after a kill` : outcome;
}

function storyDocument(story: OperationStory) {
  const { fromVersion, toVersion, endedAt, next, ...rest } = story;
  return {
    ...rest,
    fromVersion: fromVersion || null,
    toVersion: toVersion || null,
    endedAt: endedAt || null,
    next: next ?? null,
  };
}
