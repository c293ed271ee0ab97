import { runLoop as realLoop } from '../../../host/src/upgrade/loop';
import type { LoopEnvironment, RunLoop } from '../../../host/src/upgrade/loop-environment';
import { type StepRow, strategies, undoWords } from '../../../host/src/upgrade/step-table';
import { referenceLoop } from '../../model/reference-loop';
import { replay } from '../../model/replay';
import { shiftTraceSettings, traceSettings } from '../../model/settings';
import { type Trace, tracesOf } from '../../model/traces';

const traces = [...traceSettings(2), ...shiftTraceSettings(1, false)].flatMap(tracesOf);

/** Whether the model has to take the strategy through the step: to the loop some are like others. */
const isTraced = (strategy: string, { when }: StepRow): boolean =>
  when !== 'contract-given' && when !== 'verify-given' && (when !== 'no-surge' || strategy === 'rolling');

async function differencesOf(runLoop: RunLoop): Promise<string[]> {
  const found: string[] = [];
  for (const trace of traces) {
    const { differences } = await replay(trace, runLoop);
    if (differences.length > 0) found.push(`${differences.join('; ')} in ${JSON.stringify(trace)}`);
  }
  return found;
}

test.each<[string, RunLoop]>([
  ["the model's own", referenceLoop],
  ['the real', realLoop],
])('%s loop goes through every trace of the model as the model does', async (_, runLoop) => {
  expect((await differencesOf(runLoop)).slice(0, 3)).toEqual([]);
});

/** The sound loop in a world that it sees otherwise. */
const through =
  (change: (environment: LoopEnvironment) => Partial<LoopEnvironment>): RunLoop =>
  (plan, environment) =>
    referenceLoop(plan, {
      journal: (line) => environment.journal(line),
      perform: (row) => environment.perform(row),
      undo: (undo) => environment.undo(undo),
      oldIsGone: () => environment.oldIsGone(),
      ...change(environment),
    });

test.each<[string, RunLoop]>([
  ['writes no lines', through(() => ({ journal: async () => {} }))],
  ['takes every undo for done', through((world) => ({ undo: (undo) => world.undo(undo).catch(() => {}) }))],
  [
    'takes every step for done',
    through((world) => ({ perform: (row) => world.perform(row).catch(() => {}) })),
  ],
  ['takes the old one for alive', through(() => ({ oldIsGone: () => false }))],
  [
    'leaves out a step',
    (plan, world) =>
      referenceLoop({ ...plan, rows: plan.rows.filter(({ step }) => step !== 'health') }, world),
  ],
])('a loop that %s is found by the replay', async (_, runLoop) => {
  expect((await differencesOf(runLoop)).length).toBeGreaterThan(0);
});

describe('the traces have in them', () => {
  const exchanges = traces.flatMap((trace) => trace.exchanges);
  const has = (wanted: (trace: Trace) => boolean) => traces.some(wanted);

  test('every step of every strategy, done and failed', () => {
    for (const [strategy, rows] of Object.entries(strategies)) {
      for (const { step } of rows.filter((row) => isTraced(strategy, row))) {
        const of = traces.filter((trace) => trace.strategy === strategy).flatMap((trace) => trace.exchanges);
        const outcomes = of.filter(({ ask }) => 'perform' in ask && ask.perform === step).map(({ ok }) => ok);
        expect(outcomes).toContain(true);
        expect(outcomes).toContain(false);
      }
    }
  });

  test('every undo, done', () => {
    for (const undo of Object.keys(undoWords)) {
      expect(exchanges.some(({ ask, ok }) => 'undo' in ask && ask.undo === undo && ok)).toBe(true);
    }
  });

  test('a host that is killed after each line of each strategy', () => {
    for (const [strategy, rows] of Object.entries(strategies)) {
      for (const { step } of rows.filter((row) => isTraced(strategy, row))) {
        const killedThere = ({ strategy: of, end }: Trace) =>
          of === strategy && 'killed' in end && end.line?.kind === 'step' && end.line.step === step;
        expect(has(killedThere)).toBe(true);
      }
    }
    expect(has(({ end }) => 'killed' in end && end.line?.kind === 'undo')).toBe(true);
  });

  test('lines that could not be kept', () => {
    expect(exchanges.some(({ ask, ok }) => 'journal' in ask && !ok)).toBe(true);
  });

  test('every outcome', () => {
    const outcomes = new Set(traces.map(({ end }) => ('outcome' in end ? end.outcome : 'killed')));
    expect([...outcomes].sort()).toEqual(['done', 'down', 'go-back', 'killed', 'undone']);
  });
});
