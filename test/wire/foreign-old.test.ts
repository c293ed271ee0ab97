import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { GoHost } from '../support/go-host';
import { failureOf, HostRoom } from '../support/host-room';
import { describeWithGo } from '../support/needs-go';
import { poll } from '../support/poll';
import { isRunning } from '../support/processes';
import { kvOld, kvTs, oldGoHost } from '../support/samples';
import { TsHost } from '../support/ts-host';

/** Where plugins and hosts make their sockets: those of go-plugin 1.4 know no other place than TMPDIR. */
let place: string;

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'old-'));
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

const modes = [
  ['plain', false],
  ['AutoMTLS', true],
] as const;

describeWithGo.each(modes)('a plugin of go-plugin 1.4, %s', (_name, autoMtls) => {
  let host: TsHost;
  beforeEach(() => {
    host = new TsHost({}, [KvDefinition]);
  });
  afterEach(() => host.close());
  const start = () => host.start({ command: kvOld(), autoMtls, versions: [1, 2], env: { TMPDIR: place } });

  test('answers all four kinds of call and is healthy', async () => {
    const plugin = await start();
    expect(plugin.protocolVersion).toBe(1);
    const signature = { servedBy: 'old', pid: plugin.pid };
    expect(await plugin.put('key', 'größer')).toMatchObject(signature);
    expect(await plugin.get('key')).toMatchObject({ found: true, value: 'größer', ...signature });
    const watched = await plugin.watch({ key: 'key', count: 20 });
    expect(watched.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    expect(await plugin.load(20)).toMatchObject({ stored: 20, ...signature });
    expect(await plugin.chat(20)).toHaveLength(20);
    expect(await plugin.health('plugin')).toBe('SERVING');
    await plugin.stop();
  });

  test('keeps its socket where it will, and takes it away when it leaves', async () => {
    const plugin = await start();
    expect(plugin.address.startsWith(place)).toBe(true);
    expect(existsSync(plugin.address)).toBe(true);
    const endless = plugin.watch({ key: 'key', count: 0, intervalMs: 10 });
    const end = expect(endless).rejects.toMatchObject({ code: status.UNAVAILABLE });
    await plugin.get('key');
    expect(await plugin.stop()).toEqual({ forced: false, code: 0, signal: null });
    await end;
    expect(isRunning(plugin.pid)).toBe(false);
    expect(readdirSync(place)).toEqual([]);
  });

  test('leaves no socket either when it is killed', async () => {
    const plugin = await start();
    process.kill(plugin.pid, 'SIGKILL');
    await poll(plugin.left, (seen) => seen !== undefined);
    await plugin.stop();
    expect(readdirSync(place)).toEqual([]);
  });
});

describeWithGo('an upgrade between a plugin of go-plugin 1.4 and one in TS', () => {
  let room: HostRoom;
  beforeEach(async () => {
    room = await HostRoom.open();
  });
  afterEach(() => room.close());

  test('goes both ways', async () => {
    const kv = await room.load(kvOld(), { env: { TMPDIR: place } });
    const client = kv.client(KvDefinition);
    await kv.upgrade({ version: '2.0.0', command: kvTs('2') });
    expect((await client.get({ key: 'key' })).servedBy).toBe('2.0.0');
    // It lacks what the others serve beside.
    const older = { version: '3.0.0', command: kvOld() };
    expect(await failureOf(kv.upgrade(older))).toMatchObject({ code: 'CONTRACT_BROKEN' });
    await kv.upgrade({ ...older, force: true });
    expect((await client.get({ key: 'key' })).servedBy).toBe('old');
    await kv.stop();
    expect(readdirSync(place)).toEqual([]);
  });
});

describeWithGo.each(modes)('a TS plugin under a host of go-plugin 1.4, %s', (_name, autoMtls) => {
  test('answers, and leaves when it is asked to', async () => {
    const host = new GoHost({}, oldGoHost());
    try {
      const plugin = await host.start({
        command: kvTs('2'),
        autoMtls,
        versions: [1, 2],
        env: { TMPDIR: place },
      });
      expect(plugin.protocolVersion).toBe(2);
      expect(await plugin.put('key', 'größer')).toEqual({ servedBy: '2.0.0', pid: plugin.pid });
      expect(await plugin.get('key')).toMatchObject({ found: true, value: 'größer' });
      expect(await plugin.stop()).toEqual({ forced: false, code: 0, signal: null });
      expect(isRunning(plugin.pid)).toBe(false);
      expect(readdirSync(place)).toEqual([]);
    } finally {
      await host.close();
    }
  });

  test('of an older version agrees on what both know', async () => {
    const host = new GoHost({}, oldGoHost());
    try {
      const plugin = await host.start({ command: kvTs('1'), autoMtls, versions: [1, 2] });
      expect(plugin.protocolVersion).toBe(1);
      await plugin.stop();
    } finally {
      await host.close();
    }
  });
});
