import { setImmediate as turn } from 'node:timers/promises';
import { Metadata, status } from '@grpc/grpc-js';
import type { Contract } from '../../../host/src/contract/contract';
import type { CallTap } from '../../../host/src/routing/tap';
import type { ShadowEnvironment } from '../../../host/src/shadow/mirror';
import type { RawAnswer, RawCall } from '../../../host/src/strategies/raw-call';
import type { ShiftProgress, Traffic, TrafficSide } from '../../../host/src/strategies/traffic';
import { testContract } from './dynamic-messages';

/** What a version does with a call: its answer, or a code. */
export type Version = (call: RawCall) => Uint8Array | status | Promise<Uint8Array | status>;

export interface FakeCall {
  readonly path: string;
  readonly request?: Uint8Array;
  readonly metadata?: Metadata;
  /** How long the old one takes. */
  readonly ms?: number;
}

/** Two versions that are functions, and a time that passes only while the strategy waits. */
export class FakeTraffic implements Traffic {
  readonly plugin = 'test';
  readonly progressed: ShiftProgress[] = [];
  readonly asked = { old: [] as RawCall[], new: [] as RawCall[] };
  readonly old: TrafficSide;
  readonly new: TrafficSide;
  readonly #abort = new AbortController();
  promoted = false;
  now = 0;
  tapped: CallTap | undefined;
  /** What callers do while time passes. */
  onWait: (traffic: FakeTraffic) => void | Promise<void> = () => {};
  /** Fails the waits from now on. */
  loss: Error | undefined;
  /** Chance, for samples. */
  random = 0;
  /** How busy the host is. */
  utilization = 0;
  #later: (() => void)[] = [];

  constructor(
    readonly oldVersion: Version,
    readonly newVersion: Version,
    contract: Contract = testContract,
  ) {
    this.old = this.#side('1.0.0', 1, contract, 'old');
    this.new = this.#side('2.0.0', 2, contract, 'new');
  }

  get environment(): ShadowEnvironment {
    return {
      now: () => this.now,
      random: () => this.random,
      utilization: () => this.utilization,
      later: (work) => {
        this.#later.push(work);
      },
    };
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  abort(reason: Error): void {
    this.#abort.abort(reason);
    this.loss = reason;
  }

  split(): void {
    throw new Error('callers are the old one’s');
  }

  tap(tap: CallTap | undefined): void {
    if (this.signal.aborted) throw this.signal.reason;
    this.tapped = tap;
  }

  call(call: RawCall): Promise<RawAnswer> {
    return this.new.call(call);
  }

  async wait(ms: number): Promise<void> {
    if (this.loss !== undefined) throw this.loss;
    this.now += ms;
    await this.onWait(this);
    await this.settle();
    if (this.loss !== undefined) throw this.loss;
  }

  progress(progress: ShiftProgress): void {
    this.progressed.push(progress);
  }

  /** A caller's call, from its start to its end. Nothing is mirrored before {@link settle}. */
  async callOld({ path, request = new Uint8Array(0), metadata = new Metadata(), ms = 1 }: FakeCall) {
    const tapped = this.tapped?.call(path, metadata);
    tapped?.request(request);
    const said = await this.oldVersion({ path, request, timeoutMs: 1_000 });
    this.now += ms;
    if (typeof said !== 'number') tapped?.response(said);
    tapped?.end(typeof said === 'number' ? said : status.OK, '');
    return tapped !== undefined;
  }

  /** What was to be done later is done, as far as it can be without time. */
  async settle(): Promise<void> {
    for (const work of this.#later.splice(0)) work();
    for (let round = 0; round < 5; round++) await turn();
  }

  #side(version: string, generation: number, contract: Contract, name: 'old' | 'new'): TrafficSide {
    return {
      version,
      generation,
      whole: 1,
      instances: 1,
      inFlight: 0,
      contract,
      observe: () => () => {},
      cpuMs: async () => undefined,
      resize: async () => {},
      call: async (call) => {
        this.asked[name].push(call);
        const said = await (name === 'old' ? this.oldVersion : this.newVersion)(call);
        return typeof said === 'number'
          ? { code: said, details: '', message: undefined, elapsedMs: 1 }
          : { code: status.OK, details: '', message: said, elapsedMs: 1 };
      },
    };
  }
}
