import { AsyncLocalStorage } from 'node:async_hooks';
import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectivityState, Metadata, propagate, status } from '@grpc/grpc-js';
import { FollowRequest, FollowResponse } from '@plugd/protocol/gen/samples/feed/v1/feed';
import type { ResumeFields } from '../../../host/src/contract/resume-fields';
import { Endpoint } from '../../../host/src/routing/endpoint';
import { Generation } from '../../../host/src/routing/generation';
import type { Call, ParentCall } from '../../../host/src/routing/grpc-call';
import { PinnedLineage } from '../../../host/src/routing/lineage';
import type { StreamRule } from '../../../host/src/routing/stream-rule';
import { SwapChannel } from '../../../host/src/routing/swap-channel';
import { type FakeCall, FakeChannel, Heard, retryRule } from './fake-channel';

// A stream over calls whose events are the test's, so that each order of them can be had.

const follow = '/samples.feed.v1.Feed/Follow';
const fields: ResumeFields = { token: 1, request: 1, wireType: 0, type: 'uint64' };

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance', 'Date'] });
});
afterEach(() => {
  jest.useRealTimers();
});

/** A rule that the test changes. */
class Rule implements StreamRule {
  fields: ResumeFields | 'unknown' | undefined = fields;
  readonly warnings: string[] = [];

  resumes(path: string) {
    return path === follow ? this.fields : undefined;
  }

  mayBeCut(): boolean {
    return false;
  }

  warn(_: string, why: string): void {
    this.warnings.push(why);
  }
}

/** A generation with one instance. */
class Side {
  readonly channel = new FakeChannel();
  readonly endpoint: Endpoint;
  readonly generation: Generation;

  constructor(number: number) {
    this.endpoint = new Endpoint(number, this.channel);
    this.generation = new Generation(number);
    this.generation.add(this.endpoint);
  }

  /** The call that it got as the so-and-so-manieth, from 0. */
  call(index = 0): FakeCall {
    const call = this.channel.calls[index];
    if (call === undefined) throw new Error(`it got ${this.channel.calls.length} calls`);
    return call;
  }

  /** The request of that call. */
  request(index = 0): FollowRequest {
    const { sent } = this.call(index);
    expect(sent).toHaveLength(1);
    return FollowRequest.decode(Buffer.from(sent[0] ?? '', 'utf8'));
  }
}

const messageOf = (sequence: number): Buffer =>
  Buffer.from(FollowResponse.encode(FollowResponse.fromPartial({ sequence, servedBy: 'x' })).finish());

function sends(call: FakeCall, ...sequences: number[]): void {
  for (const sequence of sequences) call.listener?.onReceiveMessage(messageOf(sequence));
}

interface Setting {
  readonly rule?: Rule;
  readonly deadline?: number;
  readonly parent?: ParentCall;
  readonly after?: number;
  readonly holdLimitMs?: number;
}

/** A stream that has begun on the first of two generations. */
function stream({
  rule = new Rule(),
  deadline = Number.POSITIVE_INFINITY,
  parent = null,
  after = 0,
  holdLimitMs = 2_000,
}: Setting = {}) {
  const route = new SwapChannel({ name: 'kv', retry: retryRule, streams: rule, holdLimitMs });
  const [first, second] = [new Side(1), new Side(2)];
  route.swap(first.generation);
  const facade = route.facade();
  const heard = new Heard();
  const call = facade.createCall(follow, deadline, null, parent, propagate.DEFAULTS);
  const metadata = new Metadata();
  metadata.set('x-caller', 'me');
  call.start(metadata, heard);
  call.startRead();
  call.sendMessageWithContext({}, Buffer.from(FollowRequest.encode({ after, intervalMs: 5 }).finish()));
  call.halfClose();
  // As clients do: the next message is asked for when one has come.
  const onReceiveMessage = heard.onReceiveMessage.bind(heard);
  heard.onReceiveMessage = (message) => {
    onReceiveMessage(message);
    call.startRead();
  };
  return { route, facade, first, second, rule, call, heard };
}

const heardNumbers = ({ messages }: Heard): number[] =>
  messages.map((message) => FollowResponse.decode(Buffer.from(message as Uint8Array)).sequence);

/** Lets what was put off to the next turns happen. */
async function turns(): Promise<void> {
  for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve));
}

async function ended({ statuses }: Heard): Promise<void> {
  while (statuses.length === 0) await sleep(1);
}

function swapAndDrain(world: ReturnType<typeof stream>, limitMs = 10_000) {
  world.route.swap(world.second.generation);
  return world.first.generation.drain(limitMs);
}

describe('when its instance drains', () => {
  test('it goes on behind the last message, and its caller hears one call', async () => {
    const world = stream();
    const { first, second, heard } = world;
    sends(first.call().headers('first'), 1, 2, 3);
    const drained = swapAndDrain(world);
    expect(second.request()).toEqual({ after: 3, intervalMs: 5 });
    expect(second.call()).toMatchObject({ halfClosed: true, reads: 1 });
    expect(second.call().metadata.get('x-caller')).toEqual(['me']);
    sends(second.call().headers('second'), 4, 5);
    expect(await drained).toMatchObject({ drained: 0, cut: 0 });
    expect(first.endpoint.statistics).toMatchObject({ ended: 1, resumed: 1, cut: 0, lost: 0 });
    expect(first.call().cancelled).toHaveLength(1);
    second.call().end(status.OUT_OF_RANGE, 'enough');
    await turns();
    expect(heardNumbers(heard)).toEqual([1, 2, 3, 4, 5]);
    expect(heard.headers).toEqual(['first']);
    expect(heard.statuses).toMatchObject([{ code: status.OUT_OF_RANGE, details: 'enough' }]);
    expect(world.rule.warnings).toEqual([]);
  });

  test('what the old one still sends is not heard, once the new one has begun', async () => {
    const world = stream();
    sends(world.first.call().headers(), 1);
    swapAndDrain(world);
    sends(world.first.call(), 2);
    sends(world.second.call().headers(), 2, 3);
    sends(world.first.call(), 3, 4);
    world.first.call().end(status.INTERNAL);
    await turns();
    sends(world.second.call(), 4);
    expect(heardNumbers(world.heard)).toEqual([1, 2, 3, 4]);
    expect(world.heard.statuses).toEqual([]);
  });

  test('it stays where it is when the new one refuses, with nothing lost, until it is cut', async () => {
    const world = stream();
    sends(world.first.call().headers(), 1);
    const drained = swapAndDrain(world, 1_000);
    sends(world.first.call(), 2);
    expect(heardNumbers(world.heard)).toEqual([1]);
    world.second.call().end(status.INVALID_ARGUMENT, 'what is 1?');
    await turns();
    expect(heardNumbers(world.heard)).toEqual([1, 2]);
    sends(world.first.call(), 3);
    expect(world.rule.warnings).toEqual(['its token was refused']);
    jest.advanceTimersByTime(1_000);
    await turns();
    expect(await drained).toMatchObject({ cut: 1 });
    expect(heardNumbers(world.heard)).toEqual([1, 2, 3]);
    expect(world.heard.outcome).toEqual([status.UNAVAILABLE, 'DRAIN_TIMEOUT', 'maybe']);
    expect(world.heard.statuses[0]?.metadata.get('plugd-draining')).toEqual(['true']);
    // Nobody has tried again.
    expect(world.second.channel.calls).toHaveLength(1);
  });

  test('a refused one that its plugin ends is not resumed', async () => {
    const world = stream();
    sends(world.first.call().headers(), 1);
    swapAndDrain(world);
    world.second.call().end(status.NOT_FOUND, 'gone');
    world.first.call().end();
    world.second.call(1).end(status.NOT_FOUND, 'gone');
    expect(world.heard.outcome).toEqual([status.NOT_FOUND, 'STREAM_NOT_RESUMED', 'maybe']);
  });

  test('a new one that has nothing to say is trusted after a while', async () => {
    const world = stream();
    sends(world.first.call().headers(), 1);
    const drained = swapAndDrain(world);
    jest.advanceTimersByTime(499);
    expect(world.first.endpoint.inFlight).toBe(1);
    jest.advanceTimersByTime(1);
    await turns();
    await drained;
    sends(world.second.call().headers(), 2);
    expect(heardNumbers(world.heard)).toEqual([1, 2]);
  });

  test.each([status.OK, status.CANCELLED, status.UNAVAILABLE, status.ABORTED])(
    'that it ends with %s only means that it leaves',
    async (code) => {
      const world = stream();
      sends(world.first.call().headers(), 1);
      swapAndDrain(world);
      world.first.call().end(code, 'bye');
      sends(world.second.call().headers(), 2);
      await turns();
      expect(heardNumbers(world.heard)).toEqual([1, 2]);
      expect(world.heard.statuses).toEqual([]);
      expect(world.first.endpoint.statistics).toMatchObject({ resumed: 1 });
    },
  );

  test('one that has come to its end ends: the new one has nothing more', async () => {
    const world = stream();
    sends(world.first.call().headers(), 1);
    swapAndDrain(world);
    world.first.call().end();
    world.second.call().headers().end();
    expect(heardNumbers(world.heard)).toEqual([1]);
    expect(world.heard.statuses).toMatchObject([{ code: status.OK }]);
  });

  test('it moves over many swaps without a message in between', async () => {
    const { route, heard, first, second } = stream();
    sends(first.call().headers(), 1);
    let [from, to] = [first, second];
    for (let number = 3; number < 20; number++) {
      route.swap(to.generation);
      void from.generation.drain(10_000);
      jest.advanceTimersByTime(500);
      await turns();
      expect(to.request().after).toBe(1);
      [from, to] = [to, new Side(number)];
    }
    sends(from.call(), 2);
    expect(heardNumbers(heard)).toEqual([1, 2]);
  });

  test('it is held with the calls that come, and goes where these go', async () => {
    const world = stream();
    const { route, first, second } = world;
    sends(first.call().headers(), 1);
    route.hold();
    first.endpoint.sendOn();
    await turns();
    // It has left: nothing is waited for.
    expect(first.endpoint.inFlight).toBe(0);
    expect(route.heldCount).toBe(1);
    route.swap(second.generation);
    route.release();
    sends(second.call().headers(), 2);
    expect(second.request().after).toBe(1);
    expect(heardNumbers(world.heard)).toEqual([1, 2]);
  });

  test('after a hold that came to nothing it goes on where it was', async () => {
    const { route, first, heard } = stream();
    sends(first.call().headers(), 1);
    route.hold();
    first.endpoint.sendOn();
    await turns();
    route.release();
    sends(first.call(1).headers(), 2);
    expect(first.request(1).after).toBe(1);
    expect(heardNumbers(heard)).toEqual([1, 2]);
  });

  test('one without a message yet is asked for from its beginning', () => {
    const world = stream({ after: 7 });
    swapAndDrain(world);
    expect(world.second.request()).toEqual({ after: 7, intervalMs: 5 });
    sends(world.second.call().headers('second'), 8);
    expect(heardNumbers(world.heard)).toEqual([8]);
    expect(world.heard.headers).toEqual(['second']);
  });

  test('the one after it takes over from a new one that drains before it has said anything', async () => {
    const world = stream();
    const third = new Side(3);
    sends(world.first.call().headers(), 1);
    swapAndDrain(world);
    world.route.swap(third.generation);
    const drained = world.second.generation.drain(10_000);
    await turns();
    await drained;
    sends(third.call().headers(), 2);
    expect(third.request().after).toBe(1);
    expect(heardNumbers(world.heard)).toEqual([1, 2]);
  });

  test('a closed client’s stream goes on too', () => {
    const world = stream();
    sends(world.first.call().headers(), 1);
    world.facade.close();
    swapAndDrain(world);
    sends(world.second.call().headers(), 2);
    expect(heardNumbers(world.heard)).toEqual([1, 2]);
  });

  test('a stop of the plugin leaves it where it is', async () => {
    const { route, first, heard } = stream();
    sends(first.call().headers(), 1);
    route.close();
    const drained = first.generation.drain(100);
    await turns();
    sends(first.call(), 2);
    jest.advanceTimersByTime(100);
    expect(await drained).toMatchObject({ cut: 1 });
    expect(heardNumbers(heard)).toEqual([1, 2]);
    expect(heard.outcome).toEqual([status.UNAVAILABLE, 'DRAIN_TIMEOUT', 'maybe']);
  });
});

test('that its plugin ends it when that is stopped is its end', async () => {
  const { route, first, heard } = stream();
  sends(first.call().headers(), 1);
  route.close();
  void first.generation.drain(100);
  await turns();
  first.call().end();
  expect(heard.statuses).toMatchObject([{ code: status.OK }]);
});

describe('when its connection is lost', () => {
  test('and the next one’s channel is closed before anybody has noticed, it is opened once more', async () => {
    const world = stream();
    sends(world.first.call().headers(), 1);
    world.route.swap(world.second.generation);
    const createCall = world.second.channel.createCall.bind(world.second.channel);
    let closed = true;
    world.second.channel.createCall = () => {
      if (closed) throw new Error('Channel has been shut down');
      return createCall();
    };
    world.first.channel.break();
    await turns();
    closed = false;
    jest.advanceTimersByTime(50);
    sends(world.second.call().headers(), 2);
    expect(heardNumbers(world.heard)).toEqual([1, 2]);
  });

  test('it goes on where the route leads', async () => {
    const world = stream();
    sends(world.first.call().headers(), 1, 2);
    world.route.swap(world.second.generation);
    world.first.channel.break();
    expect(world.second.request().after).toBe(2);
    sends(world.second.call().headers(), 3);
    expect(heardNumbers(world.heard)).toEqual([1, 2, 3]);
    expect(world.first.endpoint.statistics).toMatchObject({ resumed: 1, lost: 0 });
  });

  test('it waits for another instance, as long as any call', async () => {
    jest.useRealTimers();
    const { route, first, heard } = stream({ holdLimitMs: 20 });
    sends(first.call().headers(), 1);
    first.channel.break();
    expect(route.heldCount).toBe(1);
    await ended(heard);
    expect(heard.outcome).toEqual([status.UNAVAILABLE, 'HELD_TOO_LONG', 'maybe']);
    expect(route.holdStatistics.expired).toBe(1);
  });

  test('its caller learns of a refusal of its token', async () => {
    const world = stream();
    sends(world.first.call().headers(), 1);
    world.route.swap(world.second.generation);
    world.first.channel.break();
    world.second.call().end(status.OUT_OF_RANGE, 'too old');
    expect(world.heard.outcome).toEqual([status.OUT_OF_RANGE, 'STREAM_NOT_RESUMED', 'maybe']);
    expect(world.heard.statuses[0]?.details).toMatch(/: too old$/);
    // It failed, and counts as one that did.
    expect(world.second.endpoint.statistics).toMatchObject({ lost: 1 });
  });

  test('again and again without a message, it ends after a few times, each later than the one before', async () => {
    const world = stream();
    const { first, second } = world;
    sends(first.call().headers(), 1);
    world.route.swap(second.generation);
    first.channel.break();
    expect(second.channel.calls).toHaveLength(1);
    const lose = async () => {
      second.channel.break();
      second.channel.state = connectivityState.READY;
      await turns();
      second.endpoint.resume('connection');
    };
    await lose();
    expect(second.channel.calls).toHaveLength(1);
    jest.advanceTimersByTime(50);
    expect(second.channel.calls).toHaveLength(2);
    await lose();
    jest.advanceTimersByTime(99);
    expect(second.channel.calls).toHaveLength(2);
    jest.advanceTimersByTime(1);
    expect(second.channel.calls).toHaveLength(3);
    expect(world.heard.statuses).toEqual([]);
    await lose();
    expect(world.heard.outcome).toEqual([status.UNAVAILABLE, 'INSTANCE_LOST', 'maybe']);
    jest.advanceTimersByTime(10_000);
    expect(second.channel.calls).toHaveLength(3);
  });

  test('a new one that is lost beside it is tried a few times more, while it goes on', async () => {
    const world = stream();
    const { first, second, heard } = world;
    sends(first.call().headers(), 1);
    swapAndDrain(world, 60_000);
    for (let tried = 1; tried <= 4; tried++) {
      expect(second.channel.calls).toHaveLength(tried);
      second.channel.break();
      second.channel.state = connectivityState.READY;
      await turns();
      second.endpoint.resume('connection');
      sends(first.call(), tried + 1);
      expect(heardNumbers(heard).at(-1)).toBe(tried + 1);
      // Longer, and the next one would count as one that goes on.
      jest.advanceTimersByTime(50 * 2 ** (tried - 1));
    }
    expect(second.channel.calls).toHaveLength(4);
  });
});

describe('its caller', () => {
  test('may leave it while it moves', async () => {
    const world = stream();
    sends(world.first.call().headers(), 1);
    const drained = swapAndDrain(world);
    world.call.cancelWithStatus(status.CANCELLED, 'enough');
    await turns();
    await drained;
    expect(world.first.call().cancelled).toEqual(['enough']);
    expect(world.second.call().cancelled).toHaveLength(1);
    expect(world.heard.statuses).toMatchObject([{ code: status.CANCELLED, details: 'enough' }]);
    expect([world.first.endpoint.inFlight, world.second.endpoint.inFlight]).toEqual([0, 0]);
    expect(jest.getTimerCount()).toBe(0);
  });

  test('may leave it while it is held, and between two attempts', async () => {
    const held = stream();
    sends(held.first.call().headers(), 1);
    held.first.channel.break();
    held.call.cancelWithStatus(status.CANCELLED, 'enough');
    await turns();
    expect(held.heard.outcome[0]).toBe(status.CANCELLED);
    expect(held.route.heldCount).toBe(0);

    const waits = stream();
    waits.route.swap(waits.second.generation);
    waits.first.channel.break();
    waits.second.channel.break();
    waits.call.cancelWithStatus(status.CANCELLED, 'enough');
    await turns();
    expect(waits.heard.outcome[0]).toBe(status.CANCELLED);
    expect(jest.getTimerCount()).toBe(0);
  });

  test('keeps his deadline, also where it passes in the middle of a move', async () => {
    const world = stream({ deadline: Date.now() + 10 });
    sends(world.first.call().headers(), 1);
    swapAndDrain(world);
    await sleep(20);
    world.second.call().end(status.DEADLINE_EXCEEDED, 'late');
    world.first.call().end(status.DEADLINE_EXCEEDED, 'late');
    await turns();
    expect(world.heard.statuses).toMatchObject([{ code: status.DEADLINE_EXCEEDED }]);
    expect(world.heard.statuses[0]?.metadata.get('plugd-code')).toEqual([]);
    expect(world.rule.warnings).toEqual([]);
  });

  test('keeps his deadline while it is held', async () => {
    jest.useRealTimers();
    const { first, heard } = stream({ deadline: Date.now() + 20 });
    sends(first.call().headers(), 1);
    first.channel.break();
    await ended(heard);
    expect(heard.outcome[0]).toBe(status.DEADLINE_EXCEEDED);
  });

  test('is asked no second time for what he asked for', () => {
    const world = stream();
    sends(world.first.call().headers(), 1);
    swapAndDrain(world);
    expect(world.second.call().reads).toBe(1);
    sends(world.second.call().headers(), 2);
    expect(world.second.call().reads).toBe(2);
  });

  test('hears no message that he has not asked for', async () => {
    const world = stream();
    const { heard, call, first, second } = world;
    sends(first.call().headers(), 1);
    // He is slow: his last question is open, and there is no other.
    heard.onReceiveMessage = (message) => heard.messages.push(message);
    sends(first.call(), 2);
    swapAndDrain(world);
    expect(second.call().reads).toBe(0);
    call.startRead();
    expect(second.call().reads).toBe(1);
    sends(second.call().headers(), 3);
    expect(heardNumbers(heard)).toEqual([1, 2, 3]);
  });

  test('’s parent ends it, with one listener however often it has moved', async () => {
    const parent = Object.assign(new EventEmitter(), {
      cancelled: false,
      getDeadline: () => Number.POSITIVE_INFINITY,
    });
    const world = stream({ parent: parent as unknown as ParentCall });
    sends(world.first.call().headers(), 1);
    swapAndDrain(world);
    sends(world.second.call().headers(), 2);
    await turns();
    expect(parent.listenerCount('cancelled')).toBe(1);
    parent.emit('cancelled');
    await turns();
    expect(world.heard.statuses).toMatchObject([
      { code: status.CANCELLED, details: 'Cancelled by parent call' },
    ]);
    expect(parent.listenerCount('cancelled')).toBe(0);
  });

  test('’s credentials go with it', () => {
    const world = stream();
    const given: unknown[] = [];
    world.call.setCredentials({} as Parameters<Call['setCredentials']>[0]);
    const createCall = world.second.channel.createCall.bind(world.second.channel);
    world.second.channel.createCall = () => ({ ...createCall(), setCredentials: (one) => given.push(one) });
    swapAndDrain(world);
    expect(given).toHaveLength(1);
  });
});

describe('its plugin', () => {
  test('that repeats the last message when it is resumed has it dropped, once', () => {
    const world = stream();
    sends(world.first.call().headers(), 1, 2);
    swapAndDrain(world);
    sends(world.second.call().headers(), 2, 3);
    expect(heardNumbers(world.heard)).toEqual([1, 2, 3]);
    // What was dropped is asked for again.
    expect(world.second.call().reads).toBe(3);
    expect(world.rule.warnings).toEqual([]);
  });

  test('that gives two messages one token is not resumed any more', async () => {
    const world = stream();
    sends(world.first.call().headers(), 1, 2, 2);
    expect(world.rule.warnings).toEqual(['two messages after each other had the same token']);
    swapAndDrain(world);
    expect(world.second.channel.calls).toEqual([]);
    world.first.channel.break();
    expect(heardNumbers(world.heard)).toEqual([1, 2, 2]);
    expect(world.heard.outcome).toEqual([status.UNAVAILABLE, 'INSTANCE_LOST', 'maybe']);
  });

  test.each([
    ['without a token', messageOf(0)],
    ['that is no message', Buffer.from([0xff])],
    ['with a token of another type', Buffer.from([(1 << 3) | 2, 1, 65])],
  ])('that sends one %s is not resumed any more', (_, message) => {
    const world = stream();
    sends(world.first.call().headers(), 1);
    world.first.call().listener?.onReceiveMessage(message);
    swapAndDrain(world);
    expect(world.rule.warnings).toEqual(['a message came without a token']);
    expect(world.second.channel.calls).toEqual([]);
    expect(world.heard.messages).toHaveLength(2);
  });

  test('of which nobody knows yet whether it resumes is resumed if that becomes known', () => {
    const rule = new Rule();
    rule.fields = 'unknown';
    const world = stream({ rule });
    sends(world.first.call().headers(), 1, 2);
    rule.fields = fields;
    swapAndDrain(world);
    expect(world.second.request().after).toBe(2);
    sends(world.second.call().headers(), 3);
    expect(heardNumbers(world.heard)).toEqual([1, 2, 3]);
  });

  test('of which it becomes known too late for the drain goes then', () => {
    const rule = new Rule();
    rule.fields = 'unknown';
    const world = stream({ rule });
    sends(world.first.call().headers(), 1);
    swapAndDrain(world);
    expect(world.second.channel.calls).toEqual([]);
    rule.fields = fields;
    sends(world.first.call(), 2);
    expect(world.second.request().after).toBe(2);
    sends(world.second.call().headers(), 3);
    expect(heardNumbers(world.heard)).toEqual([1, 2, 3]);
    expect(world.second.channel.calls).toHaveLength(1);
  });

  test('of which it becomes known that it does not is not', () => {
    const rule = new Rule();
    rule.fields = 'unknown';
    const world = stream({ rule });
    sends(world.first.call().headers(), 1, 2);
    rule.fields = undefined;
    swapAndDrain(world);
    expect(world.second.channel.calls).toEqual([]);
  });

  test('’s next version is not given a token of another type, nor by a name that it does not know', async () => {
    for (const next of [{ ...fields, type: 'string', wireType: 2 } as const, undefined]) {
      const world = stream();
      sends(world.first.call().headers(), 1);
      world.rule.fields = next;
      swapAndDrain(world);
      expect(world.second.channel.calls).toEqual([]);
    }
  });

  test('’s next version may have its token elsewhere', () => {
    const world = stream();
    sends(world.first.call().headers(), 9);
    world.rule.fields = { ...fields, request: 2 };
    swapAndDrain(world);
    expect(world.second.request()).toEqual({ after: 0, intervalMs: 9 });
  });

  test('’s next version that turns out not to resume is not heard', async () => {
    const world = stream();
    const { route, first, second, rule, heard } = world;
    sends(first.call().headers(), 1);
    route.hold();
    first.endpoint.sendOn();
    route.swap(second.generation);
    rule.fields = undefined;
    route.release();
    sends(second.call().headers(), 1);
    await turns();
    expect(heardNumbers(heard)).toEqual([1]);
    expect(heard.outcome).toEqual([status.ABORTED, 'STREAM_NOT_RESUMED', 'maybe']);
  });
});

test('each of its calls is made in the context of its caller', () => {
  const context = new AsyncLocalStorage<string>();
  const world = context.run('caller', () => stream());
  sends(world.first.call().headers(), 1);
  let seen: unknown;
  const createCall = world.second.channel.createCall.bind(world.second.channel);
  world.second.channel.createCall = () => {
    seen = context.getStore();
    return createCall();
  };
  context.run('whoever upgrades', () => swapAndDrain(world));
  expect(seen).toBe('caller');
});

test('a stream that descends from a call in flight stays with that one’s generation', async () => {
  const route = new SwapChannel({ name: 'kv', retry: retryRule, streams: new Rule() });
  const [first, second] = [new Side(1), new Side(2)];
  route.swap(first.generation);
  const heard = new Heard();
  const ends = new AbortController();
  await new PinnedLineage('kv', 1, ends.signal).run(async () => {
    const call = route.facade().createCall(follow, Number.POSITIVE_INFINITY, null, null, undefined);
    call.start(new Metadata(), heard);
    call.sendMessageWithContext({}, Buffer.from(FollowRequest.encode({ after: 0, intervalMs: 0 }).finish()));
    call.halfClose();
  });
  ends.abort();
  sends(first.call().headers(), 1);
  route.swap(second.generation);
  void first.generation.drain(10_000);
  expect(second.channel.calls).toEqual([]);
  first.call().end();
});
