import type { JsonValue } from '@plugd/protocol/json-value';
import type { FoundOperation } from './journal/read-operations';
import { type ReadJournaled, readJournaled } from './journaled-operation';
import type { JournalLine } from './upgrade/loop-environment';
import { servesAfter } from './upgrade/recovery';
import type { OperationName } from './upgrade/report';
import { type StrategyName, stepWords, strategies, undoWords } from './upgrade/step-table';

/** What the journal tells of an operation, for people. */
export interface OperationStory {
  readonly id: string;
  readonly plugin: string;
  readonly operation: OperationName;
  readonly strategy: StrategyName;
  /** Empty: it says nothing of it. */
  readonly fromVersion: string;
  /** Empty: it did not come so far. */
  readonly toVersion: string;
  /** By the wall clock, in milliseconds since the epoch. */
  readonly beganAt: number;
  /** 0: it has no end. */
  readonly endedAt: number;
  /**
   * `unfinished`: its host was killed. `swapped`: the new version took the old one's place. `verified`: a dry run. `undone`: the old
   * one served on. `down`: neither did. `overtaken`: the host's next start had to do with neither.
   */
  readonly outcome: 'unfinished' | 'swapped' | 'verified' | 'undone' | 'down' | 'overtaken';
  /** It was ended by the host's next start. */
  readonly recovered: boolean;
  /** What was begun, in its order. */
  readonly steps: readonly StoryStep[];
  /** Of an unfinished one: what the host's next start does. */
  readonly next: StoryEnding | undefined;
  /** False: it may have gone further than its steps say. */
  readonly intact: boolean;
}

export interface StoryStep {
  readonly step: string;
  /** It is what was undone. */
  readonly undo: boolean;
  /** In a sentence; empty for a step of another release. */
  readonly does: string;
}

export interface StoryEnding {
  /** `undo`: the old version serves again. `finish`: the new one does. */
  readonly does: 'undo' | 'finish';
  readonly version: string;
}

/** Throws PluginError STATE_FORMAT_NEWER where it is of a later release. */
export function storyOf({ head, lines, outcome, beganAt, endedAt, intact }: FoundOperation): OperationStory {
  const read = readJournaled(head, lines);
  const { operation, strategy, sides } = read;
  return {
    id: head.id,
    plugin: head.plugin,
    operation,
    strategy,
    fromVersion: sides.old?.version ?? '',
    toVersion: sides.new?.version ?? '',
    beganAt,
    endedAt: outcome === undefined ? 0 : (endedAt ?? 0),
    outcome: outcome === undefined ? 'unfinished' : outcomeOf(outcome, read),
    recovered: field(outcome, 'recovered') === true,
    steps: read.lines.flatMap(stepOf),
    next: outcome === undefined ? nextOf(read, intact) : undefined,
    intact,
  };
}

function outcomeOf(outcome: JsonValue, { lines }: ReadJournaled): OperationStory['outcome'] {
  switch (field(outcome, 'outcome')) {
    case 'done':
      return lines.some((line) => line.kind === 'step' && line.step === 'swap') ? 'swapped' : 'verified';
    case 'down':
      return 'down';
    case 'overtaken':
      return 'overtaken';
    default:
      // Of one that goes back an operation of its own follows.
      return 'undone';
  }
}

function nextOf({ lines, sides, strategy }: ReadJournaled, intact: boolean): StoryEnding {
  const believed = intact ? lines : lines.slice(0, 1);
  const serves = servesAfter({ strategy, rows: strategies[strategy] }, believed);
  return { does: serves === 'new' ? 'finish' : 'undo', version: sides[serves]?.version ?? '' };
}

function stepOf(line: JournalLine): StoryStep[] {
  if (line.kind === 'end') return [];
  if (line.kind === 'undo') return [{ step: line.undo, undo: true, does: words(undoWords, line.undo) }];
  return [{ step: line.step, undo: false, does: words(stepWords, line.step) }];
}

/** Names come from a file. */
function words(table: Readonly<Record<string, { readonly does: string }>>, name: string): string {
  return Object.hasOwn(table, name) ? (table[name]?.does ?? '') : '';
}

function field(value: JsonValue | undefined, name: string): JsonValue | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.entries(value).find(([key]) => key === name)?.[1];
}
