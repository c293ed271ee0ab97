import { join } from 'node:path';
import type { OperationRow } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import { readOperations } from '../journal/read-operations';
import { type OperationStory, storyOf } from '../operation-story';

/**
 * The operations on a plugin that were begun by daemons before this one, the latest first: what one left in the middle that was killed,
 * and how that has ended since.
 *
 * @param before when this daemon began, in milliseconds since the epoch
 */
export async function earlierOperations(
  stateDir: string,
  plugin: string,
  before: number,
): Promise<OperationRow[]> {
  try {
    const { operations = [] } = (await readOperations(join(stateDir, 'journal'))) ?? {};
    const earlier = operations.filter(({ head, beganAt }) => head.plugin === plugin && beganAt < before);
    return earlier.map((found) => rowOf(storyOf(found))).reverse();
  } catch {
    // What can't be read is told of where the journal is opened; all else that is known of the plugin is told all the same.
    return [];
  }
}

function rowOf(story: OperationStory): OperationRow {
  const { id, plugin, operation, fromVersion, toVersion, beganAt: startedAt, endedAt, outcome } = story;
  const good = outcome === 'swapped' || outcome === 'verified';
  return {
    id,
    plugin,
    operation,
    fromVersion,
    toVersion,
    startedAt,
    endedAt,
    outcome: good ? outcome : 'failed',
    code: '',
    message: messageOf(story),
  };
}

function messageOf({ outcome, recovered, steps, fromVersion, toVersion }: OperationStory): string {
  const last = steps.at(-1)?.step;
  const killed = `Its daemon was killed${last === undefined ? ' before its first step' : ` at ${last}`}`;
  switch (outcome) {
    case 'unfinished':
      return `${killed}; the plugin was not loaded since.`;
    case 'swapped':
      return recovered ? `${killed}; the next one finished it: ${toVersion} took over.` : '';
    case 'undone':
      return recovered
        ? `${killed}; the next one undid it: ${fromVersion} served again.`
        : `It was undone at ${last}.`;
    case 'down':
      return recovered ? `${killed}; neither version could be started then.` : 'Neither version served then.';
    case 'overtaken':
      return `${killed}; the next one started what was to run then.`;
    default:
      return '';
  }
}
