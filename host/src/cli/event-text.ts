import type { Colour } from './output/colour';
import { numberOf, type PlainData, recordOf, textOf } from './plain-data';

/** An event for people: what of it, and in which colour. Of an event of a newer daemon, its kind alone. */
export interface EventText {
  readonly text: string;
  readonly colour: Colour | undefined;
}

/** What an event says, without its time and plugin. */
export function eventText(event: PlainData): EventText {
  const kind = textOf(event['type']);
  const { head, colour } = (kinds[kind] ?? other)(event);
  const { reason, message, code } = recordOf(event['cause']);
  const because = [textOf(reason), code === undefined ? '' : `[${textOf(code)}]`]
    .filter((part) => part !== '')
    .join(' ');
  const said = textOf(message);
  const cause = [because, said].filter((part) => part !== '').join(': ');
  return { text: cause === '' ? head : `${head} (${cause})`, colour };
}

interface Head {
  readonly head: string;
  readonly colour: Colour | undefined;
}

const kinds: Readonly<Record<string, (event: PlainData) => Head>> = {
  instance: (event) => {
    const { instance, version, pid, to } = event;
    const process = textOf(pid) === '' ? '' : `, process ${textOf(pid)}`;
    return change(event, `instance ${textOf(instance)} of ${textOf(version)}${process}`, textOf(to));
  },
  plugin: (event) =>
    change(event, `plugin at ${textOf(event['version']) || 'no version'}`, textOf(event['to'])),
  operation: ({ operation, step, phase, percent, fromVersion, toVersion }) => ({
    head: `${textOf(operation)} ${textOf(fromVersion)} → ${textOf(toVersion)}: ${textOf(step)} ${textOf(phase)}, ${numberOf(percent)} %`,
    colour: phaseColour(textOf(phase)),
  }),
  restart: ({ instance, phase, attempt, delayMs, elapsedMs }) => ({
    head: `replacing instance ${textOf(instance)}: ${textOf(phase)}, attempt ${textOf(attempt)}${
      phase === 'scheduled'
        ? `, in ${textOf(delayMs)} ms`
        : `, ${Math.round(numberOf(elapsedMs))} ms after the loss`
    }`,
    colour: phaseColour(textOf(phase)),
  }),
  outlier: ({ instance, phase }) => ({
    head: `instance ${textOf(instance)} ${phase === 'out' ? 'gets no calls for a while' : 'gets calls again'}`,
    colour: phase === 'out' ? 'yellow' : 'green',
  }),
  artifact: ({ version, phase }) => ({
    head: `version ${textOf(version)} on disk: ${textOf(phase)}`,
    colour: phaseColour(textOf(phase)),
  }),
};

function change({ from }: PlainData, what: string, to: string): Head {
  const before = textOf(from);
  return { head: `${what}: ${before === '' ? '' : `${before} → `}${to}`, colour: stateOfEvent(to) };
}

function other(event: PlainData): Head {
  const known = new Set(['type', 'sequence', 'time', 'plugin', 'cause']);
  const rest = Object.entries(event).flatMap(([name, value]) => {
    const text = textOf(value);
    return known.has(name) || text === '' ? [] : [`${name}=${text}`];
  });
  return { head: [textOf(event['type']), ...rest].join(' '), colour: undefined };
}

function stateOfEvent(state: string): Colour | undefined {
  if (state === 'failed' || state === 'unhealthy') return 'red';
  return state === 'serving' ? 'green' : undefined;
}

function phaseColour(phase: string): Colour | undefined {
  if (phase === 'failed' || phase === 'given-up') return 'red';
  if (phase === 'undoing' || phase === 'undone' || phase === 'waiting') return 'yellow';
  return phase === 'done' || phase === 'running' ? 'green' : undefined;
}
