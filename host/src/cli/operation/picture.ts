import { type Paint, plain } from '../output/colour';
import { visible } from '../output/visible';
import { clip, type Piece, paintLine, widthOf } from './line';
import type { OperationState, PastStep } from './operation-state';
import { spokenMs } from './spoken-ms';

export interface PictureLayout {
  /** Of the terminal, in characters. */
  readonly width: number;
  /** In lines. Default: as many as it takes. */
  readonly height?: number;
  readonly paint?: Paint;
  /** What has passed since the last news, in milliseconds. */
  readonly sinceMs?: number;
}

/** Narrower than this only one line is drawn. */
const narrow = 30;
const widestBar = 48;

/**
 * An operation as a terminal shows it: what it is, how far, what was done, what goes on, and where the calls are. No line is wider
 * than the terminal, so that it can be painted over.
 */
export function drawOperation(state: OperationState, layout: PictureLayout): string[] {
  const { width, height = Number.POSITIVE_INFINITY, paint = plain, sinceMs = 0 } = layout;
  const elapsedMs = state.elapsedMs + (state.outcome === 'running' ? sinceMs : 0);
  const lines: Piece[][] =
    width < narrow || height < 2
      ? [[{ text: inShort(state) }]]
      : fitted(height, {
          head: [headOf(state, elapsedMs, width), barOf(state, width)],
          past: pastOf(state, width),
          now: [...currentOf(state, elapsedMs), ...trafficOf(state, width)],
        });
  return lines.map((line) => paintLine(clip(line, width), paint));
}

interface Parts {
  readonly head: readonly Piece[][];
  readonly past: readonly Piece[][];
  readonly now: readonly Piece[][];
}

/** Where there is no room for all, what goes on counts more than what was done, and of that the latest. */
function fitted(height: number, { head, past, now }: Parts): Piece[][] {
  const room = Math.max(0, height - head.length - now.length);
  return [...head, ...past.slice(Math.max(0, past.length - room)), ...now].slice(0, height);
}

function inShort({ plugin, percent, current, outcome }: OperationState): string {
  const what = outcome === 'running' ? (current?.step ?? '') : outcome;
  return `${Math.round(percent)} % ${what} ${visible(plugin)}`;
}

function headOf(state: OperationState, elapsedMs: number, width: number): Piece[] {
  const title = `${visible(state.plugin)}: ${state.operation} ${versionsOf(state)}`;
  const time = spokenMs(elapsedMs);
  const room = Math.min(width, widestBar + 32) - widthOf(title) - widthOf(time);
  return [
    { text: title, colour: 'bold' },
    { text: `${' '.repeat(Math.max(2, room))}${time}`, colour: 'dim' },
  ];
}

/** A restart has one version. */
export function versionsOf({
  fromVersion,
  toVersion,
}: Pick<OperationState, 'fromVersion' | 'toVersion'>): string {
  const [from, to] = [visible(fromVersion || '-'), visible(toVersion || '-')];
  return from === to ? from : `${from} → ${to}`;
}

function barOf({ percent, outcome, current }: OperationState, width: number): Piece[] {
  const size = Math.max(8, Math.min(widestBar, width - 9));
  const share = Math.min(1, Math.max(0, percent / 100));
  const failed = outcome === 'failed' || current?.undoing === true;
  const colour = failed ? 'red' : outcome === 'done' ? 'green' : 'cyan';
  return [...bar(share, size, colour), { text: ` ${String(Math.round(share * 100)).padStart(3)} %` }];
}

function bar(share: number, size: number, colour: NonNullable<Piece['colour']>): Piece[] {
  // What is not whole is not shown as such.
  const filled = share >= 1 ? size : Math.min(size - 1, Math.round(share * size));
  return [
    { text: '█'.repeat(filled), colour },
    { text: '░'.repeat(size - filled), colour: 'dim' },
  ];
}

const marks = {
  done: { mark: '✓', colour: 'green' },
  failed: { mark: '✗', colour: 'red' },
  undone: { mark: '↺', colour: 'yellow' },
} as const;

/** One after the other, in as many lines as they take. */
function pastOf({ past }: OperationState, width: number): Piece[][] {
  const lines: Piece[][] = [];
  let used = width;
  for (const one of past) {
    const pieces = pastStep(one);
    const length = pieces.reduce((sum, { text }) => sum + widthOf(text), 0) + 2;
    if (used + length > width) {
      lines.push([]);
      used = 0;
    }
    lines.at(-1)?.push({ text: '  ' }, ...pieces);
    used += length;
  }
  return lines;
}

function pastStep({ step, phase, elapsedMs }: PastStep): Piece[] {
  const { mark, colour } = marks[phase];
  return [
    { text: `${mark} `, colour },
    { text: visible(step) },
    { text: ` ${spokenMs(elapsedMs)}`, colour: 'dim' },
  ];
}

function currentOf({ current }: OperationState, elapsedMs: number): Piece[][] {
  if (current === undefined) return [];
  const { step, undoing, beganMs, message } = current;
  const line: Piece[] = [
    { text: undoing ? '  ↺ ' : '  ▸ ', colour: undoing ? 'yellow' : 'cyan' },
    { text: visible(step), colour: 'bold' },
    { text: ` ${spokenMs(Math.max(0, elapsedMs - beganMs))}`, colour: 'dim' },
  ];
  return [message === undefined ? line : [...line, { text: `  ${visible(message)}` }]];
}

/** The old one's calls go down, the new one's up: both by the same measure. */
function trafficOf({ traffic, mostInFlight, current, outcome }: OperationState, width: number): Piece[][] {
  if (traffic === undefined || outcome !== 'running') return [];
  const { oldVersion, newVersion, oldInFlight, newInFlight, held } = traffic;
  const digits = String(Math.max(mostInFlight, held)).length;
  const labels = [`old ${visible(oldVersion || '-')}`, `new ${visible(newVersion || '-')}`, 'held'];
  const most = Math.max(...labels.map(widthOf));
  const size = Math.max(0, Math.min(24, width - most - digits - 18));
  const side = (label: string, calls: number, colour: NonNullable<Piece['colour']>): Piece[] => [
    { text: `  ${label}${' '.repeat(most - widthOf(label))}  ` },
    ...(size < 4
      ? []
      : [...bar(mostInFlight === 0 ? 0 : calls / mostInFlight, size, colour), { text: '  ' }]),
    { text: `${String(calls).padStart(digits)} in flight` },
  ];
  const share = current?.percentNew;
  const fresh = side(labels[1] ?? '', newInFlight, 'green');
  return [
    side(labels[0] ?? '', oldInFlight, 'yellow'),
    share === undefined ? fresh : [...fresh, { text: `, ${Math.round(share)} % of new calls` }],
    ...(held > 0
      ? [
          [
            { text: `  held${' '.repeat(most - 4)}  ` },
            { text: `${held} waiting`, colour: 'yellow' } as const,
          ],
        ]
      : []),
  ];
}
