import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import { ProbeClient, ProbeDefinition } from '@plugd/protocol/gen/samples/probe/v1/probe';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import type { AdminClient } from '../../host/src/admin/admin-client';
import { DaemonRoom } from '../support/daemon';
import { poll } from '../support/poll';

// One daemon, whose config changes from test to test.

const secret = 'correct-horse-battery';
const limit = { timeoutMs: 10_000 };
const full = process.env['PLUGD_FULL'] === '1';
let room: DaemonRoom;
let admin: AdminClient;
let stub: ProbeClient;
beforeAll(async () => {
  room = new DaemonRoom();
  room.shelf.put('kv', '1.0.0', { manifest: 'services: [samples.probe.v1.Probe]\n' });
  writeFileSync(join(room.directory, 'token'), `${secret}\n`, { mode: 0o600 });
  room.configure(settings());
  admin = await room.start();
  await room.runs('kv', '1.0.0');
  stub = new ProbeClient(room.frontDoor, credentials.createInsecure());
}, 30_000);
afterAll(async () => {
  stub?.close();
  await room.close();
});

const settings = (more = '') => `plugins: { kv: { env: { TOKEN: { file: ./token } }${more} } }\n`;
const probe = () => createPromiseClient(ProbeDefinition, stub.getChannel());
const row = async () => (await admin.listPlugins({}, limit)).plugins[0];
const problem = async () => (await admin.getDaemon({}, limit)).configProblem;

/** Everything that the daemon has written, and whatever it tells. */
async function everything(): Promise<string> {
  const files = readdirSync(room.stateDir, { recursive: true })
    .map((name) => join(room.stateDir, String(name)))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path, 'latin1'));
  const told: unknown[] = [await admin.describePlugin({ plugin: 'kv' }, limit)];
  for await (const one of admin.readLogs({ level: 'trace' }, limit)) told.push(one);
  for await (const one of admin.watchEvents({}, limit)) told.push(one);
  return JSON.stringify([room.output, files, told]);
}

test('a secret is known to its plugin, and shown nowhere', async () => {
  const { environment } = await probe().inspect({ environment: ['TOKEN'] }, limit);
  expect(environment).toEqual({ TOKEN: secret });
  await probe().log({ level: 'error', message: `it is ${secret}`, fields: { token: secret } }, limit);
  await admin.pinPlugin({ plugin: 'kv', version: '1.0.0' });
  await admin.abortOperation({ plugin: 'kv', reason: `since ${secret}` }, limit).catch(() => {});
  const all = await poll(everything, (text) => text.includes('it is ***'));
  expect(all).toContain('since ***');
  expect(all).not.toContain(secret);
  const { options } = await admin.describePlugin({ plugin: 'kv' }, limit);
  expect(options?.['env']).toMatchObject({ TOKEN: '***' });
  await admin.unpinPlugin({ plugin: 'kv' });
});

test('what a plugin says before it breaks off is told without the secret, to whoever asks', async () => {
  await admin.pinPlugin({ plugin: 'kv', version: '1.0.0' }, limit);
  room.shelf.put('kv', '2.0.0', { kind: 'bad' });
  // The second line is cut where it is kept, and that on stdout where it is told.
  const program = `#!/usr/bin/env node
const { TOKEN } = process.env;
console.error('with ' + TOKEN);
console.error('x'.repeat(1013) + TOKEN);
console.log('y'.repeat(190) + TOKEN);
setTimeout(() => process.exit(3), 5_000);
`;
  writeFileSync(join(room.shelf.place('kv', '2.0.0'), 'kv'), program);
  await admin.unpinPlugin({ plugin: 'kv' }, limit);
  await poll(
    async () => (await admin.describePlugin({ plugin: 'kv' }, limit)).versions[0],
    (version) => version?.state === 'failed',
  );
  const { operation } = await admin.beginOperation(
    { plugin: 'kv', operation: 'upgrade', target: '2.0.0' },
    limit,
  );
  const updates: unknown[] = [];
  for await (const { update } of admin.watchOperation({ id: operation?.id ?? '' }, limit))
    updates.push(update);
  expect(updates.at(-1)).toMatchObject({
    $case: 'error',
    value: { code: 'HANDSHAKE_UNREADABLE', facts: { stderr: ['with ***', `${'x'.repeat(1013)}***…`] } },
  });
  const all = JSON.stringify([updates, await everything()]);
  expect(all).toContain(`${'y'.repeat(190)}***…`);
  expect(all).not.toContain(secret.slice(0, 8));
  room.shelf.remove('kv', '2.0.0');
  await poll(
    async () => (await admin.describePlugin({ plugin: 'kv' }, limit)).versions.length,
    (count) => count === 1,
  );
});

test('a config that changes on disk is reconciled, and what it would do is told before', async () => {
  room.configure(settings(', instances: 2'));
  const { changes } = await admin.diff({}, limit);
  expect(changes).toMatchObject([{ plugin: 'kv', action: 'configure', reason: 'instances default → 2' }]);
  await poll(row, (seen) => seen?.instances === 2);
  await poll(
    async () => (await admin.diff({}, limit)).changes.length,
    (left) => left === 0,
  );
});

test('a bad config changes nothing, and is told of until there is a good one', async () => {
  const before = await row();
  room.configure(settings(', instnces: 1'));
  process.kill(room.pid, 'SIGHUP');
  expect(await poll(problem, (text) => text !== '')).toContain('instnces');
  await expect(admin.reconcile({}, limit)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  await expect(admin.diff({}, limit)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  expect(await row()).toEqual(before);
  expect(room.output.stderr).toContain('CONFIG_INVALID');
  room.configure(settings());
  process.kill(room.pid, 'SIGHUP');
  await poll(row, (seen) => seen?.instances === 1);
  expect(await problem()).toBe('');
});

test("the daemon's own settings wait for its next start", async () => {
  room.configure(`${settings()}memoryBudgetBytes: 1000000000\n`);
  const { changes } = await admin.reconcile({}, limit);
  // The last change of the plugin may still be on its way.
  expect(changes.filter(({ plugin }) => plugin === '')).toMatchObject([
    { action: 'needs-restart', from: '', to: '1000000000' },
  ]);
  expect(await problem()).toContain('memoryBudgetBytes');
});

test('each change stands in a record that only this user can read', async () => {
  const path = join(room.stateDir, 'audit.jsonl');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const records = readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const client = { program: 'test', user: expect.any(String), pid: process.pid };
  expect(records).toContainEqual({
    ...{ time: expect.any(String), client, verb: 'pin', plugin: 'kv' },
    ...{ parameters: { version: '1.0.0' }, outcome: 'done' },
  });
  expect(records).toContainEqual(
    expect.objectContaining({ client, verb: 'abort', outcome: 'OPERATION_NOT_FOUND' }),
  );
  expect(records).toContainEqual(expect.objectContaining({ client: 'directory', verb: 'put', plugin: 'kv' }));
  const configured = records.filter(({ verb }) => verb === 'configure');
  expect(configured.length).toBeGreaterThan(0);
  for (const record of configured)
    expect(record).toMatchObject({ client: 'config', plugin: 'kv', outcome: 'done' });
  expect(records).toContainEqual(
    expect.objectContaining({ client: 'signal', verb: 'reconcile', outcome: 'CONFIG_INVALID' }),
  );
  expect(records).toContainEqual(
    expect.objectContaining({ client: 'config', verb: 'reconcile', outcome: 'done' }),
  );
});

(full ? test : test.skip)(
  'a daemon whose secrets are gone runs its other plugins, and says why it does not run that one',
  async () => {
    await room.end();
    rmSync(join(room.directory, 'token'));
    room.shelf.put('other', '1.0.0');
    admin = await room.start();
    await room.runs('other', '1.0.0');
    const { plugins } = await admin.listPlugins({}, limit);
    expect(plugins.map(({ name, state }) => `${name} ${state}`)).toEqual(['kv stopped', 'other serving']);
    expect(plugins[0]?.problem).toContain('TOKEN');
  },
);
