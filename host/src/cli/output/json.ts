import { escapeInvisible } from './invisible';

/** A document as JSON, with a line end: over several lines for one thing, in one line for what comes bit by bit. */
export function asJson(document: unknown, indent: 0 | 2 = 2): string {
  return `${escapeInvisible(JSON.stringify(document, undefined, indent) ?? 'null')}\n`;
}
