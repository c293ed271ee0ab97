import { visible } from '../output/visible';
import type { ProgressNews } from './operation-news';
import type { OperationState } from './operation-state';
import { versionsOf } from './picture';
import { spokenMs } from './spoken-ms';

/**
 * What is said of a progress where nothing can be painted over: a line for each step that was done, for what a strategy tells, and for
 * what goes wrong. Undefined: nothing.
 *
 * @param state with the progress
 * @param before without it
 */
export function progressLine(
  progress: ProgressNews,
  state: OperationState,
  before: OperationState,
): string | undefined {
  const { step, phase, elapsedMs, percent, message } = progress;
  const head = `${visible(state.plugin)}: ${state.operation} ${versionsOf(state)}: `;
  const tail = ` (${Math.round(percent)} %, ${spokenMs(elapsedMs)})`;
  const name = visible(step);
  switch (phase) {
    case 'done':
      return `${head}${name} done${tail}`;
    case 'failed':
      return `${head}${name} failed${tail}`;
    case 'undone':
      return `${head}${name} undone${tail}`;
    case 'running':
      // It is told again and again: only what is new is news.
      if (message === undefined || sameButFigures(message, before.current?.message)) return undefined;
      return `${head}${visible(message)}${tail}`;
    default:
      return undefined;
  }
}

/** A log wants to know that a canary has gone on to its next step, not each look at its figures. */
function sameButFigures(message: string, before: string | undefined): boolean {
  return before !== undefined && lead(message) === lead(before);
}

function lead(message: string): string {
  return message.split(':')[0] ?? message;
}
