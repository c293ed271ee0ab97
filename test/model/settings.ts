import {
  type StepCondition,
  type StepRow,
  type StrategyName,
  strategies,
} from '../../host/src/upgrade/step-table';
import { type ControllerRules, soundController } from './controller';
import { type CallKind, type Setting, type ShiftMoves, soundWorld, type WorldRules } from './world';

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
  readonly shift?: ShiftMoves;
  /** No more instances may run than before. */
  readonly makesRoom?: boolean;
  readonly hand?: boolean;
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
    'no-surge': choice.makesRoom === true,
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
    shift: choice.shift,
    hand: choice.hand === true,
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

type Kind = Omit<Choice, 'calls' | 'faults'>;

/** What is common to strategies by which both share the calls: as the rest of them is the same, they differ in their moves. */
const beside = { stateful: false, exclusive: false, bake: true, hand: true } as const;
const one = { instances: 1, first: 1, taps: false } as const;
const alone: ShiftMoves = { ...one, shares: [] };
const two = { instances: 2, first: 1, taps: false } as const;

export const shiftKinds: Readonly<Record<string, Kind>> = {
  canary: { ...beside, strategy: 'canary', shift: { ...two, shares: ['some', 'all'] } },
  shadow: { ...beside, strategy: 'shadow', shift: { ...one, shares: [], taps: true } },
  rolling: {
    ...beside,
    strategy: 'rolling',
    shift: { ...two, shares: ['some', 'all'], rolls: { surge: 1, unavailable: 0 } },
  },
  'rolling without surge': {
    ...beside,
    strategy: 'rolling',
    makesRoom: true,
    shift: { ...two, shares: ['some', 'all'], rolls: { surge: 0, unavailable: 1 } },
  },
  'blue-green': { ...beside, strategy: 'blue-green', shift: alone },
  // Whatever the others do, and back again.
  custom: {
    ...beside,
    strategy: 'custom',
    shift: { ...two, shares: ['none', 'some', 'all'], taps: true, rolls: { surge: 2, unavailable: 1 } },
  },
};

export function shiftChoice(name: string): Kind {
  const kind = shiftKinds[name];
  if (kind === undefined) throw new Error(`no strategy is called ${name}`);
  return kind;
}

const besideCalls = {
  'one call': [{ writes: true }],
  'two calls': twoWrites,
  'a call and its descendant': writeAndDescendant,
  'a call, its descendant and another call': [...writeAndDescendant, { writes: true }],
} satisfies Readonly<Record<string, readonly CallKind[]>>;

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

/** Those of them that may be given up by hand as if nothing had happened. A recreation ends the old one whatever comes. */
export function handSettings(faults: number): Setting[] {
  return kinds
    .filter(({ strategy }) => strategy !== 'recreate')
    .map((kind) =>
      makeSetting(
        `${kind.strategy}${kind.stateful ? ' with state' : ''}, given up by hand, ${faults} faults`,
        {
          ...kind,
          hand: true,
          calls: writeAndDescendant,
          faults,
        },
      ),
    );
}

/** The same of strategies by which both versions share the calls, given up by hand anywhere. */
export function shiftSettings(faults: number, calls: keyof typeof besideCalls): Setting[] {
  return Object.entries(shiftKinds).map(([kind, choice]) =>
    makeSetting(`${kind}, ${calls}, ${faults} faults`, { ...choice, calls: besideCalls[calls], faults }),
  );
}

/** Each strategy without calls: what the loop asks and is answered does not depend on them, but through the world. */
export function traceSettings(faults: number): Setting[] {
  return kinds.map((kind) =>
    makeSetting(`${kind.strategy}${kind.stateful ? ' with state' : ''}`, { ...kind, calls: [], faults }),
  );
}

/** @param whole with all that strategies do, of which a loop sees hardly anything; else with what it does see */
export function shiftTraceSettings(faults: number, whole: boolean): Setting[] {
  return Object.entries(shiftKinds).map(([name, kind]) => {
    const shift: ShiftMoves = whole || kind.makesRoom ? (kind.shift ?? alone) : alone;
    return makeSetting(name, { ...kind, shift, calls: [], faults });
  });
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
