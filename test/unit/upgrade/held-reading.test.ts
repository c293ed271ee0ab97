import { status } from '@grpc/grpc-js';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import type { ManagedPlugin } from '../../../host/src/managed-plugin';
import { poll } from '../../support/poll';
import { fakePlugin } from './fake-plugin';

test('no call waits until the system has told how much memory the new one has', async () => {
  const waiting: number[] = [];
  let watched: ManagedPlugin | undefined;
  const usage = async () => {
    waiting.push(watched?.statistics().held.held ?? 0);
    return { memoryBytes: 7, descriptors: 1, cpuMs: 1, startTime: '1' };
  };
  const { plugin, made } = await fakePlugin({}, { usage });
  watched = plugin;
  let call: Promise<unknown> = Promise.resolve();
  const report = await plugin.upgrade({
    version: '2.0.0',
    strategy: 'recreate',
    // Calls are held while it is asked.
    verify: async () => {
      call = plugin.client(KvDefinition).put({ key: 'k', value: Buffer.from('v') }, { timeoutMs: 20_000 });
      call.catch(() => {});
      await poll(
        () => plugin.statistics().held.held,
        (held) => held === 1,
      );
    },
  });
  expect(report.calls.held).toBe(1);
  expect(report.to.memoryBytes).toBe(7);
  expect(waiting).not.toContain(1);
  made[1]?.channel.calls[0]?.end(status.ABORTED);
  await expect(call).rejects.toMatchObject({ codeName: 'ABORTED' });
});
