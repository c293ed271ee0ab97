import { printable } from '@plugd/protocol/printable';

/** Text of others as a terminal may show it, in one line, whatever its length. */
export function visible(text: string): string {
  return printable(text, Number.POSITIVE_INFINITY);
}

/** The same, but line ends stay. */
export function visibleLines(text: string): string {
  return text.split('\n').map(visible).join('\n');
}
