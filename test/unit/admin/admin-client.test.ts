import { writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { status } from '@grpc/grpc-js';
import { PluginError } from '@plugd/protocol/plugin-error';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';
import { connectAdmin } from '../../../host/src/admin/admin-client';
import { CLIENT_KEY, noteText, readNote } from '../../../host/src/admin/caller-note';
import { toRpcError } from '../../../host/src/admin/error-wire';
import { AdminPlace, failureOf } from './admin-place';

let place: AdminPlace;
beforeEach(() => {
  place = new AdminPlace();
});
afterEach(() => place.close());

test('a client knows its daemon, and says who it is with each call', async () => {
  const heard: unknown[] = [];
  await place.serve({
    pinPlugin: (_request, context) => {
      heard.push(readNote(String(context.metadata.get(CLIENT_KEY)[0])));
      return {};
    },
  });
  const admin = await place.connect({ program: 'prüfung' });
  expect(admin).toMatchObject({ socket: place.socket, daemon: { pid: 1, version: '0.1.0' } });
  await admin.pinPlugin({ plugin: 'kv', version: '1.0.0' });
  expect(heard).toEqual([{ program: 'prüfung', user: expect.any(String), pid: process.pid }]);
});

test('what the daemon refuses is the error that it told, of a stream too', async () => {
  const refusal = () => {
    throw toRpcError(new PluginError('BUSY', 'It is in an upgrade.', { facts: { plugin: 'kv' } }));
  };
  await place.serve({
    beginOperation: refusal,
    async *watchEvents() {
      yield { dropped: 3 };
      refusal();
    },
  });
  const admin = await place.connect();
  const told = { name: 'PluginError', code: 'BUSY', facts: { plugin: 'kv' } };
  expect(await failureOf(admin.beginOperation({}))).toMatchObject(told);
  const events = admin.watchEvents({})[Symbol.asyncIterator]();
  expect(await events.next()).toMatchObject({ value: { dropped: 3 } });
  expect(await failureOf(events.next())).toMatchObject(told);
});

test('what only a newer release knows is told in its words', async () => {
  await place.serve({
    diff: () => {
      throw new RpcError(status.UNAVAILABLE, 'The moon is full.', {
        metadata: { 'plugd-error-bin': Buffer.from('{"code":"MOON_FULL","summary":"The moon is full."}') },
      });
    },
  });
  const admin = await place.connect();
  expect(await failureOf(admin.diff({}))).toMatchObject({ name: 'RpcError', details: 'The moon is full.' });
});

test('a daemon that lacks a method is too old', async () => {
  await place.serve({}, ['reconcile']);
  const admin = await place.connect();
  expect(await failureOf(admin.reconcile({}))).toMatchObject({
    code: 'DAEMON_TOO_OLD',
    facts: { method: 'Reconcile', socket: place.socket },
  });
});

test.each([
  ['nothing is there', () => {}, 'ENOENT'],
  ['a file is there', (path: string) => writeFileSync(path, ''), 'ECONNREFUSED'],
])('where %s no daemon can be reached', async (_what, prepare, systemCode) => {
  prepare(place.socket);
  expect(await failureOf(connectAdmin(place.socket))).toMatchObject({
    code: 'DAEMON_UNREACHABLE',
    facts: { socket: place.socket, begun: false, systemCode },
  });
});

test('a daemon that takes connections and says nothing is given up', async () => {
  const taken = new Set<Socket>();
  const mute = createServer((socket) => taken.add(socket.on('error', () => {})));
  await new Promise<void>((resolve) => mute.listen(place.socket, resolve));
  expect(await failureOf(connectAdmin(place.socket, { timeoutMs: 100 }))).toMatchObject({
    code: 'DAEMON_UNREACHABLE',
  });
  for (const socket of taken) socket.destroy();
  await new Promise((resolve) => mute.close(resolve));
});

test('a daemon lost in mid-call may have done what it was asked; the next one is found again', async () => {
  let begun = () => {};
  const called = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const first = await place.serve({
    stopPlugin: () => {
      begun();
      return new Promise(() => {});
    },
  });
  const admin = await place.connect();
  const call = failureOf(admin.stopPlugin({ plugin: 'kv' }));
  await called;
  first.forceShutdown();
  expect(await call).toMatchObject({ code: 'DAEMON_UNREACHABLE', facts: { begun: true } });
  expect(await failureOf(admin.getDaemon({}))).toMatchObject({ code: 'DAEMON_UNREACHABLE' });
  await place.serve({});
  for (;;) {
    const again = await admin.getDaemon({}).catch(() => undefined);
    if (again !== undefined) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});

test("what the caller ends stays the caller's", async () => {
  await place.serve({ shutdown: () => new Promise(() => {}) });
  const admin = await place.connect();
  expect(await failureOf(admin.shutdown({}, { timeoutMs: 20 }))).toMatchObject({
    name: 'RpcError',
    code: status.DEADLINE_EXCEEDED,
  });
});

test.each(['', 'no JSON', '[]', '{"program":1,"user":"a","pid":1}', '{"program":"a","user":"a"}'])(
  '%j says nothing of a caller',
  (text) => {
    expect(readNote(text)).toBeUndefined();
  },
);

test('a note has nothing that metadata could not carry', () => {
  const note = { program: 'ä\n"\u{1f600}', user: '\u0000', pid: 1 };
  expect(noteText(note)).toMatch(/^[\x20-\x7e]+$/);
  expect(readNote(noteText(note))).toEqual(note);
});
