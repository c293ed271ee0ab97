import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HostEvent } from '@plugd/host';
import type { PluginRow } from '@plugd/protocol/gen/plugd/admin/v1/admin';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { AdminBackend, AuditRecord } from '../../../host/src/admin/admin-backend';
import { type AdminClient, connectAdmin } from '../../../host/src/admin/admin-client';
import { AdminServer } from '../../../host/src/admin/admin-server';
import { adminService } from '../../../host/src/admin/admin-service';
import { documents, foreignDocument } from '../../../host/src/admin/answers';
import { EventBuffer } from '../../../host/src/admin/event-buffer';
import { OperationsBook } from '../../../host/src/admin/operations-book';
import { emptyRow } from '../../../host/src/admin/rows';
import { Redactor } from '../../../host/src/config/redactor';
import { poll } from '../../support/poll';

const limit = { timeoutMs: 10_000 };
const secret = 'hunter22';
let directory: string;
let socket: string;
let server: AdminServer;
let client: AdminClient;
let backend: TrialBackend;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'admin-'));
  socket = join(directory, 'plugd.sock');
  backend = new TrialBackend();
  server = await AdminServer.open(socket, adminService(backend));
  client = await connectAdmin(socket, { program: 'test' });
});
afterEach(async () => {
  client.close();
  await server.close();
  const left = readdirSync(directory);
  rmSync(directory, { recursive: true, force: true });
  expect(left).toEqual([]);
});

/** A daemon without plugins. */
class TrialBackend implements AdminBackend {
  readonly events = new EventBuffer(100);
  readonly operations = new OperationsBook(() => 0);
  readonly redaction = new Redactor([secret]);
  readonly audited: AuditRecord[] = [];
  rows: PluginRow[] = [];
  reads = 0;
  refusal = new PluginError('STOP_FAILED', `It said ${secret}.`, { facts: { stderr: [`so ${secret}`] } });

  about = () => ({
    ...{ version: '1', pid: 1, startedAt: 1, socket, stateDir: '', pluginsDir: '', configFile: '' },
    ...{
      frontDoor: '',
      metrics: '',
      logDir: '',
      configProblem: '',
      eventSequence: 0,
      loading: false,
      ending: false,
    },
  });
  list = async () => this.rows;
  async describe(): Promise<never> {
    throw new Error(`broken at ${secret}`);
  }
  contract = async () => Buffer.from(secret);
  traffic = () => undefined;
  async *logs(_query: unknown, signal: AbortSignal) {
    this.reads++;
    try {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      yield* [];
    } finally {
      this.reads--;
    }
  }
  load = async () => ({ row: emptyRow('x'), shared: false });
  async stop(): Promise<never> {
    throw this.refusal;
  }
  start = async () => {};
  begin = async (): Promise<never> => Promise.reject(this.refusal);
  planRollback = async (): Promise<never> => Promise.reject(this.refusal);
  pin = async () => {};
  unpin = async () => {};
  diff = async () => [];
  reconcile = async () => [];
  shutdown = () => {};
  audit = (record: AuditRecord) => void this.audited.push(record);
}

const event = (sequence: number): HostEvent => ({
  ...{ type: 'plugin', plugin: 'kv', sequence, time: sequence, version: '1.0.0', generation: 1 },
  ...{ from: undefined, to: 'serving', cause: { reason: 'asked', message: 'x'.repeat(1_000) } },
});

test('only this user can connect, and a change is written down with who asked for it and what came of it', async () => {
  expect(statSync(socket).mode & 0o777).toBe(0o600);
  await client.pinPlugin({ plugin: 'kv', version: '1.0.0' }, limit);
  await expect(client.stopPlugin({ plugin: 'kv' }, limit)).rejects.toMatchObject({ code: 'STOP_FAILED' });
  await client.diff({}, limit);
  await client.reconcile({ dryRun: true }, limit);
  const by = { client: { program: 'test', user: expect.any(String), pid: process.pid }, plugin: 'kv' };
  expect(backend.audited).toEqual([
    { ...by, verb: 'pin', parameters: { version: '1.0.0' }, outcome: 'done' },
    { ...by, verb: 'stop', parameters: {}, outcome: 'STOP_FAILED' },
  ]);
});

test('a secret that is an ordinary word is taken out of what is told, and not of its form', async () => {
  backend.redaction.add(['version', 'name', 'phase', 'case', 'detail', 'plugin', 'code', 'event', 'path']);
  backend.rows = [{ ...emptyRow('kv'), problem: 'no such version' }];
  expect(await client.getDaemon({}, limit)).toMatchObject({ version: '1', pid: 1 });
  expect((await client.listPlugins({}, limit)).plugins).toMatchObject([
    { name: 'kv', problem: 'no such ***' },
  ]);
  backend.events.add(event(1));
  const told: unknown[] = [];
  for await (const { event } of client.watchEvents({}, limit)) told.push(event);
  expect(told).toMatchObject([{ plugin: 'kv', sequence: 1 }]);
  backend.refusal = new PluginError('STOP_FAILED', 'It did not.', { facts: { path: { detail: 1 } } });
  await expect(client.stopPlugin({ plugin: 'kv' }, limit)).rejects.toMatchObject({
    code: 'STOP_FAILED',
    facts: { path: { '***': 1 } },
  });
});

test('all documents of answers are known as such', () => {
  const proto = readFileSync(join(__dirname, '../../../proto/plugd/admin/v1/admin.proto'), 'utf8');
  const messages = [...proto.matchAll(/^message (\w+) \{([\s\S]*?)^\}/gm)];
  const answers = messages.filter(([, name = '']) => !name.endsWith('Request'));
  const fields = answers.flatMap(([, , body = '']) => [
    ...body.matchAll(/^ +(?:repeated )?(google\.protobuf\.Struct)?([\w.]* )?(\w+) = \d+;/gm),
  ]);
  expect(fields.length).toBeGreaterThan(50);
  const known = (name: string) => documents.has(name) || name === foreignDocument;
  for (const [, struct, , name = ''] of fields)
    expect(`${name} ${known(name)}`).toBe(`${name} ${struct !== undefined}`);
});

test('no error and no answer has a secret in it; bytes are as they are', async () => {
  await expect(client.stopPlugin({ plugin: 'kv' }, limit)).rejects.toMatchObject({
    summary: 'It said ***.',
    facts: { stderr: ['so ***'] },
  });
  await expect(client.describePlugin({ plugin: 'kv' }, limit)).rejects.toMatchObject({
    details: 'broken at ***',
  });
  backend.rows = [{ ...emptyRow('kv'), problem: `${secret}!` }];
  expect((await client.listPlugins({}, limit)).plugins[0]?.problem).toBe('***!');
  expect((await client.getContract({ plugin: 'kv' }, limit)).descriptorSet).toEqual(Buffer.from(secret));
});

test('a thousand plugins are listed, whatever their names are', async () => {
  backend.rows = Array.from({ length: 1_000 }, (_, i) => emptyRow(`p\u001b[31m${i}`));
  const { plugins } = await client.listPlugins({}, limit);
  expect(plugins).toEqual(backend.rows);
});

test('who reads events slowly holds up nobody, and is told how many it has missed', async () => {
  const reading = client.watchEvents({ follow: true })[Symbol.asyncIterator]();
  backend.events.add(event(1));
  expect((await reading.next()).value).toMatchObject({ dropped: 0, event: { sequence: 1 } });
  for (let sequence = 2; sequence <= 5_000; sequence++) {
    backend.events.add(event(sequence));
    if (sequence % 100 === 0) await new Promise((next) => setImmediate(next));
  }
  let seen = 1;
  let dropped = 0;
  while (seen + dropped < 5_000) {
    const { value } = await reading.next();
    seen++;
    dropped += value?.dropped ?? 0;
  }
  expect(seen + dropped).toBe(5_000);
  expect(dropped).toBeGreaterThan(0);
  await reading.return?.();
});

test('who is gone is not served any more; who follows is let go when the daemon ends', async () => {
  const leaving = new AbortController();
  const left = (async () => {
    for await (const _one of client.readLogs({ follow: true }, { signal: leaving.signal }));
  })();
  await poll(
    () => backend.reads,
    (reads) => reads === 1,
  );
  leaving.abort();
  await expect(left).rejects.toMatchObject({ codeName: 'CANCELLED' });
  await poll(
    () => backend.reads,
    (reads) => reads === 0,
  );
  const following = (async () => {
    for await (const _one of client.watchEvents({ follow: true }));
    return 'ended';
  })();
  await client.diff({}, limit);
  await server.close();
  expect(await following).toBe('ended');
  expect(existsSync(socket)).toBe(false);
});

test('a message that is too large, a client that is cut off and bytes that mean nothing leave it as it is', async () => {
  const reason = 'x'.repeat(5 * 1024 * 1024);
  await expect(client.abortOperation({ plugin: 'kv', reason }, limit)).rejects.toMatchObject({
    code: 'OPTIONS_INVALID',
    facts: { option: 'request', method: 'AbortOperation', bytes: reason.length + 9, limit: 4 * 1024 * 1024 },
  });
  const stranger = connect(socket);
  stranger.on('error', () => {}).resume();
  stranger.write(Buffer.alloc(100_000, 'GET / HTTP/1.1\r\n'));
  await new Promise((closed) => stranger.once('close', closed));
  const cut = connect(socket);
  await new Promise((open) => cut.once('connect', open));
  cut.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  cut.destroy();
  expect((await client.listPlugins({}, limit)).plugins).toEqual([]);
});
