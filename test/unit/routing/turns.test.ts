import { connectivityState, Metadata, status } from '@grpc/grpc-js';
import { Endpoint } from '../../../host/src/routing/endpoint';
import { Generation } from '../../../host/src/routing/generation';
import type { Call } from '../../../host/src/routing/grpc-call';
import { until } from '../rpc/local-kv';
import { cleanUp } from '../rpc/local-server';
import { FakeChannel, Heard, retryRule } from './fake-channel';
import { newRoute } from './local-route';

afterEach(cleanUp);

const GET = '/samples.kv.v1.Kv/Get';

/** Calls that have been lost with two processes, one after the other: a third is there, and has its first call. */
function lostTwice(count: number) {
  const route = newRoute({ retry: retryRule, holdLimitMs: 30_000 });
  const generation = new Generation(1);
  const add = (): FakeChannel => {
    const channel = new FakeChannel();
    generation.add(new Endpoint(1, channel));
    return channel;
  };
  const begin = (): { call: Call; heard: Heard } => {
    const call = route.facade().createCall(GET, Number.POSITIVE_INFINITY, undefined, null, undefined);
    const heard = new Heard();
    call.start(new Metadata(), heard);
    call.startRead();
    call.sendMessageWithContext({}, Buffer.from('a'));
    call.halfClose();
    return { call, heard };
  };
  const first = add();
  route.swap(generation);
  const calls = Array.from({ length: count }, begin);
  first.break();
  const second = add();
  expect(second.calls).toHaveLength(count);
  second.break();
  const third = add();
  return { route, calls, third, add, begin };
}

test('calls that were lost twice are begun one after the other, in their order', () => {
  const { route, calls, third } = lostTwice(3);
  for (let i = 0; i < 3; i++) {
    expect(third.calls).toHaveLength(i + 1);
    expect(route.heldCount).toBe(2 - i);
    third.calls[i]?.message(`answer ${i}`).end();
  }
  expect(calls.map(({ heard }) => heard.messages)).toEqual([['answer 0'], ['answer 1'], ['answer 2']]);
});

test('one that ends its process again takes none of the others along', () => {
  const { calls, third, add } = lostTwice(3);
  third.break();
  expect(third.calls).toHaveLength(1);
  const fourth = add();
  fourth.calls[0]?.message('answer').end();
  fourth.calls[1]?.message('answer').end();
  const [culprit, ...others] = calls;
  expect(culprit?.heard.outcome).toEqual([status.UNAVAILABLE, 'INSTANCE_LOST', 'maybe']);
  for (const { heard } of others) expect(heard.outcome).toEqual([status.OK, undefined, undefined]);
});

test('no other call waits for them', () => {
  const { third, begin } = lostTwice(2);
  const { heard } = begin();
  third.calls[1]?.message('answer').end();
  expect(heard.messages).toEqual(['answer']);
});

test('one that is given up in its turn or before lets the next one go', () => {
  const { calls, third } = lostTwice(3);
  calls[1]?.call.cancelWithStatus(status.CANCELLED, 'given up');
  third.calls[0]?.end(status.CANCELLED, 'given up');
  expect(third.calls).toHaveLength(2);
  third.calls[1]?.message('answer').end();
  expect(calls[2]?.heard.messages).toEqual(['answer']);
});

test('the others do not wait for one that lasts', async () => {
  const { calls, third } = lostTwice(4);
  await until(() => third.calls.length === 4, 'all have gone');
  expect(third.state).toBe(connectivityState.READY);
  for (const call of third.calls) call.message('answer').end();
  for (const { heard } of calls) expect(heard.messages).toEqual(['answer']);
});

test('their wait has its limit like any other', async () => {
  const { route, calls } = lostTwice(2);
  expect(route.heldCount).toBe(1);
  route.close();
  expect(route.heldCount).toBe(0);
  await until(() => calls[1]?.heard.statuses.length === 1, 'its status has come');
  expect(calls[1]?.heard.outcome).toEqual([status.UNAVAILABLE, 'ROUTE_CLOSED', 'maybe']);
});
