import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials, status } from '@grpc/grpc-js';
import { KvClient, KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import type { DaemonConfig } from '../../host/src/config/config';
import { DaemonBackend } from '../../host/src/daemon/backend';
import { openParts } from '../../host/src/daemon/daemon-parts';
import { testsAtOnce } from '../support/at-once';
import { poll } from '../support/poll';
import { kvTs } from '../support/samples';
import { Shelf } from '../upgrade/shelf';

// What a daemon's clients change, asked of its parts: with real plugins and sockets, and without a process of its own.

jest.setTimeout(60_000);
const limit = { timeoutMs: 10_000 };

const { atOnce, own } = testsAtOnce(async () => {
  const directory = mkdtempSync(join(tmpdir(), 'changes-'));
  const shelf = new Shelf();
  const config: DaemonConfig = {
    version: 1,
    watch: { quietMs: 60 },
    plugins: { set: { env: { FLAVOUR: 'plain' } }, off: { enabled: false } },
  };
  const parts = await openParts(
    { config, configFile: undefined, env: {}, cwd: directory, version: '0.0.0', stderr: undefined },
    {
      socket: join(directory, 'admin.sock'),
      frontDoor: { socket: join(directory, 'front.sock') },
      metrics: false,
      stateDir: join(directory, 'state'),
      logDir: join(directory, 'logs'),
      pluginsDir: shelf.directory,
    },
  );
  await parts.begin();
  const about = () => {
    throw new Error('nobody asks');
  };
  const backend = new DaemonBackend({ ...parts, about, shutdown: () => {} });
  const stub = new KvClient(`unix:${join(directory, 'front.sock')}`, credentials.createInsecure());
  const kv = createPromiseClient(KvDefinition, stub.getChannel());
  const close = async () => {
    stub.close();
    await parts.close();
    rmSync(directory, { recursive: true, force: true });
    shelf.dispose();
  };
  return { shelf, parts, backend, kv, close };
});

const row = (name: string) => own().parts.views.row(name);
const load = (name: string, more = {}) =>
  own().backend.load({ options: { ...options, name, ...more }, services: [] });
const options = {
  version: '1.0.0',
  command: kvTs('1'),
  handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1, 2] },
};
const runs = (name: string, version: string) =>
  poll(
    () => row(name).catch(() => undefined),
    (seen) => seen?.state === 'serving' && seen.runningVersion === version,
    20_000,
  );

atOnce(
  'what the directory puts where an application’s plugin was is the directory’s, and private',
  async () => {
    const { shelf, backend, kv } = own();
    await load('app');
    expect(await row('app')).toMatchObject({ source: 'application' });
    await kv.get({ key: 'k' }, limit);
    await backend.stop('app');
    expect(await row('app')).toMatchObject({ source: 'application', state: 'stopped' });
    shelf.put('app', '2.0.0');
    await runs('app', '2.0.0');
    expect(await row('app')).toMatchObject({ source: 'directory' });
    const { services } = await backend.describe('app', false);
    expect(services.filter((service) => service.public)).toEqual([]);
    await expect(kv.get({ key: 'k' }, limit)).rejects.toMatchObject({ code: status.UNIMPLEMENTED });

    // And it is handled as one of the directory.
    shelf.put('app', '1.0.0');
    await poll(
      () => backend.describe('app', false),
      ({ versions }) => versions.some(({ version, state }) => version === '1.0.0' && state === 'available'),
    );
    const request = { plugin: 'app', operation: 'upgrade', target: '1.0.0', options: {} };
    expect(await (await backend.begin(request)).handle).toMatchObject({ to: { version: '1.0.0' } });
    await backend.stop('app');
    await backend.start('app');
    expect(await row('app')).toMatchObject({ source: 'directory', runningVersion: '2.0.0' });
  },
);

atOnce('a pin holds against a rollback, planned or not, and against another command', async () => {
  const { shelf, parts, backend } = own();
  const rollback = { plugin: 'kv', operation: 'rollback', target: '', options: {} };
  const upgraded = (count: number) =>
    poll(
      () => parts.operations.list('kv').filter(({ outcome }) => outcome.kind === 'done').length,
      (done) => done === count,
    );
  shelf.put('kv', '1.0.0');
  await runs('kv', '1.0.0');
  shelf.put('kv', '2.0.0');
  await upgraded(1);
  await backend.pin('kv', '1.0.0');
  await poll(
    () => parts.operations.running('kv'),
    (upgrade) => upgrade !== undefined,
  );
  // Where it leads to now is not where it would lead to when its turn comes.
  await expect(backend.begin(rollback)).rejects.toMatchObject({ code: 'BUSY' });
  await upgraded(2);
  const pinned = { code: 'PLUGIN_PINNED', facts: { plugin: 'kv', pinned: '1.0.0', version: '2.0.0' } };
  await expect(backend.planRollback('kv', {})).rejects.toMatchObject(pinned);
  await expect(backend.begin(rollback)).rejects.toMatchObject(pinned);
  await expect(backend.begin({ ...rollback, options: { dryRun: true } })).rejects.toMatchObject(pinned);
  const other = { command: kvTs('2'), version: '2.0.0' };
  await expect(backend.begin({ ...rollback, operation: 'upgrade', options: other })).rejects.toMatchObject(
    pinned,
  );
  expect([parts.operations.running('kv'), (await row('kv')).runningVersion]).toEqual([undefined, '1.0.0']);
  await backend.unpin('kv');
  expect(await backend.planRollback('kv', {})).toMatchObject({ version: '2.0.0' });
});

atOnce('what is wanted and can’t be run has failed, and the reason is told in a sentence', async () => {
  const { shelf, backend } = own();
  shelf.put('bad', '1.0.0', { kind: 'bad' });
  shelf.put('unfit', '1.0.0', { manifest: 'nonsense: true\n' });
  await poll(
    async () => (await backend.list()).filter(({ state }) => state === 'failed').map(({ name }) => name),
    (failed) => failed.join() === 'bad,unfit',
  );
  const [bad, unfit] = [await row('bad'), await row('unfit')];
  expect(bad).toMatchObject({ runningVersion: '', note: '' });
  expect(bad.problem).toMatch(/exit code 3 before its handshake/);
  expect(unfit.problem).toContain('nonsense');
  // Of what an application could not load there is nothing left.
  await expect(load('gone', { command: '/nowhere' })).rejects.toMatchObject({ code: 'COMMAND_NOT_FOUND' });
  expect((await backend.list()).map(({ name }) => name)).not.toContain('gone');
});

atOnce(
  'of the variables of a plugin only those are told that its manifest and its settings name',
  async () => {
    const { shelf, backend } = own();
    shelf.put('set', '1.0.0');
    await runs('set', '1.0.0');
    const env = async () => (await backend.describe('set', false)).options?.['env'];
    expect(await env()).toEqual({ FLAVOUR: 'plain', ROOM_MARK: '' });
    const options = { env: { FLAVOUR: 'other', TOKEN: 'a client’s' } };
    const { handle } = await backend.begin({ plugin: 'set', operation: 'upgrade', target: '', options });
    await handle;
    expect(await env()).toEqual({ FLAVOUR: '***', TOKEN: '***' });
  },
);

atOnce('what is being loaded is started once, and who asks for that waits for it', async () => {
  const { backend } = own();
  const loading = load('slow');
  expect(await row('slow')).toMatchObject({ source: 'application', state: 'starting' });
  await backend.start('slow');
  expect(await row('slow')).toMatchObject({ state: 'serving', instances: 1 });
  expect(await loading).toMatchObject({ shared: false });
  const failing = load('gone', { command: '/nowhere' });
  const started = backend.start('gone');
  await expect(failing).rejects.toMatchObject({ code: 'COMMAND_NOT_FOUND' });
  await expect(started).rejects.toMatchObject({ code: 'COMMAND_NOT_FOUND' });
});

atOnce('who starts what its settings disable is told where that stands', async () => {
  const { shelf, backend } = own();
  shelf.put('off', '1.0.0');
  await poll(
    () => row('off'),
    ({ diskVersion }) => diskVersion !== '',
  );
  await expect(backend.start('off')).rejects.toMatchObject({
    code: 'VERSION_NOT_FOUND',
    summary: expect.stringContaining('its settings disable it'),
    hint: expect.stringContaining('plugins.off in the config'),
  });
});
