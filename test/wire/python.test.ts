import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { roomsAtOnce, testsAtOnce } from '../support/at-once';
import type { DrivenPlugin, DrivingHost } from '../support/driven-plugin';
import { GoHost } from '../support/go-host';
import { failureOf } from '../support/host-room';
import { goIsHere } from '../support/needs-go';
import { describeWithPython, kvPython } from '../support/needs-python';
import { poll } from '../support/poll';
import { isRunning } from '../support/processes';
import { kvTs } from '../support/samples';
import { TsHost } from '../support/ts-host';

// Real processes, on a machine that may be busy.
jest.setTimeout(60_000);

/** A host, and a place for what its plugins leave. */
function under(makeHost: () => DrivingHost) {
  const { atOnce, own } = testsAtOnce(async () => {
    const place = mkdtempSync(join(tmpdir(), 'python-'));
    const host = makeHost();
    const close = async () => {
      await host.close();
      rmSync(place, { recursive: true, force: true });
    };
    return { place, host, close };
  });
  const place = () => own().place;
  const start = () =>
    own().host.start({
      command: kvPython(),
      autoMtls: false,
      versions: [1, 2, 3],
      env: { TMPDIR: place() },
    });
  return { atOnce, place, start };
}

/** The plugin has no Controller, no Stdio, no Broker and no reflection: what a plugin needs, and no more. */
describeWithPython('a plugin in plain Python', () => {
  (goIsHere ? describe : describe.skip)('under the Go host', () => {
    const { atOnce, place, start } = under(() => new GoHost());

    atOnce('answers all four kinds of call and is healthy', async () => answersAll(await start()));

    atOnce('is killed after the two seconds that go-plugin gives it', async () => {
      const plugin = await start();
      await plugin.get('key');
      expect(await plugin.stop()).toMatchObject({ forced: true, signal: 'killed' });
      expect(isRunning(plugin.pid)).toBe(false);
      // go-plugin never asks with a signal, so that nothing can take the socket away.
      expect(readdirSync(place())).toHaveLength(1);
    });
  });

  describe('under the TS host', () => {
    const { atOnce, start } = under(() => new TsHost({}, [KvDefinition]));

    atOnce('answers all four kinds of call and is healthy', async () => answersAll(await start()));

    atOnce('is stopped by a signal, since it can not be asked', async () => {
      const plugin = await start();
      expect(existsSync(plugin.address)).toBe(true);
      const endless = plugin.watch({ key: 'key', count: 0, intervalMs: 10 });
      const end = expect(endless).rejects.toMatchObject({ code: status.UNAVAILABLE });
      await plugin.get('key');
      expect(await plugin.stop()).toEqual({ forced: false, code: 0, signal: null });
      await end;
      expect(isRunning(plugin.pid)).toBe(false);
      expect(existsSync(plugin.address)).toBe(false);
    });

    atOnce('that is killed ends its calls and leaves no socket', async () => {
      const plugin = await start();
      const endless = plugin.watch({ key: 'key', count: 0, intervalMs: 10 });
      const end = expect(endless).rejects.toMatchObject({ code: status.UNAVAILABLE });
      await plugin.get('key');
      process.kill(plugin.pid, 'SIGKILL');
      await end;
      await poll(plugin.left, (seen) => seen !== undefined);
      await plugin.stop();
      expect(existsSync(plugin.address)).toBe(false);
    });
  });
});

async function answersAll(plugin: DrivenPlugin): Promise<void> {
  expect(plugin.protocolVersion).toBe(2);
  const signature = { servedBy: 'python', pid: plugin.pid };
  expect(await plugin.put('key', 'größer')).toMatchObject(signature);
  expect(await plugin.get('key')).toMatchObject({ found: true, value: 'größer', ...signature });
  const watched = await plugin.watch({ key: 'key', count: 20 });
  expect(watched.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  expect(await plugin.load(20)).toMatchObject({ stored: 20, ...signature });
  const said = await plugin.chat(20);
  expect(said.map(({ text }) => text)).toEqual(Array.from({ length: 20 }, (_, i) => `message-${i + 1}`));
  expect(await plugin.health('plugin')).toBe('SERVING');
  await plugin.stop();
}

describeWithPython('what a plugin in plain Python can not do', () => {
  const { atOnce, room } = roomsAtOnce();

  atOnce('is refused with a code: AutoMTLS', async () => {
    const failure = await failureOf(room().load(kvPython(), { autoMtls: true }));
    expect(failure.code).toBe('AUTO_MTLS_UNSUPPORTED');
  });

  atOnce('is refused with a code: all over one connection', async () => {
    const failure = await failureOf(room().load(kvPython(), { autoMtls: false, multiplex: true }));
    expect(failure.code).toBe('MULTIPLEX_UNSUPPORTED');
  });

  atOnce('does not keep it from being replaced, nor from replacing', async () => {
    const kv = await room().load(kvPython(), { autoMtls: false });
    const client = kv.client(KvDefinition);
    await kv.upgrade({ version: '2.0.0', command: kvTs('2') });
    expect((await client.get({ key: 'key' })).servedBy).toBe('2.0.0');
    await kv.upgrade({ version: '3.0.0', command: kvPython() });
    expect((await client.get({ key: 'key' })).servedBy).toBe('python');
  });
});
