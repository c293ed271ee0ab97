import { Metadata } from '@grpc/grpc-js';
import { Endpoint } from '../../../host/src/routing/endpoint';
import { Generation } from '../../../host/src/routing/generation';
import { Split } from '../../../host/src/routing/split';
import { SwapChannel } from '../../../host/src/routing/swap-channel';
import { FakeChannel } from './fake-channel';

function generation(number: number): { generation: Generation; endpoint: Endpoint } {
  const made = new Generation(number);
  const endpoint = new Endpoint(number, new FakeChannel());
  made.add(endpoint);
  return { generation: made, endpoint };
}

const withKey = (value: string): Metadata => {
  const metadata = new Metadata();
  metadata.set('user', value);
  return metadata;
};

const users = Array.from({ length: 2_000 }, (_, index) => `user ${index}`);

test('the lot decides for each call by itself', () => {
  const stays = generation(1);
  const comes = generation(2);
  const draws = [0, 0.249, 0.25, 0.999];
  const split = new Split(stays.generation, comes.generation, {
    share: 0.25,
    draw: () => draws.shift() ?? 1,
  });
  expect([1, 2, 3, 4].map(() => split.pick()?.generation)).toEqual([2, 2, 1, 1]);
});

test('calls with the same value stay on one side, and as the share grows none comes back', () => {
  const stays = generation(1);
  const comes = generation(2);
  let before = new Set<string>();
  for (const share of [0.05, 0.25, 0.5, 0.9]) {
    const split = new Split(stays.generation, comes.generation, { share, stickyKey: 'user' });
    const over = (user: string) => split.pick(withKey(user))?.generation === 2;
    const now = new Set(users.filter(over));
    expect(users.filter(over)).toEqual([...now]);
    expect([...before].filter((user) => !now.has(user))).toEqual([]);
    // Four standard deviations of a fair draw.
    const tolerance = 4 * Math.sqrt((share * (1 - share)) / users.length);
    expect(Math.abs(now.size / users.length - share)).toBeLessThan(tolerance);
    before = now;
  }
});

test('other callers are the first ones in the next upgrade', () => {
  const firstOf = (number: number) => {
    const split = new Split(generation(1).generation, generation(number).generation, {
      share: 0.1,
      stickyKey: 'user',
    });
    return users.filter((user) => split.pick(withKey(user))?.generation === number);
  };
  const [second, third] = [firstOf(2), new Set(firstOf(3))];
  expect(second.filter((user) => third.has(user)).length).toBeLessThan(second.length / 2);
});

test('calls without the key are shared one by one', () => {
  const split = new Split(generation(1).generation, generation(2).generation, {
    share: 0.5,
    stickyKey: 'user',
    draw: () => 0,
  });
  expect(split.pick(new Metadata())?.generation).toBe(2);
  expect(split.pick()?.generation).toBe(2);
});

describe('in the route', () => {
  const open = (share: number) => {
    const route = new SwapChannel({ name: 'test' });
    const stays = generation(1);
    const comes = generation(2);
    route.swap(stays.generation);
    route.share(comes.generation, { share, draw: () => 0 });
    const next = () => route.open?.pick()?.generation;
    return { route, stays, comes, next };
  };

  test('what is on trial and can’t be called leaves its share to the other one', () => {
    const { comes, next } = open(0.5);
    expect(next()).toBe(2);
    comes.endpoint.suspend('unhealthy');
    expect(next()).toBe(1);
    comes.endpoint.resume('unhealthy');
    expect(next()).toBe(2);
  });

  test('what is on trial does not stand in for the one that serves, unless it has all calls', () => {
    const { route, stays, comes, next } = open(0.5);
    stays.endpoint.suspend('connection');
    expect(route.open).toBeUndefined();
    route.share(comes.generation, { share: 1 });
    expect(next()).toBe(2);
  });

  test('what has been on trial takes no more calls, or all of them', () => {
    const { route, stays, comes, next } = open(1);
    route.unshare();
    expect(next()).toBe(1);
    route.share(comes.generation, { share: 1 });
    route.swap(comes.generation);
    expect(next()).toBe(2);
    stays.endpoint.suspend('connection');
    expect(next()).toBe(2);
  });

  test('a call that descends from one on trial goes there, also when the trial is over', () => {
    const { route, comes } = open(0.5);
    const call = { path: '/a/B', cut: () => {} };
    comes.endpoint.enter(call, 0);
    expect(route.descendant(2, '/a/B')).toBe(comes.endpoint);
    route.unshare();
    expect(route.descendant(2, '/a/B')).toBe(comes.endpoint);
    comes.endpoint.leave(call, 'ended');
    expect(route.descendant(2, '/a/B')).toBeUndefined();
  });

  test('after its end nobody is let in', () => {
    const { route, comes } = open(0.5);
    route.close();
    expect(route.open).toBeUndefined();
    expect(() => route.share(comes.generation, { share: 0.5 })).toThrow(
      expect.objectContaining({ code: 'ROUTE_CLOSED' }),
    );
  });
});
