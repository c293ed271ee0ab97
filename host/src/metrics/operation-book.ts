import { PluginError } from '@plugd/protocol/plugin-error';
import type { BegunOperation } from '../upgrade/operation-handle';
import type { OperationName, UpgradeReport } from '../upgrade/report';
import { ByPlugin } from './by-plugin';
import type { Labels } from './registered';

/**
 * How an operation ended, as a label.
 *
 * - `swapped`, `verified`: as in its report
 * - `refused`: nothing of it was begun
 * - `undone`: it failed, and the old version went on as if nothing had been
 * - `rolled_back`: the new one served and was taken back; `not_rolled_back`: it was to be, and that failed
 * - `down`: neither serves
 */
export type OperationOutcome = (typeof outcomes)[number];

export const outcomes = [
  'swapped',
  'verified',
  'refused',
  'undone',
  'rolled_back',
  'not_rolled_back',
  'down',
] as const;

export interface EndedCount {
  readonly labels: Labels;
  readonly count: number;
}

/** Follows operations to their ends. */
export class OperationBook {
  readonly running: Record<OperationName, number> = { upgrade: 0, restart: 0, rollback: 0 };
  readonly #counts = new ByPlugin(() => new Map<string, EndedCount>());
  readonly #onReport: (report: UpgradeReport) => void;

  /** @param onReport hears of each that succeeded */
  constructor(onReport: (report: UpgradeReport) => void) {
    this.#onReport = onReport;
  }

  /** How many have ended in which way. */
  *ended(): Generator<EndedCount> {
    for (const counts of this.#counts.all) yield* counts.values();
  }

  /** See {@link ByPlugin}: they have been told of. */
  told(present: (plugin: string) => boolean): void {
    this.#counts.told(present);
  }

  forget(present: (plugin: string) => boolean): void {
    this.#counts.forget(present);
  }

  /** For `host.on('operation')`. */
  readonly begun = ({ plugin, operation, handle }: BegunOperation): void => {
    this.running[operation]++;
    const end = ({ strategy, outcome }: Ending): void => {
      this.running[operation]--;
      const counts = this.#counts.of(plugin);
      const key = `${operation} ${strategy} ${outcome}`;
      const count = (counts.get(key)?.count ?? 0) + 1;
      counts.set(key, { labels: { plugin, operation, strategy, outcome }, count });
    };
    void handle.then(
      (report) => {
        end(report);
        this.#onReport(report);
      },
      (error: unknown) => end(failure(error)),
    );
  };
}

interface Ending {
  /** `none`: it did not come to choosing one. */
  readonly strategy: string;
  readonly outcome: OperationOutcome;
}

function failure(error: unknown): Ending {
  const facts = error instanceof PluginError ? error.facts : {};
  const { strategy, step, outcome } = facts;
  return {
    strategy: typeof strategy === 'string' ? strategy : 'none',
    // Without a step nothing was begun: it was refused, or given up while it waited.
    outcome: step === undefined ? 'refused' : outcomeOf(outcome),
  };
}

/** By the fact of the error that ended it. */
function outcomeOf(fact: unknown): OperationOutcome {
  if (fact === undefined) return 'undone';
  if (fact === 'rolled-back') return 'rolled_back';
  return fact === 'not-rolled-back' ? 'not_rolled_back' : 'down';
}
