import { PluginError } from '@plugd/protocol/plugin-error';
import type { LoadOptions } from '../../../host/src/instance/load-options';
import { until } from '../rpc/local-kv';
import { type FakeInstance, supervised } from './fake-instances';

const never: Partial<LoadOptions> = { restart: { policy: 'never' } };
const startOptions = {
  signal: new AbortController().signal,
  runStep: <T>(_: unknown, work: () => Promise<T>) => work(),
};

type Room = ReturnType<typeof supervised>;

/** The next start that the supervisor asks for. */
async function nextStart({ factory }: Room) {
  await until(() => factory.pending.length > 0, 'a start is asked for');
  const [start] = factory.pending;
  if (start === undefined) throw new Error('unreachable');
  return start;
}

/** The start that is asked for comes up, and serves. */
async function comes(room: Room): Promise<FakeInstance> {
  const instance = (await nextStart(room)).comes();
  await until(() => instance.state === 'serving', 'it serves');
  return instance;
}

describe('a start', () => {
  test('of which one instance fails leaves none', async () => {
    const { supervisor, factory } = supervised({ instances: 3 });
    const starting = supervisor.start(startOptions);
    const failed = expect(starting).rejects.toMatchObject({ code: 'START_TIMEOUT' });
    const [first, second, third] = [...factory.pending];
    const up = first?.comes();
    second?.fails(new PluginError('START_TIMEOUT', 'it took too long'));
    await until(() => third?.signal.aborted === true, 'the others are given up');
    const late = third?.comes();
    await failed;
    expect([up?.killed, late?.killed]).toEqual([true, true]);
    expect(supervisor.all).toEqual([]);
    expect(supervisor.generation.ready).toBe(false);
  });
});

describe('an instance that crashes', () => {
  test('before anybody supervises it is replaced as soon as somebody does', async () => {
    const room = supervised({ instances: 2 });
    const { supervisor, factory } = room;
    const starting = supervisor.start(startOptions);
    const [first] = [...factory.pending].map((start) => start.comes());
    await starting;
    first?.crash();
    expect(factory.starts).toBe(2);
    expect(supervisor.replicas).toHaveLength(1);
    room.supervise();
    await comes(room);
    expect(supervisor.replicas.map(({ instance }) => instance.state)).toEqual(['serving', 'serving']);
    expect(room.said()).toEqual(['scheduled 1 crash', 'done 1 crash']);
    expect(room.conditions).toEqual(['serving', 'serving']);
  });

  test('leaves the route at once, and its place is taken by another one', async () => {
    const room = supervised();
    const { supervisor } = room;
    const [first] = await room.serve();
    first?.crash();
    expect(supervisor.generation.ready).toBe(false);
    expect(supervisor.generation.endpoints).toEqual([]);
    const second = await comes(room);
    expect(supervisor.first?.instance).toBe(second);
    expect(supervisor.generation.ready).toBe(true);
    expect(room.conditions).toEqual(['restarting PLUGIN_EXITED', 'serving']);
    expect(room.counters.statistics).toMatchObject({
      lost: { crash: 1 },
      restarts: 1,
      recoverMs: { last: expect.any(Number), longest: expect.any(Number) },
    });
    expect(first?.states).toEqual(['ready', 'serving', 'failed']);
  });

  test('together with another one is replaced as that one is, and calls can be made from the first on', async () => {
    const room = supervised({ instances: 2 });
    const instances = await room.serve();
    for (const instance of instances) instance.crash();
    await until(() => room.factory.pending.length === 2, 'two starts');
    await comes(room);
    expect(room.conditions.at(-1)).toBe('serving');
    expect(room.supervisor.replicas).toHaveLength(1);
    await comes(room);
    expect(room.supervisor.replicas).toHaveLength(2);
    expect(room.counters.statistics).toMatchObject({ lost: { crash: 2 }, restarts: 2 });
  });

  test('that is not wanted back leaves the others serving, and fails the plugin when it is the last', async () => {
    const room = supervised({ ...never, instances: 2 });
    const [first, second] = await room.serve();
    first?.crash();
    await until(() => room.said().length === 1, 'it is given up');
    expect(room.conditions).toEqual(['serving']);
    expect(room.supervisor.generation.ready).toBe(true);
    second?.crash();
    await until(() => room.said().length === 2, 'this one too');
    expect(room.conditions).toEqual(['serving', 'failed PLUGIN_EXITED']);
    expect(room.said()).toEqual(['given-up 1 crash', 'given-up 1 crash']);
    expect(room.factory.starts).toBe(2);
  });

  test('again and again is given up, and the other places keep their own budgets', async () => {
    const room = supervised({ instances: 2, restart: { budget: { crashes: 2, withinMs: 60_000 } } });
    let [victim, other] = await room.serve();
    for (let i = 0; i < 2; i++) {
      victim?.crash();
      victim = await comes(room);
    }
    victim?.crash();
    await until(() => room.said().at(-1) === 'given-up 1 crash', 'it is given up');
    expect(room.conditions.at(-1)).toBe('serving');
    other?.crash();
    other = await comes(room);
    expect(other.state).toBe('serving');
    expect(room.counters.statistics).toMatchObject({ lost: { crash: 4 }, restarts: 3, givenUp: 1 });
  });
});

describe('a start of another one that fails', () => {
  test('is a loss like others: it is tried again, and given up', async () => {
    const room = supervised({ restart: { budget: { crashes: 2, withinMs: 60_000 } } });
    const [first] = await room.serve();
    first?.crash();
    (await nextStart(room)).fails(new PluginError('START_TIMEOUT', 'it took too long'));
    (await nextStart(room)).fails(new Error('a defect'));
    await until(() => room.conditions.at(-1)?.startsWith('failed') === true, 'it is given up');
    expect(room.said()).toEqual([
      'scheduled 1 crash',
      'failed 1 crash',
      'scheduled 2 crash',
      'failed 2 crash',
      'given-up 3 crash',
    ]);
    expect(room.conditions).toEqual([
      'restarting PLUGIN_EXITED',
      'restarting START_TIMEOUT',
      'failed CRASH_LOOP',
    ]);
    expect(room.counters.statistics).toMatchObject({ failedStarts: 2, givenUp: 1, restarts: 0 });
  });
});

describe('a generation that is frozen', () => {
  test('replaces nobody before it is supervised again', async () => {
    const room = supervised();
    const [first] = await room.serve();
    room.supervisor.freeze();
    first?.crash();
    expect(room.factory.starts).toBe(1);
    expect(room.said()).toEqual([]);
    expect(room.counters.statistics).toMatchObject({ lost: { crash: 1 }, restarts: 0 });
    room.supervise();
    await comes(room);
    expect(room.conditions.at(-1)).toBe('serving');
    expect(room.said()).toEqual(['scheduled 1 crash', 'done 1 crash']);
    expect(room.counters.statistics).toMatchObject({ lost: { crash: 1 }, restarts: 1 });
    expect(room.supervisor.losses).toBe(1);
  });

  test('counts one loss once that had to wait, and waits again', async () => {
    const limits = { descriptors: 100, checkEveryMs: 10, readings: 1 };
    const room = supervised({ limits });
    const [first] = await room.serve();
    room.usage.descriptors = 200;
    const renewal = await nextStart(room);
    room.usage.descriptors = 1;
    first?.crash();
    room.supervisor.freeze();
    renewal.fails(new PluginError('START_TIMEOUT', 'it took too long'));
    await until(() => room.said().length === 2, 'nobody comes');
    await new Promise((next) => setImmediate(next));
    room.supervise();
    await comes(room);
    expect(room.said()).toEqual(['scheduled 1 limit', 'failed 1 limit', 'scheduled 1 crash', 'done 1 crash']);
    expect(room.counters.statistics).toMatchObject({
      lost: { limit: 1, crash: 1 },
      restarts: 1,
      failedStarts: 1,
    });
    room.supervisor.leave();
  });

  test('tells of what it has lost when another generation is started in its place', async () => {
    const room = supervised({ instances: 2 });
    const [first] = await room.serve();
    room.supervisor.freeze();
    first?.crash();
    await room.supervisor.kill({ reason: 'refused' });
    let started = false;
    await room.supervisor.replacedBy(async () => {
      expect(room.said()).toEqual(['scheduled 1 crash']);
      started = true;
    });
    expect(started).toBe(true);
    expect(room.said()).toEqual(['scheduled 1 crash', 'done 1 crash']);
    expect(room.counters.statistics).toMatchObject({
      lost: { crash: 1 },
      restarts: 1,
      recoverMs: { last: expect.any(Number) },
    });
  });

  test('tells that nobody takes the place of what it has lost when that start fails', async () => {
    const room = supervised();
    const [first] = await room.serve();
    room.supervisor.freeze();
    first?.crash();
    await room.supervisor.kill({ reason: 'refused' });
    const late = new PluginError('START_TIMEOUT', 'it took too long');
    await expect(room.supervisor.replacedBy(() => Promise.reject(late))).rejects.toBe(late);
    expect(room.said()).toEqual(['scheduled 1 crash', 'failed 1 crash', 'given-up 1 crash']);
    expect(room.counters.statistics).toMatchObject({
      lost: { crash: 1 },
      restarts: 0,
      failedStarts: 1,
      givenUp: 1,
    });
  });

  test('tells when it is supervised again what was given up meanwhile', async () => {
    const room = supervised({ restart: { budget: { crashes: 1, withinMs: 60_000 } } });
    const [first] = await room.serve();
    first?.crash();
    const start = await nextStart(room);
    room.supervisor.freeze();
    start.fails(new PluginError('START_TIMEOUT', 'it took too long'));
    await until(() => room.said().at(-1)?.startsWith('given-up') === true, 'it is given up');
    expect(room.conditions).toEqual(['restarting PLUGIN_EXITED']);
    room.supervise();
    expect(room.conditions.at(-1)).toBe('failed CRASH_LOOP');
  });
});

describe('a generation that leaves', () => {
  test('gives up a start under way, and ends what comes up all the same', async () => {
    const room = supervised();
    const [first] = await room.serve();
    first?.crash();
    const start = await nextStart(room);
    const stopped = room.supervisor.stop({ reason: 'stop' });
    expect(start.signal.aborted).toBe(true);
    const late = start.comes();
    await stopped;
    expect(late.killed).toBe(true);
    expect(room.supervisor.all).toEqual([]);
    expect(room.supervisor.generation.endpoints).toEqual([]);
    expect(room.said()).toEqual(['scheduled 1 crash']);
    expect(room.conditions).toEqual(['restarting PLUGIN_EXITED']);
  });

  test('starts nothing after a wait that it has begun', async () => {
    // Random waits up to half an hour: if it is waited for, this test never ends.
    const room = supervised({ restart: { backoff: { initialMs: 1_800_000, maxMs: 1_800_000 } } });
    const [first] = await room.serve();
    first?.crash();
    (await comes(room)).crash();
    await until(() => room.said().length === 3, 'the second restart is to wait');
    await room.supervisor.stop({ reason: 'stop' });
    expect(room.factory.starts).toBe(2);
    expect(room.factory.pending).toEqual([]);
  });

  test('misses nobody who crashes from then on', async () => {
    const room = supervised({ instances: 2 });
    const [first] = await room.serve();
    room.supervisor.leave();
    first?.crash();
    await room.supervisor.drain({ reason: 'upgrade' });
    await room.supervisor.stop({ reason: 'upgrade' });
    expect(room.factory.starts).toBe(2);
    expect(room.said()).toEqual([]);
    expect(room.conditions).toEqual([]);
    await room.supervisor.replacedBy(async () => {});
    expect(room.said()).toEqual([]);
    expect(room.counters.statistics).toMatchObject({ lost: { crash: 0 }, restarts: 0 });
    expect(room.supervisor.losses).toBe(0);
  });

  test('waits until everything of a crashed one is gone, and says what is not', async () => {
    const room = supervised(never);
    const [first] = await room.serve();
    if (first) first.stopFails = true;
    first?.crash();
    await expect(room.supervisor.stop({ reason: 'stop' })).rejects.toMatchObject({ code: 'STOP_FAILED' });
    expect(room.logger.records.map(({ message }) => message)).toContain('a process could not be ended');
  });
});

describe('an instance that is unhealthy', () => {
  const health = { intervalMs: 10, idleIntervalMs: 10, timeoutMs: 1_000, failures: 1 } as const;

  test('leaves the route before its calls have ended, and is ended after them', async () => {
    const room = supervised({ health });
    const [first] = await room.serve();
    if (first === undefined) throw new Error('nobody serves');
    const call = { path: '/kv/Get', cut: () => {} };
    const endpoint = room.supervisor.first?.endpoint;
    endpoint?.enter(call, 0);
    first.health = { status: 'not-serving', reported: 'NOT_SERVING' };
    const second = await comes(room);
    expect(first.state).toBe('draining');
    expect(room.supervisor.all.map(({ instance }) => instance)).toEqual([second, first]);
    expect(room.supervisor.generation.pick()?.channel).toBe(second.channel);
    endpoint?.leave(call, 'ended');
    await until(() => first.state === 'stopped', 'it is ended');
    expect(first.states).toEqual(['ready', 'serving', 'unhealthy', 'draining', 'stopped']);
    expect(room.supervisor.all).toHaveLength(1);
    expect(room.said()).toEqual(['scheduled 1 unhealthy', 'done 1 unhealthy']);
    room.supervisor.leave();
  });

  test('while another one comes up for what it uses is sent away once', async () => {
    const room = supervised({ health, limits: { descriptors: 100, checkEveryMs: 10, readings: 1 } });
    const [first] = await room.serve();
    room.usage.descriptors = 200;
    const start = await nextStart(room);
    room.usage.descriptors = 1;
    const endpoint = room.supervisor.first?.endpoint;
    const call = { path: '/kv/Get', cut: () => {} };
    endpoint?.enter(call, 0);
    if (first) first.health = { status: 'not-serving', reported: 'NOT_SERVING' };
    await until(() => first?.state === 'draining', 'it is sent away');
    expect(room.conditions).toEqual(['restarting PLUGIN_UNHEALTHY']);
    const second = start.comes();
    await until(() => second.state === 'serving', 'the next one serves');
    await new Promise((next) => setTimeout(next, 10));
    expect(room.supervisor.all.map(({ instance }) => instance)).toEqual([second, first]);
    endpoint?.leave(call, 'ended');
    await room.supervisor.stop({ reason: 'stop' });
    expect(first?.states).toEqual(['ready', 'serving', 'unhealthy', 'draining', 'stopped']);
    // The one that was on its way is enough.
    expect(room.factory.starts).toBe(2);
    expect(room.counters.statistics).toMatchObject({ lost: { limit: 1, unhealthy: 1 }, restarts: 1 });
  });
});

describe('an instance over its limit', () => {
  const limits = { descriptors: 100, checkEveryMs: 10, readings: 1 } as const;

  test('serves until another one does, and finishes its calls', async () => {
    const room = supervised({ limits });
    const [first] = await room.serve();
    const endpoint = room.supervisor.first?.endpoint;
    const call = { path: '/kv/Get', cut: () => {} };
    endpoint?.enter(call, 0);
    room.usage.descriptors = 200;
    const start = await nextStart(room);
    expect(room.supervisor.generation.pick()).toBe(endpoint);
    room.usage.descriptors = 1;
    const second = start.comes();
    await until(() => second.state === 'serving', 'the next one serves');
    expect(first?.state).toBe('draining');
    expect(room.supervisor.generation.pick()?.channel).toBe(second.channel);
    endpoint?.leave(call, 'ended');
    await until(() => first?.state === 'stopped', 'it is ended');
    expect(room.conditions).toEqual(['serving']);
    room.supervisor.leave();
  });

  test('that crashes while another one comes up waits for that one', async () => {
    const room = supervised({ limits });
    const [first] = await room.serve();
    room.usage.descriptors = 200;
    const start = await nextStart(room);
    room.usage.descriptors = 1;
    first?.crash();
    expect(room.conditions).toEqual(['restarting PLUGIN_EXITED']);
    const second = start.comes();
    await until(() => second.state === 'serving', 'the next one serves');
    await until(() => room.conditions.at(-1) === 'serving', 'the plugin serves');
    await room.supervisor.stop({ reason: 'stop' });
    expect(room.factory.starts).toBe(2);
  });

  test('that crashes while another one fails to come up is replaced as any that crashes', async () => {
    const room = supervised({ limits });
    const [first] = await room.serve();
    room.usage.descriptors = 200;
    const start = await nextStart(room);
    room.usage.descriptors = 1;
    first?.crash();
    start.fails(new PluginError('START_TIMEOUT', 'it took too long'));
    const second = await comes(room);
    expect(room.supervisor.first?.instance).toBe(second);
    expect(room.said()).toEqual(['scheduled 1 limit', 'failed 1 limit', 'scheduled 1 crash', 'done 1 crash']);
    room.supervisor.leave();
  });
});
