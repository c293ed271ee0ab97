import { status } from '@grpc/grpc-js';
import type { Contract } from '../contract/contract';
import type { EmitEvent } from '../events/host-event';
import type { CallObserver } from '../routing/endpoint';
import { type Ejection, OutlierWatch } from './outlier-watch';
import type { Replica } from './replica';

/** How often the instances are compared. */
const judgeEveryMs = 1_000;

/** What says more of whoever answers than of whoever asks. */
const blame: ReadonlySet<status> = new Set([
  status.UNKNOWN,
  status.DEADLINE_EXCEEDED,
  status.INTERNAL,
  status.UNAVAILABLE,
  status.DATA_LOSS,
]);

/** The instances of one generation, compared by how they answer: one that does much worse rests for a while. */
export class Peers {
  readonly #contract: () => Contract;
  readonly #emit: EmitEvent;
  readonly #watch = new OutlierWatch();
  readonly #members = new Map<string, Replica>();
  #timer: NodeJS.Timeout | undefined;

  constructor(contract: () => Contract, emit: EmitEvent) {
    this.#contract = contract;
    this.#emit = emit;
  }

  /** For the calls of an instance. */
  observer(id: string): CallObserver {
    return (path, code, elapsedMs) => {
      // The length of a stream is its caller's choice; of unknown methods anybody's guess.
      const unary = this.#contract().isUnary(path);
      this.#watch.record(id, !blame.has(code), unary ? elapsedMs : undefined, performance.now());
    };
  }

  add(replica: Replica): void {
    this.#members.set(replica.id, replica);
    this.#watch.add(replica.id, performance.now());
    this.#timer ??= setInterval(() => this.#judge(), judgeEveryMs).unref();
  }

  remove(replica: Replica): void {
    this.#members.delete(replica.id);
    this.#watch.remove(replica.id);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #judge(): void {
    const { out, back } = this.#watch.judge(performance.now());
    for (const ejection of out) {
      this.#members.get(ejection.member)?.endpoint.suspend('outlier');
      this.#say(ejection.member, 'out', ejection);
    }
    for (const member of back) {
      this.#members.get(member)?.endpoint.resume('outlier');
      this.#say(member, 'back');
    }
  }

  #say(member: string, phase: 'out' | 'back', ejection?: Ejection): void {
    const replica = this.#members.get(member);
    if (replica === undefined) return;
    const { plugin, version, generation, id: instance } = replica.instance.identity;
    const cause =
      ejection === undefined
        ? { reason: 'recovered' }
        : { reason: ejection.because, message: describe(ejection) };
    this.#emit({ type: 'outlier', plugin, version, generation, instance, phase, cause });
  }
}

function describe({ because, own, others }: Ejection): string {
  return because === 'errors'
    ? `${(own * 100).toFixed(0)} % of its calls failed, and ${(others * 100).toFixed(0)} % of the others’`
    : `its calls took ${own.toFixed(1)} ms on average, and the others’ ${others.toFixed(1)} ms`;
}
