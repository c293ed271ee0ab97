import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import type { JsonValue } from '@plugd/protocol/json-value';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { MessageMismatch } from '../../contract/message-json';
import { nearWord } from '../../manifest/near-word';
import { type JsonPiece, JsonSplitter } from './json-splitter';
import { JsonSyntaxError, parseJson } from './json-text';

/** A request as it was typed, and where it stood. */
export interface TypedRequest {
  readonly value: JsonValue;
  /** For messages: `request 2`, `line 3, column 1 of requests.json`. */
  readonly where: string;
}

/** In UTF-16 units: more than the front door takes as a message. */
const longest = 128 * 1024 * 1024;

export interface RequestSources {
  readonly stdin: Readable | undefined;
  readonly cwd: string;
}

/**
 * The requests that `-d` names: JSON, `@file` or `-` for what is typed in. One after the other, as they come: what is typed in
 * need not have an end before the first is sent.
 *
 * @throws PluginError REQUEST_INVALID
 */
export async function* readRequests(
  data: string,
  { stdin, cwd }: RequestSources,
): AsyncGenerator<TypedRequest, void, undefined> {
  if (data === '-') {
    if (stdin === undefined) throw invalid('There is nothing to read requests from.');
    yield* fromParts(textOf(stdin), 'stdin');
  } else if (data.startsWith('@')) {
    yield* fromParts([await readText(resolve(cwd, data.slice(1)))], data.slice(1));
  } else {
    yield* fromParts([data], 'the request');
  }
}

async function* fromParts(
  parts: Iterable<string> | AsyncIterable<string>,
  source: string,
): AsyncGenerator<TypedRequest, void, undefined> {
  const splitter = new JsonSplitter();
  for await (const part of parts) {
    for (const piece of splitter.take(part)) yield typed(piece, source);
    if (splitter.waiting > longest) throw invalid(`A request of ${source} is too large.`);
  }
  for (const piece of splitter.end()) yield typed(piece, source);
}

function typed({ text, place }: JsonPiece, source: string): TypedRequest {
  try {
    return { value: parseJson(text, place), where: at(place, source) };
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw invalid(`${source}, line ${error.place.line}, column ${error.place.column}: ${error.message}.`, {
      facts: { ...error.place },
      hint: 'Requests are JSON, each key in double quotes.',
    });
  }
}

function at({ line, column }: { readonly line: number; readonly column: number }, source: string): string {
  return line === 1 && column === 1 ? source : `line ${line}, column ${column} of ${source}`;
}

/** What is wrong with a message, for the one who typed it. */
export function mismatched(error: MessageMismatch, where: string): PluginError {
  const { path, known } = error;
  const place = path.length === 0 ? '' : ` at ${path.join('.')}`;
  const near = nearWord(String(path.at(-1) ?? ''), known);
  const has = known.length === 0 ? undefined : `It has ${known.join(', ')}.`;
  const meant = near === undefined ? undefined : `Did you mean ${JSON.stringify(near)}?`;
  const hint = [meant, has].filter((one) => one !== undefined).join(' ');
  return invalid(`${where}${place}: ${error.message}.`, {
    facts: { field: path.join('.') },
    ...(hint === '' ? {} : { hint }),
  });
}

async function* textOf(stream: Readable): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    for await (const chunk of stream)
      yield typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
    yield decoder.decode();
  } catch (cause) {
    if (cause instanceof TypeError) throw invalid('What was typed in is not UTF-8.');
    throw cause;
  }
}

async function readText(path: string): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
  } catch (cause) {
    const why =
      cause instanceof TypeError ? 'it is not UTF-8' : cause instanceof Error ? cause.message : String(cause);
    throw invalid(`The requests in ${path} can not be read: ${why}.`, { facts: { path } });
  }
}

function invalid(
  summary: string,
  options: { readonly facts?: Readonly<Record<string, unknown>>; readonly hint?: string } = {},
): PluginError {
  return new PluginError('REQUEST_INVALID', summary.slice(0, 1).toUpperCase() + summary.slice(1), options);
}
