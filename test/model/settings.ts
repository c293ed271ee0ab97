import {
  type StepCondition,
  type StepRow,
  type StrategyName,
  strategies,
} from '../../host/src/upgrade/step-table';
import { type ControllerRules, soundController } from './controller';
import { type CallKind, type Setting, soundWorld, type WorldRules } from './world';

/** A write, and one that its handler makes through the host: A → host → A, or A → B → A. */
const writeAndDescendant: readonly CallKind[] = [{ writes: true }, { writes: true, parent: 0 }];
/** A call without side effects that makes one that has some. */
const readerThatWrites: readonly CallKind[] = [{ writes: false }, { writes: true, parent: 0 }];
const twoWrites: readonly CallKind[] = [{ writes: true }, { writes: true }];
const callSets: Readonly<Record<string, readonly CallKind[]>> = {
  'two writes': twoWrites,
  'a write and its descendant': writeAndDescendant,
  'a read and its descendant': readerThatWrites,
};
const allCalls: Readonly<Record<string, readonly CallKind[]>> = {
  'a write, its descendant and another write': [...writeAndDescendant, { writes: true }],
  'a read, its descendant and another write': [...readerThatWrites, { writes: true }],
  'three calls, one below the other': [...writeAndDescendant, { writes: true, parent: 1 }],
};

export interface Choice {
  readonly strategy: StrategyName;
  readonly stateful: boolean;
  readonly exclusive: boolean;
  readonly bake: boolean;
  readonly calls: readonly CallKind[];
  readonly faults: number;
}

export function makeSetting(name: string, choice: Choice, mutation: Mutation = {}): Setting {
  const { strategy, stateful, exclusive, bake, calls, faults } = choice;
  const holds: Readonly<Record<StepCondition, boolean>> = {
    always: true,
    // To the loop they are like health: one more step that may fail before the swap.
    'contract-given': false,
    'verify-given': false,
    stateful,
    exclusive,
    'bake-asked': bake,
    // Keeping it is as if the operation had not come to its drain yet.
    'not-kept-warm': true,
  };
  const rows = strategies[strategy].filter(({ when }) => holds[when]);
  return {
    name,
    strategy,
    rows: mutation.rows?.(rows) ?? rows,
    stateful,
    exclusive,
    single: strategy === 'recreate',
    calls,
    faults,
    worldRules: { ...soundWorld, ...mutation.world },
    controllerRules: { ...soundController, ...mutation.controller },
  };
}

/** One rule that is not as it should be. */
export interface Mutation {
  readonly rows?: (rows: readonly StepRow[]) => readonly StepRow[];
  readonly world?: Partial<WorldRules>;
  readonly controller?: Partial<ControllerRules>;
}

const kinds: readonly Omit<Choice, 'calls' | 'faults'>[] = [
  { strategy: 'overlap', stateful: false, exclusive: false, bake: true },
  { strategy: 'handoff', stateful: true, exclusive: true, bake: true },
  { strategy: 'handoff', stateful: false, exclusive: true, bake: true },
  { strategy: 'recreate', stateful: false, exclusive: false, bake: true },
  { strategy: 'recreate', stateful: true, exclusive: false, bake: true },
];

/** Everything that is explored: each strategy with each set of calls. */
export function allSettings(faults: number, long: boolean): Setting[] {
  return kinds.flatMap((kind) =>
    Object.entries(long ? allCalls : callSets).map(([name, calls]) =>
      makeSetting(`${kind.strategy}${kind.stateful ? ' with state' : ''}, ${name}, ${faults} faults`, {
        ...kind,
        calls,
        faults,
      }),
    ),
  );
}

/** Each strategy without calls: what the loop asks and is answered does not depend on them, but through the world. */
export function traceSettings(faults: number): Setting[] {
  return kinds.map((kind) =>
    makeSetting(`${kind.strategy}${kind.stateful ? ' with state' : ''}`, { ...kind, calls: [], faults }),
  );
}

export const handoffChoice: Choice = {
  strategy: 'handoff',
  stateful: true,
  exclusive: true,
  bake: true,
  calls: [{ writes: true }],
  faults: 2,
};
export const callChoices = { writeAndDescendant, readerThatWrites };
