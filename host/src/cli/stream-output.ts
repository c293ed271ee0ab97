import type { CallOptions } from '@plugd/protocol/rpc/call-options';
import type { CliContext } from './context';
import { asJson } from './output/json';
import { asYaml } from './output/yaml';
import { UsageError } from './usage-error';

/** What comes bit by bit: how one piece of it is written in each form. */
export interface Piece {
  readonly text: () => string;
  readonly document: () => unknown;
}

/** @throws UsageError before anything is asked of a daemon. */
export function refuseNames(context: CliContext, what: string): void {
  if (context.output === 'name') throw new UsageError(`${what} have no names: use table, json or yaml.`);
}

/** Writes one piece, with its line end: JSON in one line, YAML as a document of its own. */
export function writePiece(context: CliContext, { text, document }: Piece): Promise<void> {
  if (context.output === 'json') return context.write(asJson(document(), 0));
  if (context.output === 'yaml') return context.write(`---\n${asYaml(document())}`);
  return context.write(`${text()}\n`);
}

/** Says how many pieces did not come. */
export function noteDropped(context: CliContext, dropped: number, what: string): void {
  if (dropped > 0) context.stderr.write(`plugd: ${dropped} ${what} were left out here.\n`);
}

/** Says to people that nothing came, for a screen without a word could mean anything. */
export function noteNothing(context: CliContext, what: string): void {
  if (context.output === 'table') context.note(`There are no such ${what}.`);
}

/** What a stream is asked with: `--timeout` is for all of it, and Ctrl-C ends it. */
export function streamOptions(context: CliContext): CallOptions {
  const { timeoutMs } = context.options;
  return { signal: context.signal, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
}
