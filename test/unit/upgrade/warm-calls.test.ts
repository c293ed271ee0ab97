import { connectivityState, status } from '@grpc/grpc-js';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { poll } from '../../support/poll';
import { fakePlugin } from './fake-plugin';

/** Of what a busy machine does nothing is judged. */
const strict = { strict: true, wholeBeyondStartMs: 60_000, hostDriftBytes: Number.POSITIVE_INFINITY };

test('what befell calls before its version was kept warm is no concern of the rollback to it', async () => {
  const { plugin, made } = await fakePlugin({ expect: strict });
  const channel = made[0]?.channel;
  if (channel === undefined) throw new Error('nothing was started');
  const put = () =>
    plugin.client(KvDefinition).put({ key: 'k', value: Buffer.from('v') }, { timeoutMs: 20_000 });
  const reaches = (calls: number) =>
    poll(
      () => channel.calls.length,
      (now) => now === calls,
    );
  const lost = put();
  await reaches(1);
  channel.break();
  await expect(lost).rejects.toMatchObject({ codeName: 'UNAVAILABLE' });
  // One that had to wait until the connection was there again.
  const late = put();
  await poll(
    () => plugin.statistics().held.held,
    (held) => held === 1,
  );
  channel.become(connectivityState.READY);
  await reaches(2);
  channel.calls[1]?.end(status.ABORTED);
  await expect(late).rejects.toMatchObject({ codeName: 'ABORTED' });
  const { calls } = plugin.statistics();
  expect(calls).toMatchObject({ lost: 1, longestWaitMs: expect.any(Number) });
  expect(calls.longestWaitMs).toBeGreaterThan(0);

  await plugin.upgrade({ version: '2.0.0', keepWarmMs: 60_000 });
  const report = await plugin.rollback();
  expect(report).toMatchObject({ outcome: 'swapped', calls: { failed: 0, held: 0, longestWaitMs: 0 } });
  const line = (name: string) => report.verdict.lines.find((one) => one.name === name);
  expect(line('calls failed')).toMatchObject({ measured: 0, verdict: 'met' });
  expect(line('availability')?.measured).not.toBeLessThan(1);
  expect(made).toHaveLength(2);
});
