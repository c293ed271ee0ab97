import { existsSync, lstatSync, mkdtempSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { OldSockets } from '../support/old-sockets';
import { kvTs } from '../support/samples';
import { FaultRoom } from './host-faults-support';

// Plugins that announce what is not theirs: nothing of a stranger's is removed, called or told to leave.

let room: FaultRoom;
let temp: string;
const servers: Server[] = [];
const older = join(tmpdir(), `plugin-stranger-${process.pid}`);
let strangers: OldSockets;
beforeAll(async () => {
  room = await FaultRoom.open();
  temp = mkdtempSync(join(tmpdir(), 'lies-'));
  strangers = await OldSockets.listen([older]);
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
  expect(room.leftFiles()).toEqual([]);
});
afterAll(async () => {
  await strangers.close();
  rmSync(temp, { recursive: true, force: true });
  await room.close();
});

async function listen(path: string): Promise<void> {
  const server = createServer((socket) => socket.on('error', () => {}).destroy());
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(path, resolve));
}

test("a stranger's file survives being announced as the plugin's socket", async () => {
  const precious = join(temp, 'precious');
  writeFileSync(precious, 'do not remove');
  const error = await room.failure(`lying-socket:${precious}`, { autoMtls: false });
  expect(error).toMatchObject({ code: 'CONNECT_FAILED', facts: { address: precious } });
  expect(readFileSync(precious, 'utf8')).toBe('do not remove');
});

test("a stranger's socket survives, wherever it lies", async () => {
  const elsewhere = join(temp, 'plugin12345');
  await listen(elsewhere);
  const error = await room.failure(`lying-socket:${elsewhere}`, { autoMtls: false });
  expect(error).toMatchObject({ code: 'CONNECT_FAILED', facts: { address: elsewhere } });
  expect(lstatSync(elsewhere).isSocket()).toBe(true);
});

describe('A plugin that announces the address of its neighbour is refused', () => {
  test('with AutoMTLS', async () => {
    const address = room.neighbour.plugin.status().instances[0]?.address ?? '';
    const error = await room.failure(`lying-socket:${address}`);
    expect(error).toMatchObject({ code: 'ADDRESS_INVALID', facts: { address } });
    expect(lstatSync(address).isSocket()).toBe(true);
    await room.neighbour.answers();
  });

  test.each(['as it stands', 'by a way round'])('in plaintext: %s', async (spelling) => {
    const honest = await room.room.load(kvTs('1'), { name: 'honest', autoMtls: false });
    const address = honest.status().instances[0]?.address ?? '';
    const directory = dirname(address);
    const roundabout = `${directory}/../${basename(directory)}/${basename(address)}`;
    const said = spelling === 'as it stands' ? address : roundabout;
    const error = await room.failure(`lying-socket:${said}`, { autoMtls: false });
    expect(error).toMatchObject({ code: 'ADDRESS_INVALID', facts: { address: said } });
    // It was neither told to leave, nor is its socket gone.
    expect(lstatSync(address).isSocket()).toBe(true);
    const answer = await honest.client(KvDefinition).get({ key: 'k' }, { timeoutMs: 10_000 });
    expect(answer.pid).toBe(honest.status().instances[0]?.pid);
    await honest.stop();
  });

  test('on TCP', async () => {
    const honest = await room.load('tcp', { autoMtls: false });
    const error = await room.failure(`line:1|1|tcp|${honest.address}|grpc|`, { autoMtls: false });
    expect(error).toMatchObject({ code: 'ADDRESS_INVALID', facts: { address: honest.address } });
    expect(honest.plugin.status().state).toBe('serving');
    await honest.plugin.stop();
    room.expectGone(honest);
  });
});

test('a plugin that puts its socket into the temp dir has it removed', async () => {
  const loaded = await room.load('temp-socket');
  expect(loaded.address).toMatch(/\/plugin\d+$/);
  expect(loaded.address).not.toContain(room.room.runDir);
  await loaded.plugin.stop();
  room.expectGone(loaded);
});

test('a socket that is deleted while its plugin serves costs no call, restart or stop', async () => {
  const loaded = await room.load('');
  const kv = loaded.plugin.client(KvDefinition);
  unlinkSync(loaded.address);
  expect((await kv.get({ key: 'k' }, { timeoutMs: 10_000 })).pid).toBe(loaded.pid);
  await loaded.plugin.restart();
  expect((await kv.get({ key: 'k' }, { timeoutMs: 10_000 })).pid).not.toBe(loaded.pid);
  const [instance] = loaded.plugin.status().instances;
  await loaded.plugin.stop();
  expect(existsSync(instance?.address ?? '')).toBe(false);
  room.expectGone(loaded);
});

test("a stranger's socket survives that looks like a plugin's own, but was there before", async () => {
  await strangers.old();
  const error = await room.failure(`lying-socket:${older}`, { autoMtls: false });
  expect(error).toMatchObject({ code: 'CONNECT_FAILED', facts: { address: older } });
  expect(lstatSync(older).isSocket()).toBe(true);
});
