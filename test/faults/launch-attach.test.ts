import { credentials } from '@grpc/grpc-js';
import { KvClient } from '@plugd/protocol/gen/samples/kv/v1/kv';
import type { InstanceRecord } from '../../host/src/launch/instance-record';
import { eventually, isRunning } from '../support/processes';
import { LaunchRoom } from './launch-support';

let first: LaunchRoom;
let second: LaunchRoom;
beforeEach(async () => {
  first = await LaunchRoom.open();
  second = await LaunchRoom.open();
});
afterEach(async () => {
  await first.close();
  await second.close();
});

test('a record that went through JSON is enough to call, watch and stop a running plugin', async () => {
  const started = await first.start('grandchild-session');
  const record = JSON.parse(JSON.stringify(started.record)) as InstanceRecord;
  const attached = await second.launcher.attach(record);
  const client = new KvClient(`unix:${attached.record.address}`, credentials.createInsecure());
  const answer = await new Promise<number>((resolve, reject) =>
    client.get({ key: 'k' }, (error, response) => (error ? reject(error) : resolve(response.pid))),
  );
  client.close();
  expect(answer).toBe(started.record.pid);
  expect(attached.exit).toBeUndefined();
  await attached.stop({ timeoutMs: 2_000 });
  await expect(started.exited).resolves.toMatchObject({ signal: 'SIGTERM' });
  await expect(attached.exited).resolves.toMatchObject({ code: null, signal: null });
  expect(first.processes()).toEqual([]);
});

test('the exit of an attached plugin is seen', async () => {
  const started = await first.start('');
  const attached = await second.launcher.attach(started.record);
  await started.kill();
  const begun = performance.now();
  await attached.exited;
  expect(performance.now() - begun).toBeLessThan(10_000);
  expect(attached.error('PLUGIN_EXITED', 'It is gone.')).toMatchObject({
    facts: { plugin: 'chaos', pid: started.record.pid },
  });
  await attached.stop({ timeoutMs: 1_000 });
});

test('a record of a process that is gone is refused', async () => {
  const started = await first.start('');
  await started.kill();
  await expect(second.launcher.attach(started.record)).rejects.toMatchObject({ code: 'ATTACH_FAILED' });
});

test('a record whose pid is another process by now is refused, and that process is left alone', async () => {
  const started = await first.start('');
  const record = { ...started.record, startTime: String(Number(started.record.startTime) - 1) };
  await expect(second.launcher.attach(record)).rejects.toMatchObject({
    code: 'ATTACH_FAILED',
    facts: { pid: started.record.pid },
  });
  await expect(second.launcher.attach({ ...record, startTime: null })).rejects.toMatchObject({
    code: 'ATTACH_FAILED',
  });
  expect(isRunning(started.record.pid)).toBe(true);
});

test('handing over leaves processes and directories, for the next host to end', async () => {
  const started = await first.start('');
  const { directory } = first.launcher;
  await first.launcher.handOver();
  await expect(first.start('')).rejects.toMatchObject({ code: 'HOST_CLOSED' });
  await first.launcher.close();
  expect(isRunning(started.record.pid)).toBe(true);
  const attached = await second.launcher.attach(started.record);
  await attached.stop({ timeoutMs: 2_000 });
  expect(isRunning(started.record.pid)).toBe(false);
  await eventually(() => !require('node:fs').existsSync(directory), 10_000, 'the empty directory goes too');
});
