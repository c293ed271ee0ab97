import { connectivityState, Metadata, propagate, status } from '@grpc/grpc-js';
import { FollowRequest, FollowResponse } from '@plugd/protocol/gen/samples/feed/v1/feed';
import type { ResumeFields } from '../../../host/src/contract/resume-fields';
import { Endpoint } from '../../../host/src/routing/endpoint';
import { Generation } from '../../../host/src/routing/generation';
import type { CallListener } from '../../../host/src/routing/grpc-call';
import type { StreamRule } from '../../../host/src/routing/stream-rule';
import { SwapChannel } from '../../../host/src/routing/swap-channel';
import { type FakeCall, FakeChannel, retryRule } from './fake-channel';

export const followPath = '/samples.feed.v1.Feed/Follow';
const fields: ResumeFields = { token: 1, request: 1, wireType: 0, type: 'uint64' };

/** Follow is resumable. */
export const followRule: StreamRule = {
  resumes: (path) => (path === followPath ? fields : undefined),
  mayBeCut: () => false,
  warn: () => {},
};

/** A call of Follow as a server sees it that keeps to its word. */
class Served {
  #last: number | undefined;
  #sent = 0;
  ended = false;

  constructor(readonly call: FakeCall) {}

  get left(): boolean {
    return this.call.cancelled.length > 0;
  }

  get over(): boolean {
    return this.ended || this.left;
  }

  get silent(): boolean {
    return this.#sent === 0;
  }

  /** Sends the next number, if one was asked for, also to who has left meanwhile. */
  send(): void {
    const { call } = this;
    if (this.ended || call.listener === undefined || this.#sent >= call.reads) return;
    if (this.#last === undefined) {
      this.#last = FollowRequest.decode(Buffer.from(call.sent[0] ?? '', 'latin1')).after;
      call.headers();
    }
    this.#last++;
    this.#sent++;
    call.listener.onReceiveMessage(
      Buffer.from(FollowResponse.encode(FollowResponse.fromPartial({ sequence: this.#last })).finish()),
    );
  }

  end(code: status, details = ''): void {
    if (this.over) return;
    this.ended = true;
    this.call.end(code, details);
  }
}

/** A process. */
class Process {
  readonly channel = new FakeChannel();
  readonly endpoint: Endpoint;
  readonly generation: Generation;
  readonly #served: Served[] = [];
  dead = false;

  constructor(number: number) {
    this.endpoint = new Endpoint(number, this.channel);
    this.generation = new Generation(number);
    this.generation.add(this.endpoint);
  }

  get all(): readonly Served[] {
    for (const call of this.channel.calls.slice(this.#served.length)) this.#served.push(new Served(call));
    return this.#served;
  }

  /** Those that go on. */
  get served(): Served[] {
    return this.all.filter(({ over }) => !over);
  }

  die(): void {
    this.dead = true;
    this.channel.state = connectivityState.TRANSIENT_FAILURE;
    for (const one of this.served) one.end(status.UNAVAILABLE, 'Connection dropped');
  }
}

/** One follower over processes of which the newest is in the route. */
export class StreamWorld implements CallListener {
  readonly route = new SwapChannel({
    name: 'kv',
    retry: retryRule,
    streams: followRule,
    holdLimitMs: 60_000,
  });
  readonly processes: Process[] = [];
  readonly numbers: number[] = [];
  readonly statuses: { readonly code: status; readonly details: string }[] = [];
  readonly #call;

  constructor() {
    this.start();
    this.#call = this.route
      .facade()
      .createCall(followPath, Number.POSITIVE_INFINITY, null, null, propagate.DEFAULTS);
    this.#call.start(new Metadata(), this);
    this.#call.startRead();
    this.#call.sendMessageWithContext(
      {},
      Buffer.from(FollowRequest.encode({ after: 0, intervalMs: 0 }).finish()),
    );
    this.#call.halfClose();
  }

  onReceiveMetadata(): void {}

  onReceiveMessage(message: unknown): void {
    if (!(message instanceof Uint8Array)) throw new Error('no bytes');
    this.numbers.push(FollowResponse.decode(message).sequence);
    this.#call.startRead();
  }

  onReceiveStatus({ code, details }: { code: status; details: string }): void {
    this.statuses.push({ code, details });
  }

  get newest(): Process {
    const process = this.processes.at(-1);
    if (process === undefined) throw new Error('there is none');
    return process;
  }

  /** Puts a new process into the route. */
  start(): void {
    this.processes.push(new Process(this.processes.length + 1));
    this.route.swap(this.newest.generation);
  }

  /** Puts a new one into the route, and drains the one before. */
  swap(): void {
    const old = this.newest;
    this.start();
    void old.generation.drain(Number.POSITIVE_INFINITY);
  }

  /** The newest one dies, and another one takes its place, maybe later. */
  crash(replaced: boolean): void {
    this.newest.die();
    if (replaced) this.start();
  }

  /** Calls wait; then they go to a new one, or to the one from before. */
  handOver(undone: boolean): void {
    const old = this.newest;
    this.route.hold();
    old.endpoint.sendOn();
    if (!undone && !old.dead) this.swap();
    this.route.release();
  }

  /** All that go on get to say something. */
  send(times: number): void {
    for (let i = 0; i < times; i++)
      for (const process of this.processes) for (const one of process.served) one.send();
  }

  /** Those that were told to leave say something more. */
  sendOld(): void {
    for (const { endpoint, served } of this.processes)
      if (endpoint.draining) for (const one of served) one.send();
  }

  /** What was on its way arrives, though it is not wanted any more. */
  sendLate(): void {
    for (const { all } of this.processes) for (const one of all) if (one.left) one.send();
  }

  /** Those that were told to leave end what they have. */
  leave(code: status): void {
    for (const { endpoint, served } of this.processes)
      if (endpoint.draining) for (const one of served) one.end(code);
  }

  /** The newest one refuses what it has not answered yet, where that costs the caller nothing. */
  refuse(): void {
    const others = this.processes.slice(0, -1).some((one) => one.served.length > 0);
    if (others) for (const one of this.newest.served) if (one.silent) one.end(status.OUT_OF_RANGE, 'no');
  }
}
