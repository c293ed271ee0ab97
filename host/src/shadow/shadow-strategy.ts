import { PluginError } from '@plugd/protocol/plugin-error';
import type { Contract } from '../contract/contract';
import type { Traffic, UpgradeStrategy } from '../strategies/traffic';
import type { AnswerComparer } from './compare-answers';
import { FieldPaths } from './field-paths';
import { Mirror, type ShadowEnvironment } from './mirror';
import { Redaction } from './redaction';
import { type CheckedShadowOptions, checkShadowOptions, type ShadowOptions } from './shadow-options';
import type { ShadowReport } from './shadow-report';
import { ShadowTally } from './shadow-tally';

/** How often it is looked whether there is enough to decide. */
const LOOK_MS = 100;
/** How often it is told how far it is. */
const TELL_MS = 1_000;
/** A loss of the new one's process may be heard a little after the calls that it failed. */
const LOSS_HEARD_MS = 250;

function realEnvironment(): ShadowEnvironment {
  let before = performance.eventLoopUtilization();
  return {
    now: () => performance.now(),
    random: Math.random,
    utilization: () => {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, before);
      before = now;
      return utilization;
    },
    later: (work) => {
      setImmediate(work);
    },
  };
}

/**
 * Shows the new version what callers ask, and compares what it says with what they got: promoted when the two agree. Callers are
 * answered by the old one alone until then.
 *
 * @throws PluginError OPTIONS_INVALID
 */
export function shadowStrategy(options?: ShadowOptions): ShadowStrategy {
  return new ShadowStrategy(options);
}

/** See {@link shadowStrategy}. One of it serves one upgrade after the other; its report is that of the latest. */
export class ShadowStrategy implements UpgradeStrategy {
  readonly name = 'shadow';
  readonly #options: CheckedShadowOptions;
  readonly #environment: ShadowEnvironment;
  #tally: ShadowTally | undefined;

  constructor(options: ShadowOptions = {}, environment: ShadowEnvironment = realEnvironment()) {
    this.#options = checkShadowOptions(options);
    this.#environment = environment;
  }

  /** What has come of it until now; undefined before the first run. */
  get report(): ShadowReport | undefined {
    return this.#tally?.report;
  }

  /**
   * @throws PluginError SHADOW_DISAGREES, SHADOW_INCONCLUSIVE, OPTIONS_INVALID where `harmless` names what may not be mirrored, and
   *   what the traffic's waits throw
   */
  async run(traffic: Traffic): Promise<void> {
    const { contract } = traffic.old;
    checkHarmless(this.#options.harmless, contract);
    const comparer = this.#comparer(contract);
    const tally = new ShadowTally(this.#options.maxReported, (method) => comparer.comparedAs(method));
    this.#tally = tally;
    const mirror = new Mirror(
      this.#options,
      this.#environment,
      tally,
      {
        contract,
        askOld: (call) => traffic.old.call(call),
        askNew: (call) => traffic.new.call({ ...call, maxBytes: this.#options.maxBytes }),
      },
      comparer,
    );
    if (!contract.services.some(({ methods }) => methods.some(({ path }) => mirror.mirrors(path)))) {
      throw inconclusive(traffic, tally.report, 'its contract has no unary method without side effects');
    }
    traffic.tap(mirror);
    try {
      await this.#judge(traffic, tally);
    } finally {
      mirror.end();
      // Where the operation has been given up, the tap has been taken away already.
      if (!traffic.signal.aborted) traffic.tap(undefined);
    }
  }

  /** With all that reads messages, which is of no use to anybody else. */
  #comparer(contract: Contract): AnswerComparer {
    const compareAnswers: typeof import('./compare-answers') = require('./compare-answers');
    const { ignore, reveal, revealRequest, compareDetails } = this.#options;
    const rules = {
      ignore: new FieldPaths(ignore),
      reveal: new FieldPaths(reveal),
      revealRequest: new FieldPaths(revealRequest),
      compareDetails,
    };
    return new compareAnswers.AnswerComparer(contract, rules, new Redaction());
  }

  /** Ends when the new one is to be promoted. */
  async #judge(traffic: Traffic, tally: ShadowTally): Promise<void> {
    const { maxDisagreements, durationMs, timeoutMs } = this.#options;
    const { now } = this.#environment;
    const begun = now();
    let toldAt = Number.NEGATIVE_INFINITY;
    while (!traffic.promoted) {
      const elapsed = now() - begun;
      if (tally.disagreed > maxDisagreements) {
        await traffic.wait(LOSS_HEARD_MS);
        if (traffic.promoted) break;
        tell(traffic, tally, this.#options, elapsed);
        throw disagrees(traffic, tally.report);
      }
      const lacks = this.#lacks(tally);
      if (lacks === undefined && elapsed >= durationMs) break;
      if (elapsed >= timeoutMs) {
        tell(traffic, tally, this.#options, elapsed);
        throw inconclusive(traffic, tally.report, `after ${timeoutMs} ms ${lacks ?? 'it was not over'}`);
      }
      if (now() - toldAt >= TELL_MS) {
        toldAt = now();
        tell(traffic, tally, this.#options, elapsed);
      }
      await traffic.wait(Math.min(LOOK_MS, timeoutMs - elapsed));
    }
    tell(traffic, tally, this.#options, now() - begun);
  }

  /** What is still missing for a decision, in words. */
  #lacks(tally: ShadowTally): string | undefined {
    const { minCalls, minPerMethod } = this.#options;
    const { compared } = tally;
    if (compared < minCalls) return `${compared} of ${minCalls} answers had been compared`;
    const methods = tally.lacking(minPerMethod);
    if (methods.length === 0) return undefined;
    return `fewer than ${minPerMethod} answers had been compared of ${methods.slice(0, 5).join(', ')}`;
  }
}

function tell(traffic: Traffic, tally: ShadowTally, options: CheckedShadowOptions, elapsedMs: number): void {
  const { report } = tally;
  const { compared, disagreed } = report;
  const { minCalls, durationMs } = options;
  const done = Math.min(1, compared / minCalls, durationMs === 0 ? 1 : elapsedMs / durationMs);
  traffic.progress({
    message: `${compared} answers compared, of at least ${minCalls}; ${disagreed} of them disagree.`,
    percentNew: 0,
    done,
    facts: { ...report },
  });
}

function disagrees({ plugin, old, new: next }: Traffic, report: ShadowReport): PluginError {
  const { compared, disagreed, disagreements } = report;
  const [first] = disagreements;
  const where =
    first === undefined ? '' : `, first ${first.method} in ${first.field === '' ? first.kind : first.field}`;
  return new PluginError(
    'SHADOW_DISAGREES',
    `Of ${compared} answers of ${plugin} ${next.version}, ${disagreed} are not those of ${old.version}${where}.`,
    { facts: { version: next.version, ...report } },
  );
}

function inconclusive({ plugin, new: next }: Traffic, report: ShadowReport, why: string): PluginError {
  return new PluginError(
    'SHADOW_INCONCLUSIVE',
    `Whether ${plugin} ${next.version} answers as before could not be told: ${why}.`,
    { facts: { version: next.version, ...report } },
  );
}

/** Never anything whose second execution might matter, whatever the options say. */
function checkHarmless(harmless: readonly string[], contract: Contract): void {
  for (const path of harmless) {
    const method = contract.method(path);
    const unary = method !== undefined && !method.requestStream && !method.responseStream;
    if (unary && method.idempotency !== 'unknown') continue;
    throw new PluginError(
      'OPTIONS_INVALID',
      `Option shadow.harmless names ${path}; it has to name unary methods that the contract says are idempotent.`,
      { facts: { option: 'shadow.harmless' } },
    );
  }
}
