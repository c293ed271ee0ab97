import type { status } from '@grpc/grpc-js';
import { Contract } from '../../../host/src/contract/contract';
import type { CallObserver } from '../../../host/src/routing/endpoint';
import type { ShiftProgress, SplitOptions, Traffic, TrafficSide } from '../../../host/src/strategies/traffic';

export const method = '/test.v1.Test/Get';

const contract = new Contract({
  services: [
    {
      name: 'test.v1.Test',
      methods: [
        {
          path: method,
          name: 'Get',
          requestStream: false,
          responseStream: false,
          inputType: undefined,
          outputType: undefined,
          idempotency: 'no-side-effects',
          levelStated: true,
        },
      ],
    },
  ],
});

/** One version: a number of instances that answer as they are told. */
export class FakeSide implements TrafficSide {
  inFlight = 0;
  cpu: number | undefined;
  readonly contract = contract;
  readonly sizes: number[] = [];
  readonly #observers = new Set<CallObserver>();

  constructor(
    readonly version: string,
    readonly generation: number,
    readonly whole: number,
    public instances: number,
    readonly onResize: (side: FakeSide, to: number) => void,
  ) {}

  get observed(): boolean {
    return this.#observers.size > 0;
  }

  observe(observer: CallObserver): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  answer(code: status, elapsedMs: number): void {
    for (const observer of this.#observers) observer(method, code, elapsedMs);
  }

  async cpuMs(): Promise<number | undefined> {
    return this.cpu;
  }

  async call(): Promise<never> {
    throw new Error('nobody calls here');
  }

  async resize(to: number): Promise<void> {
    this.onResize(this, to);
    this.instances = to;
    this.sizes.push(to);
  }
}

/** Two versions whose time passes only while a strategy waits. */
export class TwoVersions implements Traffic {
  readonly plugin = 'test';
  readonly old: FakeSide;
  readonly new: FakeSide;
  readonly told: ShiftProgress[] = [];
  readonly splits: { percent: number; at: number; options: SplitOptions | undefined }[] = [];
  readonly signal = new AbortController().signal;
  promoted = false;
  percent = 0;
  now = 0;
  /** What happens while time passes. */
  onWait: (ms: number) => void = () => {};
  /** Is told of each change of size before it is made, and may refuse it. */
  onResize: (side: FakeSide, to: number) => void = () => {};

  constructor(instances: number) {
    const told = (side: FakeSide, to: number) => this.onResize(side, to);
    this.old = new FakeSide('1.0.0', 1, instances, instances, told);
    this.new = new FakeSide('2.0.0', 2, instances, 1, told);
  }

  split(percent: number, options?: SplitOptions): void {
    this.percent = percent;
    this.splits.push({ percent, at: this.now, options });
  }

  tap(): void {}

  async call(): Promise<never> {
    throw new Error('nobody calls here');
  }

  async wait(ms: number): Promise<void> {
    this.onWait(ms);
    this.now += ms;
  }

  progress(progress: ShiftProgress): void {
    this.told.push(progress);
  }
}
