import type { JsonObject, JsonValue } from '@plugd/protocol/json-value';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { LoadOptions } from './instance/load-options';
import type { OperationHead } from './journal/journal';
import type { JournalLine } from './upgrade/loop-environment';
import type { OperationName } from './upgrade/report';
import { type StrategyName, strategies } from './upgrade/step-table';

/** What the journal says of a version: enough to start it again with the options that the application gives at its load. */
export interface JournaledSide {
  readonly version: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string | undefined;
  readonly sha256: string | undefined;
}

/** What an operation's entry in the journal begins with. */
export function headOf(about: {
  readonly id: string;
  readonly plugin: string;
  readonly operation: OperationName;
  readonly strategy: StrategyName;
  readonly hostToken: string;
  readonly from: LoadOptions;
}): OperationHead {
  const { id, plugin, operation, strategy, hostToken, from } = about;
  return { id, plugin, operation, strategy, hostToken, from: sideJson(from) };
}

/** Environments stay out of the journal: they may hold secrets. */
export function sideJson({ version, command, args = [], cwd, sha256 }: LoadOptions): JsonObject {
  return {
    version,
    command,
    args: [...args],
    ...(cwd === undefined ? {} : { cwd }),
    ...(sha256 === undefined ? {} : { sha256 }),
  };
}

/** What head and lines of an operation in the journal say. */
export interface ReadJournaled {
  readonly operation: OperationName;
  readonly strategy: StrategyName;
  readonly sides: { readonly old: JournaledSide | undefined; readonly new: JournaledSide | undefined };
  readonly lines: readonly JournalLine[];
  /** Of the state that it took, if it came so far. */
  readonly snapshotId: string | undefined;
}

/** Throws PluginError STATE_FORMAT_NEWER where its strategy is of a later release. */
export function readJournaled(head: OperationHead, written: readonly JsonValue[]): ReadJournaled {
  const notes = notesOf(written);
  return {
    operation: operationOf(head['operation']),
    strategy: strategyOf(head['strategy']),
    sides: { old: asSide(head['from']), new: asSide(notes['to']) },
    lines: written.flatMap((line) => asLine(line) ?? []),
    snapshotId: asText(notes['snapshot']),
  };
}

/** Which processes may have been left, by what a line says. */
export function tokenOf(line: JsonValue): string | undefined {
  return isObject(line) ? asText(line['hostToken']) : undefined;
}

function asLine(line: JsonValue): JournalLine | undefined {
  if (!isObject(line)) return undefined;
  const { kind, step, undo, outcome } = line;
  // What this release doesn't know is worth what the line before it was: the table is asked by name.
  if (kind === 'step' && typeof step === 'string') return { kind, step } as JournalLine;
  if (kind === 'undo' && typeof undo === 'string') return { kind, undo } as JournalLine;
  if (kind === 'end' && typeof outcome === 'string') return { kind, outcome } as JournalLine;
  return undefined;
}

/** What the lines say beside their steps, the latest word of each. */
function notesOf(lines: readonly JsonValue[]): JsonObject {
  return Object.assign({}, ...lines.filter(isObject));
}

function asSide(value: JsonValue | undefined): JournaledSide | undefined {
  if (value === undefined || !isObject(value)) return undefined;
  const version = asText(value['version']);
  const command = asText(value['command']);
  const { args } = value;
  if (version === undefined || command === undefined || !Array.isArray(args)) return undefined;
  return {
    version,
    command,
    args: args.map(String),
    cwd: asText(value['cwd']),
    sha256: asText(value['sha256']),
  };
}

function strategyOf(value: JsonValue | undefined): StrategyName {
  const name = Object.keys(strategies).find((one) => one === value);
  if (name === undefined) {
    throw new PluginError('STATE_FORMAT_NEWER', `The journal names a strategy that is not known: ${value}.`);
  }
  return name as StrategyName;
}

function operationOf(value: JsonValue | undefined): OperationName {
  return value === 'restart' || value === 'rollback' ? value : 'upgrade';
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function asText(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
