import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHost, type Host, type HostEvent, type HostOptions } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { failureOf } from '../support/host-room';
import { poll } from '../support/poll';
import { isRunning, processesWith } from '../support/processes';
import { RecordingLogger } from '../support/recording-logger';
import { kvTs } from '../support/samples';

// Real processes, on a machine that may be busy.
jest.setTimeout(60_000);

let place: string;
const hosts: Host[] = [];
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'host-'));
});
afterEach(async () => {
  await Promise.all(hosts.splice(0).map((host) => host.close()));
  rmSync(place, { recursive: true, force: true });
});

async function open(options: HostOptions = {}): Promise<Host> {
  const host = await createHost({ logger: new RecordingLogger(), ...options });
  hosts.push(host);
  return host;
}

const kv = (over: object = {}) => ({
  name: 'kv',
  version: '1.0.0',
  command: kvTs('1'),
  handshake: { cookie: ['KV_PLUGIN', 'hello'] as const, protocolVersions: [1] },
  ...over,
});

test('a name is taken from the beginning of a load to the end of the plugin', async () => {
  const host = await open();
  const first = host.load(kv());
  expect(await failureOf(host.load(kv()))).toMatchObject({ code: 'NAME_TAKEN', fault: 'caller' });
  const plugin = await first;
  expect((await failureOf(host.load(kv()))).code).toBe('NAME_TAKEN');
  expect(host.plugins()).toEqual([plugin]);
  expect(host.plugin('kv')).toBe(plugin);
  await plugin.stop();
  expect(host.plugin('kv')).toBeUndefined();
  const next = await host.load(kv());
  await plugin.stop();
  expect(host.plugin('kv')).toBe(next);
});

test('a plugin that was stopped refuses operations and calls, each by its code, and may be stopped again', async () => {
  const host = await open();
  const plugin = await host.load(kv());
  const client = plugin.client(KvDefinition);
  await plugin.stop();
  await plugin.stop();
  expect((await failureOf(plugin.restart())).code).toBe('PLUGIN_STOPPED');
  expect((await failureOf(plugin.upgrade({ version: '2.0.0', command: kvTs('2') }))).code).toBe(
    'PLUGIN_STOPPED',
  );
  await expect(client.get({ key: 'k' })).rejects.toMatchObject({
    codeName: 'UNAVAILABLE',
    pluginCode: 'ROUTE_CLOSED',
  });
  await expect(plugin.client(KvDefinition).get({ key: 'k' })).rejects.toMatchObject({
    pluginCode: 'ROUTE_CLOSED',
  });
  expect(plugin.status()).toMatchObject({ state: 'stopped', version: '1.0.0', instances: [] });
  expect(plugin.handedOver()).toBeUndefined();
});

test('close() stops every plugin and leaves nothing; again, it is the same', async () => {
  const host = await open({ runDir: place });
  const mark = `KV_MARK=${place}`;
  const env = { KV_MARK: place };
  await Promise.all(['a', 'b', 'c'].map((name) => host.load(kv({ name, env }))));
  expect(processesWith(mark)).toHaveLength(3);
  const states: string[] = [];
  host.on('event', (event) => event.type === 'plugin' && states.push(`${event.plugin} ${event.to}`));
  await Promise.all([host.close(), host.close()]);
  await host.close();
  expect(processesWith(mark)).toEqual([]);
  expect(readdirSync(place)).toEqual([]);
  expect(states.sort()).toEqual(['a', 'b', 'c'].flatMap((name) => [`${name} stopped`, `${name} stopping`]));
  expect(host.plugins()).toEqual([]);
});

test('a host that is closed refuses to load, attach and hand over', async () => {
  const host = await open();
  const handedOver = (await host.load(kv())).handedOver();
  await host.close();
  if (handedOver === undefined) throw new Error('there was a process to hand over');
  expect((await failureOf(host.load(kv()))).code).toBe('HOST_CLOSED');
  expect((await failureOf(host.attach(handedOver))).code).toBe('HOST_CLOSED');
  expect((await failureOf(host.handOver())).code).toBe('HOST_CLOSED');
});

test('a load under way when the host closes ends at once, and leaves nothing', async () => {
  const host = await open({ runDir: place });
  const file = join(place, 'sleeper');
  writeFileSync(file, '#!/bin/sh\nexec sleep 600\n', { mode: 0o755 });
  const failed = failureOf(host.load(kv({ command: file, env: { KV_MARK: place } })));
  await poll(
    () => processesWith(`KV_MARK=${place}`),
    (pids) => pids.length > 0,
  );
  await host.close();
  expect((await failed).code).toMatch(/^(PLUGIN_STOPPED|HOST_CLOSED)$/);
  expect(processesWith(`KV_MARK=${place}`)).toEqual([]);
  expect(readdirSync(place)).toEqual(['sleeper']);
});

test('`await using` closes it at the end of its scope', async () => {
  let pid = 0;
  {
    await using host = await createHost({ runDir: place });
    pid = (await host.load(kv())).status().instances[0]?.pid ?? 0;
    expect(isRunning(pid)).toBe(true);
  }
  expect(isRunning(pid)).toBe(false);
  expect(readdirSync(place)).toEqual([]);
});

test('an idle host with a plugin does not keep its process from ending with process.exit, and nothing stays', async () => {
  const program = `
      const { createHost } = require('@plugd/host');
      createHost({ runDir: ${JSON.stringify(place)} }).then(async (host) => {
        await host.load({ ...JSON.parse(process.argv[1]), env: { KV_MARK: ${JSON.stringify(place)} } });
        process.exit(3);
      });`;
  const { status } = spawnSync(process.execPath, ['-e', program, JSON.stringify(kv())], { cwd: __dirname });
  expect(status).toBe(3);
  await poll(
    () => processesWith(`KV_MARK=${place}`),
    (pids) => pids.length === 0,
    5_000,
  );
  await poll(
    () => readdirSync(place),
    (files) => files.length === 0,
    5_000,
  );
});

test('events are numbered without a gap, from the first to the last', async () => {
  const host = await open();
  const events: HostEvent[] = [];
  host.on('event', () => {
    throw new Error('a broken listener');
  });
  host.on('event', (event) => events.push(event));
  const plugin = await host.load(kv());
  await plugin.restart();
  await host.close();
  expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index + 1));
  const instances = events.filter((event) => event.type === 'instance');
  const path = (generation: number) =>
    instances.filter((event) => event.generation === generation).map(({ to }) => to);
  expect(path(1)).toEqual(['starting', 'ready', 'serving', 'draining', 'stopped']);
  expect(path(2)).toEqual(['starting', 'ready', 'serving', 'draining', 'stopped']);
  for (const event of events) expect(event.cause.reason).not.toBe('');
});
