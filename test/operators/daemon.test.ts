import { credentials, status } from '@grpc/grpc-js';
import { KvClient, KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import { readDescriptorSet } from '../../host/src/contract/descriptor-bytes';
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

test('the front door offers what manifests name, and forgets it with the plugin', async () => {
  room = new DaemonRoom();
  room.shelf.put('kv', '1.0.0', { manifest: 'services: [samples.kv.v1.Kv]\n' });
  room.shelf.put('private', '1.0.0');
  const admin = await room.start();
  await room.runs('kv', '1.0.0');
  await room.runs('private', '1.0.0');
  expect(admin.daemon.frontDoor).toBe(room.frontDoor);
  const stub = new KvClient(room.frontDoor, credentials.createInsecure());
  const kv = createPromiseClient(KvDefinition, stub.getChannel());
  await kv.put({ key: 'k', value: Buffer.from('v') }, { timeoutMs: 10_000 });
  const { services } = await admin.describePlugin({ plugin: 'kv' });
  expect(services.find(({ name }) => name === KvDefinition.fullName)).toMatchObject({ public: true });
  expect(services.filter((service) => service.public)).toHaveLength(1);
  const { descriptorSet } = await admin.getContract({ plugin: 'kv' });
  expect(readDescriptorSet(descriptorSet).flatMap((file) => file.services.map(({ name }) => name))).toContain(
    KvDefinition.fullName,
  );
  await admin.stopPlugin({ plugin: 'kv' });
  await expect(kv.get({ key: 'k' }, { timeoutMs: 10_000 })).rejects.toMatchObject({
    code: status.UNIMPLEMENTED,
  });
  stub.close();
});
