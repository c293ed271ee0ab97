import { setMaxListeners } from 'node:events';
import { type Metadata, status } from '@grpc/grpc-js';
import type { Contract } from '../contract/contract';
import type { CallTap, TappedCall } from '../routing/tap';
import type { RawAnswer, RawCall } from '../strategies/raw-call';
import type { Answer, AnswerComparer } from './compare-answers';
import type { AnswerDifference } from './difference';
import { MirrorLoad } from './mirror-load';
import type { CheckedShadowOptions } from './shadow-options';
import type { ShadowSkip } from './shadow-report';
import type { ShadowTally } from './shadow-tally';

/** What mirroring takes from its surroundings; tests have their own. */
export interface ShadowEnvironment {
  /** Of a monotonic clock, in milliseconds. */
  readonly now: () => number;
  /** From 0 to 1. */
  readonly random: () => number;
  /** For which part of its time the host was busy since it was last asked, from 0 to 1. */
  readonly utilization: () => number;
  /** Does it when what is under way has come to its end. */
  readonly later: (work: () => void) => void;
}

/** The two versions, as far as mirroring has to know them. */
export interface MirrorSides {
  readonly contract: Contract;
  readonly askOld: (call: RawCall) => Promise<RawAnswer>;
  readonly askNew: (call: RawCall) => Promise<RawAnswer>;
}

/** How often both are asked, while the old one's answers change. */
const ROUNDS = 3;

/** Makes the calls of callers once more to the new version, and compares what the two say. */
export class Mirror implements CallTap {
  readonly load: MirrorLoad;
  readonly #harmless: ReadonlySet<string>;
  readonly #ended = new AbortController();

  constructor(
    readonly options: CheckedShadowOptions,
    readonly environment: ShadowEnvironment,
    readonly tally: ShadowTally,
    private readonly sides: MirrorSides,
    private readonly comparer: AnswerComparer,
  ) {
    this.load = new MirrorLoad(options, environment.now, environment.utilization);
    // One for each call that is under way: Node would take so many for a leak.
    setMaxListeners(0, this.#ended.signal);
    this.#harmless = new Set(options.harmless);
  }

  call(path: string, metadata: Metadata): TappedCall | undefined {
    if (this.#ended.signal.aborted) return undefined;
    if (!this.mirrors(path)) {
      this.tally.skip('sideEffects');
      return undefined;
    }
    const method = this.tally.method(path);
    const { samplePercent, minPerMethod } = this.options;
    // A method that is rarely called would else be left out for a long time, by chance or for those that are called often.
    const rare = method.compared < minPerMethod;
    const wanted = rare || this.environment.random() * 100 < samplePercent;
    const skip = wanted ? this.load.admit(rare) : 'sample';
    if (skip === undefined) return new WatchedCall(this, path, metadata.clone());
    this.tally.skip(skip);
    return undefined;
  }

  /** Whether calls of the method are mirrored: what isn't known has side effects. */
  mirrors(path: string): boolean {
    const method = this.sides.contract.method(path);
    if (method === undefined || method.requestStream || method.responseStream) return false;
    if (method.idempotency === 'no-side-effects') return true;
    return method.idempotency === 'idempotent' && this.#harmless.has(path);
  }

  /** The caller has its answer; the new one is asked when the host has nothing else to do. */
  begin(call: MirroredCall): void {
    const { load, environment } = this;
    if (this.#ended.signal.aborted) return;
    if (!load.take()) {
      this.tally.skip('busy');
      return;
    }
    load.hold(call.bytes);
    environment.later(() => {
      this.#mirror(call)
        // Whatever is wrong here is no business of callers; it makes for one comparison less.
        .catch(() => this.tally.skip('unfinished'))
        .finally(() => {
          load.letGo(call.bytes);
          load.giveBack();
        });
    });
  }

  /** Calls under way are given up, and nothing more is counted. */
  end(): void {
    this.#ended.abort();
  }

  async #mirror(call: MirroredCall): Promise<void> {
    const timeoutMs = this.options.callTimeoutMs ?? Math.min(10_000, Math.max(5_000, 10 * call.elapsedMs));
    const { signal } = this.#ended;
    const { path, request, metadata } = call;
    const ask = { path, request, metadata, timeoutMs, signal };
    const method = this.tally.method(path);
    let old = call.answer;
    let changed: readonly AnswerDifference[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const answer = await this.sides.askNew(ask);
      if (signal.aborted) return;
      method.new.add(answer.elapsedMs);
      const differences = this.#differences(path, old, answer);
      if (differences === undefined) return;
      if (differences.length === 0) {
        this.tally.agree(path);
        return;
      }
      // Whoever declared the side effects harmless spoke of the new one's.
      if (!this.#mayAskOld(path)) return this.#disagree(call, differences);
      // It may be that a caller has changed meanwhile what both were asked for. Then the old one would say otherwise now.
      const again = await this.sides.askOld(ask);
      if (signal.aborted) return;
      if (!tellsOfRequest(again.code)) break;
      const since = this.#differences(path, old, again);
      if (since === undefined) return;
      if (since.length === 0) return this.#disagree(call, differences);
      changed = since;
      old = again;
    }
    this.tally.unsteady(path, changed);
  }

  #mayAskOld(path: string): boolean {
    return this.sides.contract.method(path)?.idempotency === 'no-side-effects';
  }

  #disagree({ path, request }: MirroredCall, differences: readonly AnswerDifference[]): void {
    this.tally.disagree(path, differences, this.comparer.revealed(path, request));
    // It is decided: one that floods the host has no further calls to do it with.
    if (this.tally.disagreed > this.options.maxDisagreements) this.end();
  }

  /** Undefined: that would take too long to find out. */
  #differences(path: string, old: Answer, other: Answer): readonly AnswerDifference[] | undefined {
    const { maxBytes } = this.options;
    const length = other.message?.length ?? 0;
    if (length > maxBytes || other.tooLarge === true) {
      const size = (bytes: number): string => `${bytes} bytes`;
      const told = length > maxBytes ? size(length) : `more than ${size(maxBytes)}`;
      return [{ field: '', kind: 'size', old: size(old.message?.length ?? 0), new: told }];
    }
    const begun = this.environment.now();
    try {
      return this.comparer.differences(path, old, other);
    } catch {
      // Too many values to be compared while callers wait for the host.
      this.tally.skip('size');
      return undefined;
    } finally {
      this.load.worked(this.environment.now() - begun);
    }
  }
}

/** A call that has ended, as it is made once more. */
interface MirroredCall {
  readonly path: string;
  readonly metadata: Metadata;
  readonly request: Uint8Array;
  readonly answer: Answer;
  readonly elapsedMs: number;
  readonly bytes: number;
}

/** A call of which request and answer are kept, until it is known whether it is mirrored. */
class WatchedCall implements TappedCall {
  readonly #mirror: Mirror;
  readonly #path: string;
  readonly #metadata: Metadata;
  readonly #begun: number;
  #request: Uint8Array | undefined;
  #response: Uint8Array | undefined;
  #held = 0;
  #dropped = false;

  constructor(mirror: Mirror, path: string, metadata: Metadata) {
    this.#mirror = mirror;
    this.#path = path;
    this.#metadata = metadata;
    this.#begun = mirror.environment.now();
  }

  request(message: Uint8Array): void {
    this.#request ??= this.#keep(message);
  }

  response(message: Uint8Array): void {
    this.#response ??= this.#keep(message);
  }

  /** A copy: the caller goes on to do with its messages what it likes. */
  #keep(message: Uint8Array): Uint8Array | undefined {
    if (this.#dropped) return undefined;
    const { options, load } = this.#mirror;
    if (message.length > options.maxBytes) return this.#drop('size');
    if (!load.hold(message.length)) return this.#drop('busy');
    this.#held += message.length;
    return Buffer.from(message);
  }

  #drop(why: ShadowSkip): undefined {
    this.#dropped = true;
    this.#mirror.tally.skip(why);
  }

  end(code: status, details: string): void {
    const { load, tally, environment } = this.#mirror;
    load.letGo(this.#held);
    if (this.#dropped) return;
    const [request, message] = [this.#request, this.#response];
    if (request === undefined || !tellsOfRequest(code) || (code === status.OK && message === undefined)) {
      tally.skip('unfinished');
      return;
    }
    const elapsedMs = environment.now() - this.#begun;
    tally.method(this.#path).old.add(elapsedMs);
    this.#mirror.begin({
      path: this.#path,
      metadata: this.#metadata,
      request,
      answer: { code, details, message: code === status.OK ? message : undefined },
      elapsedMs,
      bytes: this.#held,
    });
  }
}

/** Whether a status says something about the request, and not about the moment, the load or the caller. */
function tellsOfRequest(code: status): boolean {
  return (
    code !== status.CANCELLED &&
    code !== status.DEADLINE_EXCEEDED &&
    code !== status.UNAVAILABLE &&
    code !== status.RESOURCE_EXHAUSTED
  );
}
