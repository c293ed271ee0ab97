import type { TextSink } from '../surroundings';

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, blue: 34, cyan: 36 } as const;

export type Colour = keyof typeof codes;

export type Paint = (colour: Colour | undefined, text: string) => string;

export const plain: Paint = (_colour, text) => text;

export const painted: Paint = (colour, text) =>
  colour === undefined || text === '' ? text : `\u001b[${codes[colour]}m${text}\u001b[0m`;

/** Whether there may be colours: on a terminal that knows them, unless the user wants none (no-color.org). */
export function wantsColour(
  sink: TextSink,
  env: Readonly<Record<string, string | undefined>>,
  option: boolean,
): boolean {
  if (!option || (env['NO_COLOR'] ?? '') !== '') return false;
  return sink.isTTY === true && env['TERM'] !== 'dumb';
}

/** Of a plugin's, an instance's or an operation's state. */
export function stateColour(state: string): Colour | undefined {
  return stateColours[state];
}

const stateColours: Readonly<Record<string, Colour>> = {
  serving: 'green',
  ready: 'green',
  running: 'green',
  verified: 'green',
  swapped: 'green',
  starting: 'yellow',
  restarting: 'yellow',
  stopping: 'yellow',
  draining: 'yellow',
  waiting: 'yellow',
  unsettled: 'yellow',
  failed: 'red',
  unhealthy: 'red',
  unfit: 'red',
  absent: 'red',
  stopped: 'dim',
};
