import { DaemonRoom } from '../support/daemon';
import { isRunning } from '../support/processes';

let room: DaemonRoom;
afterEach(() => room.close());

test('a daemon runs what is in its directory, tells of it, restarts it, and leaves nothing', async () => {
  room = new DaemonRoom();
  room.shelf.put('kv', '1.0.0');
  const admin = await room.start();
  expect(admin.daemon).toMatchObject({ pid: room.pid, socket: room.socket, stateDir: room.stateDir });
  await room.runs('kv', '1.0.0');

  const { operation } = await admin.beginOperation({ plugin: 'kv', operation: 'restart' });
  expect(operation).toMatchObject({ plugin: 'kv', operation: 'restart', outcome: 'running' });
  const updates: string[] = [];
  for await (const { update } of admin.watchOperation({ id: operation?.id ?? '' }))
    updates.push(update?.$case ?? '');
  expect(updates.at(-1)).toBe('report');
  expect(updates).toContain('progress');

  const kinds = new Set<unknown>();
  for await (const { event, dropped } of admin.watchEvents({ plugin: 'kv' })) {
    expect(dropped).toBe(0);
    kinds.add(event?.['type']);
  }
  expect([...kinds].sort()).toEqual(['artifact', 'instance', 'operation', 'plugin']);

  await expect(admin.describePlugin({ plugin: 'nobody' })).rejects.toMatchObject({
    code: 'PLUGIN_NOT_FOUND',
  });
  await expect(admin.abortOperation({ plugin: 'kv' })).rejects.toMatchObject({ code: 'OPERATION_NOT_FOUND' });

  const { pid } = room;
  await admin.shutdown({});
  expect(await room.ended).toEqual({ code: 0, signal: null });
  expect(isRunning(pid)).toBe(false);
});
