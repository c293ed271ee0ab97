import { connectivityState, Metadata, status } from '@grpc/grpc-js';
import { Endpoint } from '../../../host/src/routing/endpoint';
import { Generation } from '../../../host/src/routing/generation';
import type { Call } from '../../../host/src/routing/grpc-call';
import { type RetryRule, replayLimitBytes } from '../../../host/src/routing/replay';
import { until } from '../rpc/local-kv';
import { cleanUp } from '../rpc/local-server';
import { FakeChannel, Heard, retryRule } from './fake-channel';
import { newRoute } from './local-route';

afterEach(cleanUp);

/** A route to a generation of so many instances, with somebody who sees to lost ones. */
function newGeneration(count: number, retry: RetryRule | undefined = retryRule, holdLimitMs = 2_000) {
  const route = newRoute({ ...(retry === undefined ? {} : { retry }), holdLimitMs });
  const generation = new Generation(1);
  const channels = Array.from({ length: count }, () => new FakeChannel());
  const add = (channel = new FakeChannel()) => {
    generation.add(new Endpoint(1, channel));
    return channel;
  };
  for (const channel of channels) add(channel);
  route.swap(generation);
  return { route, generation, channels, add };
}

type Route = ReturnType<typeof newGeneration>['route'];

function begin(
  route: Route,
  method: 'Get' | 'Watch' | 'Load',
  about: { deadline?: number; messages?: string[] } = {},
): { call: Call; heard: Heard } {
  const { deadline = Number.POSITIVE_INFINITY, messages = ['a'] } = about;
  const call = route.facade().createCall(`/samples.kv.v1.Kv/${method}`, deadline, undefined, null, undefined);
  const heard = new Heard();
  const metadata = new Metadata();
  metadata.set('x-caller', 'me');
  call.start(metadata, heard);
  call.startRead();
  for (const message of messages) call.sendMessageWithContext({}, Buffer.from(message));
  call.halfClose();
  return { call, heard };
}

/** The one channel of some that has calls. */
function busy(channels: readonly FakeChannel[]): FakeChannel {
  const found = channels.find(({ calls }) => calls.length > 0);
  if (found === undefined) throw new Error('no call was begun');
  return found;
}

const spare = (channels: readonly FakeChannel[]) => {
  const found = channels.find(({ calls }) => calls.length === 0);
  if (found === undefined) throw new Error('all were called');
  return found;
};

describe('a call whose connection is lost', () => {
  test('is begun anew on another instance with all that it was told, and its caller hears of one answer', async () => {
    const { route, channels, generation } = newGeneration(2);
    const { heard } = begin(route, 'Get', { messages: ['a', 'b'] });
    const first = busy(channels);
    const second = spare(channels);
    first.calls[0]?.headers('the lost one');
    first.break();
    const [again] = second.calls;
    expect(again).toMatchObject({ sent: ['a', 'b'], halfClosed: true, reads: 1 });
    expect(again?.metadata.get('x-caller')).toEqual(['me']);
    expect(heard.headers).toEqual([]);
    again?.headers('the good one').message('answer').end();
    expect(heard).toMatchObject({ headers: ['the good one'], messages: ['answer'] });
    expect(heard.outcome).toEqual([status.OK, undefined, undefined]);
    expect(generation.statistics).toMatchObject({ started: 2, ended: 2, retried: 1, lost: 0, cut: 0 });
    expect(generation.inFlight).toBe(0);
  });

  test('waits where there is no other, and goes on when one comes', () => {
    const { route, channels, add } = newGeneration(1);
    const { heard } = begin(route, 'Get');
    busy(channels).break();
    expect(route.heldCount).toBe(1);
    expect(heard.statuses).toEqual([]);
    const next = add();
    expect(route.heldCount).toBe(0);
    next.calls[0]?.message('answer').end();
    expect(heard.messages).toEqual(['answer']);
  });

  test.each(['Connection dropped', 'Received RST_STREAM with code 8 (Bufferstream closed)'])(
    'is known by the words of grpc-js as well: %s',
    (details) => {
      const { route, channels } = newGeneration(2);
      begin(route, 'Get');
      const first = busy(channels);
      first.become(connectivityState.IDLE);
      first.calls[0]?.end(status.INTERNAL, details);
      expect(channels.map(({ calls }) => calls.length)).toEqual([1, 1]);
    },
  );

  test('fails with INSTANCE_LOST where it may not be repeated', () => {
    const { route, channels, generation } = newGeneration(2);
    const { heard } = begin(route, 'Load');
    busy(channels).break();
    expect(heard.outcome).toEqual([status.UNAVAILABLE, 'INSTANCE_LOST', 'maybe']);
    expect(spare(channels).calls).toEqual([]);
    expect(generation.statistics).toMatchObject({ started: 1, ended: 1, lost: 1, retried: 0 });
  });

  test('fails as it did before, where nobody sees to lost connections', () => {
    const route = newRoute();
    const channel = new FakeChannel();
    route.swap({ number: 1, channel });
    const { heard } = begin(route, 'Get');
    channel.break();
    expect(heard.outcome).toEqual([status.UNAVAILABLE, undefined, undefined]);
  });

  test('is begun no more often than attempts says', () => {
    const { route, channels } = newGeneration(5);
    const { heard } = begin(route, 'Get');
    for (let i = 0; i < 3; i++) {
      const now = channels.find(({ calls, state }) => calls.length > 0 && state === connectivityState.READY);
      now?.break();
    }
    expect(heard.outcome).toEqual([status.UNAVAILABLE, 'INSTANCE_LOST', 'maybe']);
    expect(channels.filter(({ calls }) => calls.length > 0)).toHaveLength(3);
  });

  test('whose instance is known to be dead is lost, though its channel has not noticed', () => {
    const { route, channels, generation } = newGeneration(2);
    const { heard } = begin(route, 'Get');
    const first = busy(channels);
    const dead = generation.endpoints.find(({ channel }) => channel === first);
    dead?.lose();
    if (dead) generation.remove(dead);
    first.calls[0]?.end(status.UNAVAILABLE, 'Connection dropped: the process has ended');
    const other = channels.find((one) => one !== first);
    other?.calls[0]?.message('answer').end();
    expect(heard.messages).toEqual(['answer']);
  });
});

describe('a call on an instance that is given up, since it hangs', () => {
  const refusal = { code: 'INSTANCE_LOST', details: 'it does not answer' } as const;

  test('is begun anew elsewhere when it is cut', async () => {
    const { route, channels, generation } = newGeneration(2);
    const { heard } = begin(route, 'Get');
    const first = busy(channels);
    const second = spare(channels);
    const hanging = generation.endpoints.find(({ channel }) => channel === first);
    hanging?.lose();
    expect(await hanging?.drain(0, refusal)).toMatchObject({ cut: 0 });
    second.calls[0]?.message('answer').end();
    expect(heard.messages).toEqual(['answer']);
    expect(generation.statistics).toMatchObject({ started: 2, ended: 2, retried: 1, cut: 0, lost: 0 });
  });

  test('fails with INSTANCE_LOST where it may not be repeated', async () => {
    const { route, channels, generation } = newGeneration(2);
    const { heard } = begin(route, 'Load');
    const hanging = generation.endpoints.find(({ channel }) => channel === busy(channels));
    hanging?.lose();
    await hanging?.drain(0, refusal);
    expect(heard.outcome).toEqual([status.UNAVAILABLE, 'INSTANCE_LOST', 'maybe']);
    expect(heard.statuses[0]?.details).toBe('it does not answer');
    expect(generation.statistics).toMatchObject({ lost: 1, cut: 0 });
  });
});

describe('an answer whose status never comes', () => {
  test('is not heard: the next one is', () => {
    const { route, channels } = newGeneration(2);
    const { heard } = begin(route, 'Get');
    const first = busy(channels);
    const second = spare(channels);
    first.calls[0]?.headers('lost').message('lost');
    expect(heard).toMatchObject({ headers: [], messages: [] });
    first.break();
    second.calls[0]?.headers('good').message('good').end();
    expect(heard).toMatchObject({ headers: ['good'], messages: ['good'] });
    expect(heard.outcome).toEqual([status.OK, undefined, undefined]);
  });
});

describe('what is not begun anew', () => {
  test('an UNAVAILABLE of the plugin itself, while its connection is there', () => {
    const { route, channels } = newGeneration(2);
    const { heard } = begin(route, 'Get');
    busy(channels).calls[0]?.end(status.UNAVAILABLE, 'come back later');
    expect(heard.outcome).toEqual([status.UNAVAILABLE, undefined, undefined]);
    expect(heard.statuses[0]?.details).toBe('come back later');
    expect(spare(channels).calls).toEqual([]);
  });

  test('another status of the plugin, though its connection breaks right after it', () => {
    const { route, channels } = newGeneration(2);
    const { heard } = begin(route, 'Get');
    const first = busy(channels);
    first.become(connectivityState.TRANSIENT_FAILURE);
    first.calls[0]?.end(status.NOT_FOUND, 'no such key');
    expect(heard.outcome).toEqual([status.NOT_FOUND, undefined, undefined]);
  });

  test('a stream whose headers have come', () => {
    const { route, channels } = newGeneration(2);
    const { heard } = begin(route, 'Watch');
    const first = busy(channels);
    first.calls[0]?.headers();
    expect(heard.headers).toEqual(['first']);
    first.break();
    expect(heard.outcome).toEqual([status.UNAVAILABLE, 'INSTANCE_LOST', 'maybe']);
    expect(spare(channels).calls).toEqual([]);
  });

  test('but a stream of which nothing has come is', () => {
    const { route, channels } = newGeneration(2);
    const { heard } = begin(route, 'Watch');
    busy(channels).break();
    const second = channels.find(({ state }) => state === connectivityState.READY);
    second?.calls[0]?.headers('second').message('1').message('2').end();
    expect(heard).toMatchObject({ headers: ['second'], messages: ['1', '2'] });
  });

  test('a call that has sent more than is kept', () => {
    const { route, channels } = newGeneration(2);
    const half = 'x'.repeat(replayLimitBytes / 2);
    const { heard } = begin(route, 'Get', { messages: [half, half, 'x'] });
    const first = busy(channels);
    expect(first.calls[0]?.sent).toHaveLength(3);
    first.break();
    expect(heard.outcome).toEqual([status.UNAVAILABLE, 'INSTANCE_LOST', 'maybe']);
  });

  test('but one that has sent exactly as much is', () => {
    const { route, channels } = newGeneration(2);
    const half = 'x'.repeat(replayLimitBytes / 2);
    begin(route, 'Get', { messages: [half, half] });
    busy(channels).break();
    expect(channels.map(({ calls }) => calls[0]?.sent.length)).toEqual([2, 2]);
  });

  test('a call that its caller has cancelled', () => {
    const { route, channels } = newGeneration(2);
    const { call, heard } = begin(route, 'Get');
    const first = busy(channels);
    call.cancelWithStatus(status.CANCELLED, 'enough');
    first.break();
    expect(heard.statuses).toHaveLength(1);
    expect(spare(channels).calls).toEqual([]);
  });

  test('a call that was cut by a drain', async () => {
    const { route, channels, generation } = newGeneration(2);
    const { heard } = begin(route, 'Get');
    expect(await generation.drain(0)).toMatchObject({ cut: 1 });
    expect(heard.outcome).toEqual([status.UNAVAILABLE, 'DRAIN_TIMEOUT', 'maybe']);
    expect(spare(channels).calls).toEqual([]);
  });
});

describe('a call that waits to be begun anew', () => {
  test('may have been executed when its deadline passes', async () => {
    const { route, channels } = newGeneration(1);
    const { heard } = begin(route, 'Get', { deadline: Date.now() + 50 });
    busy(channels).break();
    await until(() => heard.statuses.length > 0, 'its deadline');
    expect(heard.outcome).toEqual([status.DEADLINE_EXCEEDED, 'HELD_TOO_LONG', 'maybe']);
    expect(route.heldCount).toBe(0);
  });

  test('may have been executed when it has waited for as long as calls may', async () => {
    const { route, channels } = newGeneration(1, retryRule, 30);
    const { heard } = begin(route, 'Get');
    busy(channels).break();
    await until(() => heard.statuses.length > 0, 'the limit');
    expect(heard.outcome).toEqual([status.UNAVAILABLE, 'HELD_TOO_LONG', 'maybe']);
  });

  test('may have been executed when the plugin goes down', async () => {
    const { route, channels } = newGeneration(1);
    const { heard } = begin(route, 'Get');
    busy(channels).break();
    route.down({ code: 'CRASH_LOOP', details: 'no more' });
    await until(() => heard.statuses.length > 0, 'the end');
    expect(heard.outcome).toEqual([status.UNAVAILABLE, 'CRASH_LOOP', 'maybe']);
  });

  test('has not been executed if it was never sent', async () => {
    const { route, generation } = newGeneration(1);
    generation.endpoints[0]?.suspend('connection');
    const { heard } = begin(route, 'Get');
    expect(route.heldCount).toBe(1);
    route.down({ code: 'CRASH_LOOP', details: 'no more' });
    await until(() => heard.statuses.length > 0, 'the end');
    expect(heard.outcome).toEqual([status.UNAVAILABLE, 'CRASH_LOOP', 'no']);
  });

  test('is cancelled at once', async () => {
    const { route, channels, add } = newGeneration(1);
    const { call, heard } = begin(route, 'Get');
    busy(channels).break();
    call.cancelWithStatus(status.CANCELLED, 'enough');
    await until(() => heard.statuses.length > 0, 'the end');
    expect(heard.statuses[0]).toMatchObject({ code: status.CANCELLED, details: 'enough' });
    expect(route.heldCount).toBe(0);
    expect(add().calls).toEqual([]);
  });

  test('goes to the generation that is swapped in meanwhile', () => {
    const { route, channels } = newGeneration(1);
    const { heard } = begin(route, 'Get');
    busy(channels).break();
    const next = new FakeChannel();
    route.swap({ number: 2, channel: next });
    next.calls[0]?.message('answer of 2').end();
    expect(heard.messages).toEqual(['answer of 2']);
  });

  test('does not wait where the number of waiting calls is used up, and may have been executed', async () => {
    const { route, channels } = newGeneration(1);
    route.limitHolds({ holdLimitMs: 2_000, maxHeld: 0 });
    const { heard } = begin(route, 'Get');
    busy(channels).break();
    await until(() => heard.statuses.length > 0, 'the end');
    expect(heard.outcome).toEqual([status.RESOURCE_EXHAUSTED, 'HELD_TOO_MANY', 'maybe']);
    expect(route.holdStatistics).toMatchObject({ held: 0, refused: 1 });
  });
});

describe('new limits for waiting calls', () => {
  test('hold for those that come from then on', async () => {
    const { route, generation } = newGeneration(1);
    generation.endpoints[0]?.suspend('connection');
    const before = begin(route, 'Get');
    route.limitHolds({ holdLimitMs: 20, maxHeld: 2 });
    const after = begin(route, 'Get');
    const third = begin(route, 'Get');
    await until(() => third.heard.statuses.length > 0, 'the third is refused');
    expect(third.heard.outcome).toEqual([status.RESOURCE_EXHAUSTED, 'HELD_TOO_MANY', 'no']);
    await until(() => after.heard.statuses.length > 0, 'the second has waited enough');
    expect(after.heard.outcome).toEqual([status.UNAVAILABLE, 'HELD_TOO_LONG', 'no']);
    expect(before.heard.statuses).toEqual([]);
    expect(route.holdStatistics).toEqual({ held: 1, heldEver: 2, heldMost: 2, refused: 1, expired: 1 });
  });
});

describe('a place for work that is no call', () => {
  test('is the one with the fewest calls, at once', async () => {
    const { route, channels } = newGeneration(2);
    begin(route, 'Get');
    const { channel } = await route.reserve();
    expect(channel).toBe(spare(channels));
  });

  test('is waited for, as calls wait', async () => {
    const { route, generation, add } = newGeneration(1);
    const [only] = generation.endpoints;
    if (only) generation.remove(only);
    const reserving = route.reserve();
    expect(route.heldCount).toBe(1);
    const next = add();
    const endpoint = await reserving;
    expect(endpoint.channel).toBe(next);
    expect(endpoint.statistics.longestWaitMs).toBeGreaterThan(0);
    expect(route.heldCount).toBe(0);
  });

  test.each<[string, (route: Route) => void]>([
    ['HELD_TOO_LONG', () => {}],
    ['CRASH_LOOP', (route) => route.down({ code: 'CRASH_LOOP', details: 'no more' })],
    ['ROUTE_CLOSED', (route) => route.close()],
  ])('is refused with %s, as a call is', async (code, happens) => {
    const { route, generation } = newGeneration(1, retryRule, 50);
    generation.endpoints[0]?.suspend('connection');
    const refused = expect(route.reserve()).rejects.toMatchObject({ code });
    happens(route);
    await refused;
    expect(route.heldCount).toBe(0);
  });

  test('is refused with HELD_TOO_MANY where too many wait', async () => {
    const { route, generation } = newGeneration(1);
    route.limitHolds({ holdLimitMs: 1_000, maxHeld: 0 });
    generation.endpoints[0]?.suspend('connection');
    await expect(route.reserve()).rejects.toMatchObject({ code: 'HELD_TOO_MANY' });
  });
});
