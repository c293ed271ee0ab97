import { status } from '@grpc/grpc-js';
import { ProbeDefinition } from '@plugd/protocol/gen/samples/probe/v1/probe';
import { ManagedPlugin } from '../../host/src/managed-plugin';
import { roomsAtOnce } from '../support/at-once';
import { besides } from '../support/besides';
import { failureOf, HostRoom, servingPid } from '../support/host-room';
import { poll } from '../support/poll';
import { isRunning } from '../support/processes';
import { chaosTs, kvTs } from '../support/samples';

// Real processes, on a machine that may be busy.
jest.setTimeout(60_000);

const { atOnce, room } = roomsAtOnce();

type Loaded = Awaited<ReturnType<HostRoom['load']>>;

/** A call that goes on for an hour, and has begun in the plugin when this resolves. */
async function longCall(plugin: Loaded): Promise<{ ended: Promise<unknown> }> {
  const ended = plugin.client(ProbeDefinition).sleep({ durationMs: 3_600_000 });
  ended.catch(() => {});
  await poll(
    () => plugin.status().instances[0]?.inFlight,
    (inFlight) => inFlight === 1,
  );
  // Calls of one connection arrive in their order.
  await plugin.client(ProbeDefinition).inspect({});
  return { ended };
}

/** How the process ended, by what only the host itself sees. */
function exitOf(plugin: Loaded): () => unknown {
  if (!(plugin instanceof ManagedPlugin)) throw new Error('not a plugin of this host');
  const launched = plugin.serving?.first?.instance.launched;
  return () => launched?.exit;
}

describe('startTimeoutMs', () => {
  atOnce('is long enough for a slow one', async () => {
    await room().load(chaosTs(), { env: { CHAOS: 'slow-start:700' }, startTimeoutMs: 30_000 });
  });
});

describe('drainTimeoutMs', () => {
  atOnce('calls that end within it are not cut by a stop', async () => {
    const plugin = await room().load(kvTs('1'), { drainTimeoutMs: 30_000 });
    const call = plugin.client(ProbeDefinition).sleep({ durationMs: 500 });
    call.catch(() => {});
    await plugin.client(ProbeDefinition).inspect({});
    await plugin.stop();
    await expect(call).resolves.toEqual({});
  });

  atOnce.each([300, 0])(
    'of %i ms: calls that are left then are cut, with the reason',
    async (drainTimeoutMs) => {
      const plugin = await room().load(kvTs('1'), { drainTimeoutMs });
      const { ended } = await longCall(plugin);
      const begun = performance.now();
      const stopped = plugin.stop();
      await expect(ended).rejects.toMatchObject({ code: status.UNAVAILABLE, pluginCode: 'DRAIN_TIMEOUT' });
      expect(performance.now() - begun).toBeGreaterThanOrEqual(drainTimeoutMs - 10);
      await stopped;
    },
  );

  atOnce('is an upgrade’s too: the report counts what was cut', async () => {
    const plugin = await room().load(kvTs('1'), { drainTimeoutMs: 300 });
    const { ended } = await longCall(plugin);
    const report = await plugin.restart();
    expect(report.calls).toMatchObject({ cut: 1, failed: 1 });
    await expect(ended).rejects.toMatchObject({ pluginCode: 'DRAIN_TIMEOUT' });
  });
});

describe('stopTimeoutMs', () => {
  atOnce('a plugin that answers neither Shutdown nor SIGTERM is killed after it, twice waited', async () => {
    const plugin = await room().load(chaosTs(), { env: { CHAOS: 'hang-shutdown' }, stopTimeoutMs: 300 });
    const [pid, exit] = [servingPid(plugin), exitOf(plugin)];
    const begun = performance.now();
    await plugin.stop();
    expect(performance.now() - begun).toBeGreaterThanOrEqual(2 * 300 - 20);
    expect(exit()).toMatchObject({ code: null, signal: 'SIGKILL' });
    expect(isRunning(pid)).toBe(false);
  });

  atOnce('a plugin that leaves is not waited for', async () => {
    const plugin = await room().load(kvTs('1'), { stopTimeoutMs: 60_000 });
    const exit = exitOf(plugin);
    const begun = performance.now();
    await plugin.stop();
    expect(performance.now() - begun).toBeLessThan(30_000);
    expect(exit()).toMatchObject({ code: 0, signal: null });
  });
});

// Side by side, and beside the other tests: all that they do is to wait.
besides(
  'startTimeoutMs ends the wait for plugins that are silent, say half a line, or do not serve',
  async () => {
    const own = await HostRoom.open();
    try {
      const rows = [
        ['silent', 'START_TIMEOUT'],
        ['half-line', 'HANDSHAKE_INCOMPLETE'],
        ['hang-health', 'HEALTH_TIMEOUT'],
        ['not-serving', 'HEALTH_NOT_SERVING'],
      ] as const;
      await Promise.all(
        rows.map(async ([CHAOS, code]) => {
          const begun = performance.now();
          // The plugin itself needs a while to start, on a machine that is busy.
          const how = { name: CHAOS, env: { CHAOS }, startTimeoutMs: 3_000 };
          const error = await failureOf(own.load(chaosTs(), how));
          expect({ CHAOS, code: error.code }).toEqual({ CHAOS, code });
          // Less by up to the pause between two questions: one more would come too late.
          expect(performance.now() - begun).toBeGreaterThanOrEqual(2_700);
          expect(performance.now() - begun).toBeLessThan(15_000);
        }),
      );
      expect(own.processes()).toEqual([]);
      expect(own.files()).toEqual([]);
    } finally {
      await own.close();
    }
  },
);
