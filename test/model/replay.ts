import type {
  JournalLine,
  LoopEnvironment,
  LoopOutcome,
  RunLoop,
} from '../../host/src/upgrade/loop-environment';
import { type StepRow, strategies, type UndoName } from '../../host/src/upgrade/step-table';
import type { Trace, TracedExchange } from './traces';

/** What a loop did, as far as it differs from the trace that it was taken through. */
export interface Replayed {
  readonly differences: readonly string[];
  readonly outcome: LoopOutcome | undefined;
}

/** Takes a loop through a trace: the world answers as the trace says, and notes where the loop asks something else. */
export async function replay(trace: Trace, runLoop: RunLoop): Promise<Replayed> {
  const environment = new TracedEnvironment(trace);
  const rows = trace.steps.map((step) => {
    const row = strategies[trace.strategy].find((candidate) => candidate.step === step);
    if (row === undefined) throw new Error(`${trace.strategy} has no step ${step}`);
    return row;
  });
  const outcome = await Promise.race([
    runLoop({ strategy: trace.strategy, rows }, environment),
    environment.over,
  ]);
  const differences = [...environment.differences];
  if (environment.left > 0) differences.push(`ended with ${environment.left} exchanges left`);
  if ('outcome' in trace.end && outcome !== undefined && outcome.outcome !== trace.end.outcome) {
    differences.push(`ended ${outcome.outcome}, not ${trace.end.outcome}`);
  }
  return { differences, outcome };
}

class TracedEnvironment implements LoopEnvironment {
  readonly differences: string[] = [];
  /** Settles where the trace ends before the loop: with the host, or at a difference. */
  readonly over: Promise<undefined>;
  #end: () => void = () => {};
  #next = 0;
  #last: TracedExchange | undefined;
  readonly #trace: Trace;

  constructor(trace: Trace) {
    this.#trace = trace;
    this.over = new Promise((resolve) => {
      this.#end = () => resolve(undefined);
    });
  }

  get left(): number {
    return this.#trace.exchanges.length - this.#next;
  }

  journal(line: JournalLine): Promise<void> {
    return this.#answer({ journal: line });
  }

  perform(row: StepRow): Promise<void> {
    return this.#answer({ perform: row.step });
  }

  undo(undo: UndoName): Promise<void> {
    return this.#answer({ undo });
  }

  oldIsGone(): boolean {
    return this.#last?.oldIsGone ?? false;
  }

  #answer(ask: TracedExchange['ask']): Promise<void> {
    const expected = this.#trace.exchanges[this.#next];
    const asked = JSON.stringify(ask);
    if (expected === undefined && 'killed' in this.#trace.end) {
      // Whoever is killed is never answered.
      this.#end();
      return new Promise(() => {});
    }
    if (expected === undefined || JSON.stringify(expected.ask) !== asked) {
      const instead = expected === undefined ? 'the end' : JSON.stringify(expected.ask);
      this.differences.push(`exchange ${this.#next}: asked ${asked}, not ${instead}`);
      this.#end();
      return new Promise(() => {});
    }
    this.#next++;
    this.#last = expected;
    return expected.ok ? Promise.resolve() : Promise.reject(new Error(`${asked} fails in this trace`));
  }
}
