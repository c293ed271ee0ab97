import type { JournalLine, LoopOutcome } from '../../host/src/upgrade/loop-environment';
import type { StepName, StrategyName, UndoName } from '../../host/src/upgrade/step-table';
import { type Ask, decideRecovery } from './controller';
import { initialWorld, transitions } from './machine';
import { keyOf, type Setting, type World } from './world';

/** What the world answers to a loop, ask by ask, and what comes of it. Plain JSON. */
export interface Trace {
  readonly strategy: StrategyName;
  readonly steps: readonly StepName[];
  readonly exchanges: readonly TracedExchange[];
  /** How the operation ends; or the host is killed after the exchanges, and this is what its next start makes of it. */
  readonly end:
    | { readonly outcome: LoopOutcome['outcome'] }
    | { readonly killed: 'nothing' | 'old' | 'new'; readonly line: JournalLine | null };
}

export interface TracedExchange {
  readonly ask:
    | { readonly journal: JournalLine }
    | { readonly perform: StepName }
    | { readonly undo: UndoName };
  readonly ok: boolean;
  readonly oldIsGone: boolean;
}

/** All distinct traces of a setting, by every way that the world may go. */
export function tracesOf(setting: Setting): Trace[] {
  const traces = new Map<string, Trace>();
  const seen = new Set<string>();
  const steps = setting.rows.map(({ step }) => step);
  const add = (exchanges: readonly TracedExchange[], end: Trace['end']) => {
    const trace = { strategy: setting.strategy, steps, exchanges, end };
    traces.set(JSON.stringify(trace), trace);
  };
  const walk = (world: World, exchanges: readonly TracedExchange[], history: string) => {
    const key = `${keyOf(world)}|${history}`;
    if (seen.has(key)) return;
    seen.add(key);
    const { controller, line } = world;
    if (controller.mode === 'ended') {
      add(exchanges, { outcome: controller.outcome });
      return;
    }
    for (const { to, exchange, crash } of transitions(world, setting)) {
      if (crash) {
        add(exchanges, { killed: decideRecovery(line, setting.rows), line: line ?? null });
      } else if (exchange === undefined) {
        walk(to, exchanges, history);
      } else {
        const { answer } = exchange;
        const traced = { ask: plain(exchange.ask), ...answer };
        const { ok, oldIsGone } = answer;
        walk(to, [...exchanges, traced], `${history}${ok ? 'y' : oldIsGone ? 'g' : 'n'}`);
      }
    }
  };
  walk(initialWorld(setting), [], '');
  return [...traces.values()];
}

function plain(ask: Ask): TracedExchange['ask'] {
  switch (ask.ask) {
    case 'journal':
      return { journal: ask.line };
    case 'perform':
      return { perform: ask.row.step };
    case 'undo':
      return { undo: ask.undo };
  }
}
