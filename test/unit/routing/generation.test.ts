import { Endpoint, type RunningCall } from '../../../host/src/routing/endpoint';
import { Generation } from '../../../host/src/routing/generation';
import { FakeChannel } from './fake-channel';

const endpoint = () => new Endpoint(1, new FakeChannel());

function generationOf(count: number): { generation: Generation; endpoints: Endpoint[] } {
  const generation = new Generation(1);
  const endpoints = Array.from({ length: count }, endpoint);
  for (const one of endpoints) generation.add(one);
  return { generation, endpoints };
}

/** A call in flight on an endpoint; returns what ends it. */
function enter(one: Endpoint | undefined, waitedMs = 0): () => void {
  if (one === undefined) throw new Error('nowhere to go');
  const call: RunningCall = { path: '/test/Call', cut: () => one.leave(call, 'cut') };
  one.enter(call, waitedMs);
  return () => one.leave(call, 'ended');
}

describe('a call goes', () => {
  test('to the endpoint with the fewest calls in flight', () => {
    const { generation, endpoints } = generationOf(3);
    const [a, b, c] = endpoints;
    enter(a);
    enter(a);
    enter(b);
    const ends = enter(c);
    enter(c);
    expect([generation.pick(), generation.pick(), generation.pick()]).toEqual([b, b, b]);
    enter(b);
    enter(b);
    ends();
    expect([generation.pick(), generation.pick()]).toEqual([c, c]);
  });

  test('to equally busy ones in turns', () => {
    const { generation, endpoints } = generationOf(3);
    const picked = Array.from({ length: 9 }, () => generation.pick());
    expect(new Set(picked.slice(0, 3))).toEqual(new Set(endpoints));
    expect(picked.slice(3)).toEqual([...picked.slice(0, 3), ...picked.slice(0, 3)]);
  });

  test('nowhere while all are suspended', () => {
    const { generation, endpoints } = generationOf(2);
    const [a, b] = endpoints;
    a?.suspend('connection');
    expect([generation.pick(), generation.pick(), generation.ready]).toEqual([b, b, true]);
    b?.suspend('connection');
    expect([generation.pick(), generation.ready]).toEqual([undefined, false]);
    a?.resume('connection');
    expect([generation.pick(), generation.ready]).toEqual([a, true]);
  });

  test('to one that rests for being worse than its peers, where there is no other', () => {
    const { generation, endpoints } = generationOf(2);
    const [a, b] = endpoints;
    a?.suspend('outlier');
    expect([generation.pick(), generation.pick()]).toEqual([b, b]);
    b?.suspend('connection');
    expect(generation.pick()).toBe(a);
    a?.suspend('connection');
    expect(generation.pick()).toBeUndefined();
    // The one reason has gone, the other has not.
    a?.resume('connection');
    b?.resume('connection');
    expect([generation.pick(), generation.pick()]).toEqual([b, b]);
  });

  test('nowhere in a generation without endpoints', () => {
    expect(new Generation(1).pick()).toBeUndefined();
    expect(new Generation(1).ready).toBe(false);
  });
});

describe('whoever watches a generation', () => {
  test('hears when an endpoint comes, rests, is back and leaves, and of no change that is none', () => {
    const generation = new Generation(1);
    const heard: boolean[] = [];
    generation.watch(() => heard.push(generation.ready));
    const one = endpoint();
    generation.add(one);
    one.suspend('connection');
    one.suspend('connection');
    one.resume('connection');
    one.resume('connection');
    generation.remove(one);
    generation.remove(one);
    one.suspend('connection');
    expect(heard).toEqual([true, false, true, false]);
  });
});

describe('an endpoint that was removed', () => {
  test('keeps its calls, which count until they end, and its figures for ever', async () => {
    const { generation, endpoints } = generationOf(2);
    const [a, b] = endpoints;
    const end = enter(a, 12);
    enter(b, 5)();
    if (a) generation.remove(a);
    expect(generation.pick()).toBe(b);
    expect(generation.inFlight).toBe(1);
    expect(generation.statistics).toMatchObject({ started: 2, ended: 1, longestWaitMs: 12 });
    end();
    await new Promise((next) => setImmediate(next));
    expect(generation.inFlight).toBe(0);
    expect(generation.statistics).toMatchObject({ started: 2, ended: 2, longestWaitMs: 12 });
    if (b) generation.remove(b);
    await new Promise((next) => setImmediate(next));
    expect(generation.statistics).toMatchObject({ started: 2, ended: 2, longestWaitMs: 12 });
    expect(generation.endpoints).toEqual([]);
  });
});

test('a drain waits for the calls of every endpoint, and sums them up', async () => {
  const { generation, endpoints } = generationOf(2);
  const [a, b] = endpoints;
  const end = enter(a);
  enter(b);
  const drained = generation.drain(30);
  end();
  expect(await drained).toMatchObject({ drained: 1, cut: 1 });
  expect(generation.statistics).toMatchObject({ started: 2, ended: 2, cut: 1 });
});
