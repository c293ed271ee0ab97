import type { AnswerDifference } from './difference';
import type {
  ShadowDisagreement,
  ShadowMethod,
  ShadowReport,
  ShadowSkip,
  ShadowTimes,
} from './shadow-report';

const MOST_UNSTEADY = 20;

/** Counts what comes of mirrored calls. */
export class ShadowTally {
  readonly #methods = new Map<string, MethodTally>();
  readonly #skipped: Record<ShadowSkip, number> = {
    sideEffects: 0,
    sample: 0,
    rate: 0,
    busy: 0,
    size: 0,
    unfinished: 0,
    unsteady: 0,
  };
  readonly #disagreements: ShadowDisagreement[] = [];
  readonly #unsteady = new Set<string>();

  constructor(
    private readonly maxReported: number,
    private readonly comparedAs: (method: string) => 'message' | 'bytes',
  ) {}

  /** For a method that may be mirrored: of those the contract knows there are few. */
  method(path: string): MethodTally {
    let tally = this.#methods.get(path);
    if (tally === undefined) {
      tally = new MethodTally();
      this.#methods.set(path, tally);
    }
    return tally;
  }

  skip(why: ShadowSkip): void {
    this.#skipped[why]++;
  }

  agree(method: string): void {
    this.method(method).agreed++;
  }

  disagree(
    method: string,
    [first, ...more]: readonly AnswerDifference[],
    request: Readonly<Record<string, string>> | undefined,
  ): void {
    this.method(method).disagreed++;
    if (first === undefined || this.#disagreements.length >= this.maxReported) return;
    this.#disagreements.push({
      method,
      ...first,
      more: more.length,
      ...(request === undefined ? {} : { request }),
    });
  }

  unsteady(method: string, differences: readonly AnswerDifference[]): void {
    this.skip('unsteady');
    for (const { field, kind } of differences) {
      if (this.#unsteady.size < MOST_UNSTEADY) this.#unsteady.add(`${method} ${field === '' ? kind : field}`);
    }
  }

  get disagreed(): number {
    return sum(this.#methods, ({ disagreed }) => disagreed);
  }

  get compared(): number {
    return sum(this.#methods, ({ compared }) => compared);
  }

  /** Methods that were called, and of which fewer were compared. */
  lacking(minPerMethod: number): string[] {
    return [...this.#methods].filter(([, { compared }]) => compared < minPerMethod).map(([path]) => path);
  }

  get report(): ShadowReport {
    const methods = [...this.#methods].map(([method, tally]) =>
      tally.report(method, this.comparedAs(method)),
    );
    return {
      compared: this.compared,
      agreed: this.compared - this.disagreed,
      disagreed: this.disagreed,
      skipped: { ...this.#skipped },
      methods,
      disagreements: [...this.#disagreements],
      unsteadyFields: [...this.#unsteady],
    };
  }
}

/** Of one method. */
export class MethodTally {
  agreed = 0;
  disagreed = 0;
  readonly old = new LatestTimes();
  readonly new = new LatestTimes();

  get compared(): number {
    return this.agreed + this.disagreed;
  }

  report(method: string, comparedAs: 'message' | 'bytes'): ShadowMethod {
    const { compared, agreed, disagreed } = this;
    const [old, other] = [this.old.times, this.new.times];
    return {
      method,
      comparedAs,
      compared,
      agreed,
      disagreed,
      ...(old === undefined ? {} : { old }),
      ...(other === undefined ? {} : { new: other }),
    };
  }
}

const KEPT = 512;

class LatestTimes {
  readonly #kept: number[] = [];
  #next = 0;

  add(ms: number): void {
    this.#kept[this.#next] = ms;
    this.#next = (this.#next + 1) % KEPT;
  }

  get times(): ShadowTimes | undefined {
    if (this.#kept.length === 0) return undefined;
    const sorted = this.#kept.toSorted((one, other) => one - other);
    const at = (part: number): number => rounded(sorted[Math.ceil(part * sorted.length) - 1] ?? 0);
    return { p50Ms: at(0.5), p99Ms: at(0.99) };
  }
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}

function sum(methods: ReadonlyMap<string, MethodTally>, of: (tally: MethodTally) => number): number {
  let total = 0;
  for (const tally of methods.values()) total += of(tally);
  return total;
}
