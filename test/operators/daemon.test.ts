import { credentials, status } from '@grpc/grpc-js';
import { KvClient, KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import type { AdminClient } from '../../host/src/admin/admin-client';
import { errorFromDocument } from '../../host/src/admin/error-wire';
import { readDescriptorSet } from '../../host/src/contract/descriptor-bytes';
import { DaemonRoom } from '../support/daemon';
import { poll } from '../support/poll';
import { isRunning } from '../support/processes';
import { kvTs } from '../support/samples';

const limit = { timeoutMs: 10_000 };
const full = process.env['PLUGD_FULL'] === '1';
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
  const logged: (string | undefined)[] = [];
  for await (const { entry } of admin.readLogs({ plugin: 'kv', grep: '^kv: restart by' }, limit))
    logged.push(entry?.version);
  expect(logged).toEqual(['1.0.0']);

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

test('the front door offers what manifests name, and forgets it with the plugin; metrics tell of the calls', async () => {
  room = new DaemonRoom('metrics: { port: 0 }\n');
  room.shelf.put('kv', '1.0.0', { manifest: 'services: [samples.kv.v1.Kv]\n' });
  const admin = await room.start();
  await room.runs('kv', '1.0.0');
  // The service is the first one's.
  room.shelf.put('same', '1.0.0', { manifest: 'services: [samples.kv.v1.Kv]\n' });
  await room.runs('same', '1.0.0');
  expect(admin.daemon.frontDoor).toBe(room.frontDoor);
  const stub = new KvClient(room.frontDoor, credentials.createInsecure());
  const kv = createPromiseClient(KvDefinition, stub.getChannel());
  await kv.put({ key: 'k', value: Buffer.from('v') }, limit);
  const { services } = await admin.describePlugin({ plugin: 'kv' }, limit);
  expect(services.filter((service) => service.public).map(({ name }) => name)).toEqual([
    KvDefinition.fullName,
  ]);
  expect(services.length).toBeGreaterThan(1);
  const { descriptorSet } = await admin.getContract({ plugin: 'kv' }, limit);
  const described = readDescriptorSet(descriptorSet).flatMap((file) => file.services.map(({ name }) => name));
  expect(described).toContain(KvDefinition.fullName);
  const metrics = await (await fetch(admin.daemon.metrics)).text();
  expect(metrics).toMatch(/^plugd_calls_total\{.*plugin="kv".*\} 1$/m);

  expect(room.output.stderr).toContain('[SERVICE_TAKEN]');
  expect((await rowOf(admin, 'same'))?.problem).toContain('samples.kv.v1.Kv');

  await admin.stopPlugin({ plugin: 'kv' }, limit);
  // It is the other one's now, which has never heard of it.
  expect(await kv.get({ key: 'k' }, limit)).toMatchObject({ found: false });
  await admin.stopPlugin({ plugin: 'same' }, limit);
  await expect(kv.get({ key: 'k' }, limit)).rejects.toMatchObject({ code: status.UNIMPLEMENTED });
  expect(await rowOf(admin, 'kv')).toMatchObject({ state: 'stopped', diskVersion: '1.0.0' });
  await expect(admin.beginOperation({ plugin: 'kv', operation: 'restart' }, limit)).rejects.toMatchObject({
    code: 'PLUGIN_STOPPED',
  });
  await admin.startPlugin({ plugin: 'kv' }, limit);
  await kv.get({ key: 'k' }, limit);
  stub.close();
});

// Each verb has its own test besides.
(full ? test : test.skip)(
  'a plugin is upgraded by hand to what is on disk; what fails on disk is told of, and an application’s plugin is shared',
  async () => {
    room = new DaemonRoom();
    room.shelf.put('kv', '1.0.0');
    const admin = await room.start();
    await room.runs('kv', '1.0.0');
    await admin.pinPlugin({ plugin: 'kv', version: '1.0.0' }, limit);
    room.shelf.put('kv', '2.0.0');
    await poll(
      () => rowOf(admin, 'kv'),
      (row) => row?.diskVersion === '2.0.0',
    );
    expect(await rowOf(admin, 'kv')).toMatchObject({
      runningVersion: '1.0.0',
      pinnedVersion: '1.0.0',
      problem: '',
      note: '',
    });
    await expect(endOf(admin, { target: '2.0.0' })).rejects.toMatchObject({ code: 'PLUGIN_PINNED' });
    await admin.unpinPlugin({ plugin: 'kv' }, limit);
    await room.runs('kv', '2.0.0');
    expect(await endOf(admin, { target: '1.0.0' })).toMatchObject({
      outcome: 'swapped',
      to: { version: '1.0.0' },
    });
    const { operations, versions } = await admin.describePlugin({ plugin: 'kv' }, limit);
    expect(
      operations.map(({ operation, toVersion, outcome }) => `${operation} ${toVersion} ${outcome}`),
    ).toEqual(['upgrade 1.0.0 swapped', 'upgrade 2.0.0 swapped', 'upgrade 2.0.0 failed']);
    expect(versions.map(({ version, state }) => `${version} ${state}`)).toEqual([
      '2.0.0 available',
      '1.0.0 running',
    ]);
    room.shelf.put('kv', '3.0.0', { kind: 'bad' });
    const failed = await poll(
      async () => (await admin.describePlugin({ plugin: 'kv' }, limit)).versions[0],
      (version) => version?.state === 'failed',
    );
    const row = await rowOf(admin, 'kv');
    expect(row).toMatchObject({ state: 'serving', diskVersion: '3.0.0', problem: failed?.problem });

    const options = {
      ...shared,
      command: kvTs('1'),
      env: { ROOM_MARK: room.mark, TOKEN: 'an application’s' },
    };
    const loads = await Promise.all([1, 2].map(() => admin.loadPlugin({ options }, limit)));
    expect(loads.map((one) => one.shared).sort()).toEqual([false, true]);
    expect(loads[1]?.row).toMatchObject({ name: 'shared', source: 'application', state: 'serving' });
    const about = await admin.describePlugin({ plugin: 'shared' }, limit);
    expect(about.services.find(({ name }) => name === KvDefinition.fullName)?.public).toBe(true);
    expect(JSON.stringify(about)).not.toContain('an application’s');
    await admin.stopPlugin({ plugin: 'shared' }, limit);
    await admin.startPlugin({ plugin: 'shared' }, limit);
    await room.runs('shared', '1.0.0');
  },
);

const shared = {
  name: 'shared',
  version: '1.0.0',
  handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1, 2] },
};

async function rowOf(admin: AdminClient, plugin: string) {
  return (await admin.listPlugins({}, limit)).plugins.find(({ name }) => name === plugin);
}

/** The report of an upgrade. Throws what ended it. */
async function endOf(admin: AdminClient, { target }: { readonly target: string }): Promise<unknown> {
  const { operation } = await admin.beginOperation({ plugin: 'kv', operation: 'upgrade', target }, limit);
  for await (const { update } of admin.watchOperation({ id: operation?.id ?? '' }, limit)) {
    if (update?.$case === 'report') return update.value;
    if (update?.$case === 'error') throw errorFromDocument(update.value);
  }
  throw new Error('it has no end');
}
