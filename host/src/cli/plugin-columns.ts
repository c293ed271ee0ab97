import type { PluginRow } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import { age } from './output/age';
import { stateColour } from './output/colour';
import type { Column } from './output/table';

/** What lists show of a plugin. */
export function pluginColumns(now: number): Column<PluginRow>[] {
  return [
    { header: 'NAME', text: ({ name }) => name },
    { header: 'STATE', text: ({ state }) => state, colour: ({ state }) => stateColour(state) },
    { header: 'RUNNING', text: ({ runningVersion }) => runningVersion },
    {
      header: 'ON DISK',
      text: ({ diskVersion }) => diskVersion,
      // What will run next, or what doesn't although it should.
      colour: ({ runningVersion, diskVersion }) =>
        diskVersion !== '' && diskVersion !== runningVersion ? 'yellow' : undefined,
    },
    { header: 'PINNED', text: ({ pinnedVersion }) => pinnedVersion },
    { header: 'INSTANCES', text: ({ instances }) => instances, right: true, spare: true },
    { header: 'IN FLIGHT', text: ({ inFlight }) => inFlight, right: true, spare: true },
    { header: 'RESTARTS', text: ({ restarts }) => restarts, right: true, spare: true },
    { header: 'AGE', text: ({ since }) => (since === 0 ? '' : age(now - since)), right: true },
    {
      header: 'NOTE',
      text: noteOf,
      colour: ({ problem }) => (problem === '' ? 'cyan' : 'red'),
    },
  ];
}

/** What is under way, what is wrong, and what somebody has done. */
export function noteOf({ operation, problem, note }: PluginRow): string {
  const underWay = operation === '' ? '' : `${operation} is under way`;
  return [underWay, problem, note].filter((text) => text !== '').join('; ');
}
