import { status } from '@grpc/grpc-js';
import type { Plugin } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { roomsWith } from '../support/at-once';
import { failureOf, servingPid } from '../support/host-room';
import { poll } from '../support/poll';
import { isRunning } from '../support/processes';
import { Moody, tell } from './moody';

// What has a limit of its own asserts it; this one is only for tests that hang.
jest.setTimeout(60_000);

const { atOnce, room, plugins: moody } = roomsWith(() => new Moody());

const quick = { intervalMs: 50, idleIntervalMs: 50, timeoutMs: 500, failures: 2 } as const;
const patient = { hold: { limitMs: 30_000 } } as const;

/** Waits until another process serves than this one. */
async function replaced(plugin: Plugin, pid: number): Promise<number> {
  await poll(
    () => plugin.status().instances.find(({ state }) => state === 'serving')?.pid,
    (serving) => serving !== undefined && serving !== pid,
    30_000,
  );
  return servingPid(plugin);
}

describe('a process that hangs', () => {
  atOnce('ends the pinned work that it has, and says that it was given up', async () => {
    const plugin = await moody().load(room(), { health: quick, restart: patient, stopTimeoutMs: 300 });
    const pid = servingPid(plugin);
    const failure = failureOf(
      plugin.pinned(() => {
        process.kill(pid, 'SIGSTOP');
        return new Promise(() => {});
      }),
    );
    expect(await failure).toMatchObject({ code: 'PLUGIN_UNHEALTHY' });
    expect(await replaced(plugin, pid)).not.toBe(pid);
  });

  atOnce(
    'leaves the route, is replaced and ended, and its idempotent calls are answered by the next one',
    async () => {
      const plugin = await moody().load(room(), { health: quick, restart: patient, stopTimeoutMs: 300 });
      const client = plugin.client(KvDefinition);
      const pid = servingPid(plugin);
      const inFlight = [client.get({ key: '200' }), client.put({})];
      const lost = client.load(
        (async function* () {
          yield { key: 'none' };
          await new Promise((resolve) => setTimeout(resolve, 30_000).unref());
        })(),
      );
      const failure = lost.then(
        () => undefined,
        (error: unknown) => error,
      );
      // One has begun for sure.
      await client.get({});
      process.kill(pid, 'SIGSTOP');
      inFlight.push(client.get({}));
      const next = await replaced(plugin, pid);
      const answers = await Promise.all(inFlight);
      expect(answers.map((answer) => answer.pid).slice(-1)).toEqual([next]);
      expect([pid, next]).toEqual(expect.arrayContaining(answers.map((answer) => answer.pid)));
      expect(await failure).toMatchObject({ code: status.UNAVAILABLE, executed: 'maybe' });
      await poll(
        () => isRunning(pid),
        (running) => !running,
      );
      expect(room().processes()).toEqual([next]);
      expect(room().events.find((event) => event.type === 'restart')).toMatchObject({
        phase: 'scheduled',
        cause: { reason: 'unhealthy', code: 'PLUGIN_UNHEALTHY' },
      });
      const states = await poll(
        () =>
          room().events.flatMap((event) =>
            event.type === 'instance' && event.pid === pid ? [event.to] : [],
          ),
        (seen) => seen.includes('stopped'),
      );
      expect(states).toEqual(['ready', 'serving', 'unhealthy', 'draining', 'stopped']);
      expect(room().host.snapshot().plugins[0]?.statistics.restarts.lost).toMatchObject({
        unhealthy: 1,
        crash: 0,
      });
    },
  );

  atOnce('goes unnoticed where nobody asks', async () => {
    const plugin = await moody().load(room(), { health: false });
    const pid = servingPid(plugin);
    process.kill(pid, 'SIGSTOP');
    const call = plugin.client(KvDefinition).get({}, { timeoutMs: 700 });
    await expect(call).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
    process.kill(pid, 'SIGCONT');
    expect(await plugin.client(KvDefinition).get({})).toMatchObject({ pid });
  });

  atOnce('for no longer than it may is left alone', async () => {
    const plugin = await moody().load(room(), { health: { ...quick, timeoutMs: 20_000 } });
    const pid = servingPid(plugin);
    process.kill(pid, 'SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 500));
    process.kill(pid, 'SIGCONT');
    expect(await plugin.client(KvDefinition).get({})).toMatchObject({ pid });
    expect(room().events.filter(({ type }) => type === 'restart')).toEqual([]);
  });
});

describe('a process that says that it does not serve', () => {
  atOnce('is replaced, and finishes the calls that it has', async () => {
    const plugin = await moody().load(room(), { health: quick, restart: patient });
    const client = plugin.client(KvDefinition);
    const pid = servingPid(plugin);
    const answers: number[] = [];
    const stream = (async () => {
      for await (const answer of client.watch({ count: 30, intervalMs: 50 })) answers.push(answer.pid);
    })();
    await poll(
      () => answers.length,
      (length) => length > 0,
    );
    await tell(plugin, 'sick');
    const next = await replaced(plugin, pid);
    expect(await client.get({})).toMatchObject({ pid: next });
    await stream;
    expect(answers).toEqual(Array.from({ length: 30 }, () => pid));
    await poll(
      () => isRunning(pid),
      (running) => !running,
    );
    expect(room().log.records.filter(({ message }) => message === 'left in order')).toHaveLength(1);
    const [event] = room().events.filter(({ type }) => type === 'restart');
    expect(event?.cause.message).toContain('NOT_SERVING');
  });

  atOnce('stays away where its policy does not want it back', async () => {
    const plugin = await moody().load(room(), { health: quick, restart: { policy: 'never' } });
    await tell(plugin, 'sick');
    await poll(
      () => plugin.status().state,
      (state) => state === 'failed',
    );
    await expect(plugin.client(KvDefinition).get({})).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      pluginCode: 'PLUGIN_UNHEALTHY',
      executed: 'no',
    });
    await plugin.restart();
    await expect(plugin.client(KvDefinition).get({})).resolves.toMatchObject({ servedBy: '1.0.0' });
  });
});
