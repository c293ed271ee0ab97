import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { status } from '@grpc/grpc-js';
import type { HandedOver, LoadOptions, Plugin } from '@plugd/host';
import { KvClient, KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { ProbeDefinition } from '@plugd/protocol/gen/samples/probe/v1/probe';
import { testsAtOnce } from '../support/at-once';
import { failureOf, HostRoom, killNow, servingPid } from '../support/host-room';
import { describeWithGo, goIsHere } from '../support/needs-go';
import { PemDirectory } from '../support/pem-files';
import { poll } from '../support/poll';
import { isRunning } from '../support/processes';
import { chaosTs, kvGo, kvTs } from '../support/samples';

/** What a host does by itself about a crash is tested with supervision. */
const notRestarted = { restart: { policy: 'never' } } as const;

// Real processes, on a machine that may be busy.
jest.setTimeout(60_000);

const full = process.env['PLUGD_FULL'] === '1';

const { atOnce, own } = testsAtOnce(async () => {
  const [first, second] = [await HostRoom.open(), await HostRoom.open()];
  const close = async () => {
    await second.close();
    await first.close();
  };
  return { first, second, close };
});
const first = () => own().first;
const second = () => own().second;

/** What a plugin's next host gets, by way of a file. */
function recordOf(plugin: Plugin): HandedOver {
  const handedOver = plugin.handedOver();
  if (handedOver === undefined) throw new Error('the plugin is down');
  return JSON.parse(JSON.stringify(handedOver)) as HandedOver;
}

const get = (plugin: Plugin) => plugin.client(KvDefinition).get({ key: 'key' }, { timeoutMs: 10_000 });

const isFailed = (plugin: Plugin) =>
  poll(
    () => plugin.status(),
    ({ state }) => state === 'failed',
  );

function suite(sample: (version: '1' | '2') => string, options: Partial<LoadOptions>): void {
  atOnce('a second host attaches to a running instance by its record, and calls it', async () => {
    const plugin = await first().load(sample('2'), { ...options, version: '2.0.0' });
    await plugin.restart();
    await plugin.client(KvDefinition).put({ key: 'key', value: Buffer.from('kept') });
    const attached = await second().host.attach(recordOf(plugin));
    expect(attached.status()).toMatchObject({
      name: 'kv',
      state: 'serving',
      version: '2.0.0',
      generation: 2,
      protocolVersion: 2,
      instances: [{ pid: servingPid(plugin), state: 'serving' }],
    });
    // Both hosts call the one process.
    for (const one of [attached, plugin]) {
      const { value, pid } = await get(one);
      expect([Buffer.from(value).toString(), pid]).toEqual(['kept', servingPid(plugin)]);
    }
    const stub = attached.stub(KvClient);
    const answer = await new Promise((resolve, reject) =>
      stub.get({ key: 'key' }, (error, response) => (error ? reject(error) : resolve(response))),
    );
    expect(answer).toMatchObject({ found: true, pid: servingPid(plugin) });
  });

  atOnce('the second host ends it, and leaves nothing; the first one learns of it', async () => {
    const plugin = await first().load(sample('1'), { ...options, ...notRestarted });
    const attached = await second().host.attach(recordOf(plugin));
    const [instance] = attached.status().instances;
    await attached.stop();
    expect(isRunning(instance?.pid ?? 0)).toBe(false);
    expect(existsSync(dirname(instance?.address ?? ''))).toBe(false);
    await isFailed(plugin);
    await expect(get(plugin)).rejects.toMatchObject({ pluginCode: 'PLUGIN_EXITED' });
  });

  atOnce('handOver() leaves everything running for the next host, which upgrades and ends it', async () => {
    const plugin = await first().load(sample('1'), options);
    const [pid, stub] = [servingPid(plugin), plugin.client(KvDefinition)];
    const [handedOver, ...more] = await first().host.handOver();
    expect(more).toEqual([]);
    if (handedOver === undefined) throw new Error('the plugin was not handed over');
    await first().host.close();
    expect(isRunning(pid)).toBe(true);
    expect(existsSync(handedOver.record.address)).toBe(true);
    // Its former host has no part in it any more.
    await expect(stub.get({ key: 'key' })).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      pluginCode: 'HOST_CLOSED',
    });
    expect((await failureOf(plugin.restart())).code).toBe('PLUGIN_STOPPED');
    await plugin.stop();
    expect(isRunning(pid)).toBe(true);

    const attached = await second().host.attach(JSON.parse(JSON.stringify(handedOver)) as HandedOver);
    const probe = attached.client(ProbeDefinition);
    // What it prints is nobody's now, and must not hurt it.
    for (const level of ['info', 'error']) await probe.log({ level, message: 'to nobody' });
    await probe.print({ target: 1, text: 'to nobody\n' });
    expect((await get(attached)).pid).toBe(pid);

    const report = await attached.upgrade({ version: '2.0.0', command: sample('2') });
    expect(report).toMatchObject({
      from: { pid, version: '1.0.0' },
      calls: { cut: 0, failed: 0 },
      warnings: [],
    });
    expect(attached.status()).toMatchObject({ version: '2.0.0', generation: 2 });
    expect((await get(attached)).servedBy).toBe('2.0.0');
    expect(isRunning(pid)).toBe(false);
    expect(first().files()).toEqual([]);
  });

  atOnce('the crash of an attached plugin is seen, and a restart brings it back', async () => {
    await first().load(sample('1'), { ...options, ...notRestarted });
    const [handedOver] = await first().host.handOver();
    if (handedOver === undefined) throw new Error('the plugin was not handed over');
    const attached = await second().host.attach(handedOver);
    await killNow(servingPid(attached));
    await isFailed(attached);
    await expect(get(attached)).rejects.toMatchObject({ pluginCode: 'PLUGIN_EXITED' });
    await attached.restart();
    expect((await get(attached)).pid).toBe(servingPid(attached));
    expect(attached.status().generation).toBe(2);
    expect(first().files()).toEqual([]);
  });
}

/** Where it is the hosts alone that are tried: whichever starts at less cost. */
const sample = goIsHere ? kvGo : kvTs;

// Every day each language in one mode.
describe.each([
  ['plain', { autoMtls: false }],
  ['AutoMTLS', {}],
])('%s', (name, options) => {
  if (full || !goIsHere || name === 'AutoMTLS') describe('a plugin in TS', () => suite(kvTs, options));
  if (full || name === 'plain') describeWithGo('a plugin in Go', () => suite(kvGo, options));
});

atOnce('a plugin with TLS of its own is handed over with it', async () => {
  const pem = new PemDirectory();
  try {
    const own = pem.make('own');
    const env = { KV_TLS_CERT: own.certificate, KV_TLS_KEY: own.key };
    const plugin = await first().load(sample('1'), { env, tls: { ca: own.certificatePem } });
    const attached = await second().host.attach(recordOf(plugin));
    expect((await get(attached)).pid).toBe(servingPid(plugin));
  } finally {
    pem.dispose();
  }
});

atOnce('a record of a process that is gone is refused, and the name is free', async () => {
  const plugin = await first().load(sample('1'));
  const record = recordOf(plugin);
  await plugin.stop();
  expect((await failureOf(second().host.attach(record))).code).toBe('ATTACH_FAILED');
  expect(second().host.plugins()).toEqual([]);
  await second().load(sample('1'));
});

atOnce('a name that the second host has already is not taken twice', async () => {
  const plugin = await first().load(sample('1'));
  await second().load(sample('1'));
  expect((await failureOf(second().host.attach(recordOf(plugin)))).code).toBe('NAME_TAKEN');
  expect((await get(plugin)).pid).toBe(servingPid(plugin));
});

atOnce('a process that does not answer is not attached to, and not ended', async () => {
  const plugin = await first().load(sample('1'), { startTimeoutMs: 2_000 });
  const pid = servingPid(plugin);
  const record = recordOf(plugin);
  process.kill(pid, 'SIGSTOP');
  try {
    const error = await failureOf(
      second().host.attach({ ...record, options: { ...record.options, startTimeoutMs: 300 } }),
    );
    expect(error.code).toBe('HEALTH_TIMEOUT');
    expect(isRunning(pid)).toBe(true);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  expect((await get(plugin)).pid).toBe(pid);
});

atOnce.each([
  ['null', null],
  ['without a record', { options: {} }],
  ['without options', { record: {} }],
  ['its JSON', '{"options":{},"record":{"hostCertificate":"a secret"}}'],
])('what is no handed-over plugin (%s) is refused as that', async (_what, value) => {
  const error = await failureOf(second().host.attach(value as unknown as HandedOver));
  expect(error.code).toBe('OPTIONS_INVALID');
  expect(error.message).not.toContain('secret');
});

describe('handing over a host that is busy', () => {
  atOnce('several plugins go over together; one that is down does not', async () => {
    const [a, b, c] = await Promise.all(
      ['a', 'b', 'c'].map((name) => first().load(sample('1'), { ...notRestarted, name })),
    );
    if (!a || !b || !c) throw new Error('there are three');
    await killNow(servingPid(b));
    await isFailed(b);
    const handedOver = await first().host.handOver();
    expect(handedOver.map(({ record }) => record.plugin)).toEqual(['a', 'c']);
    await Promise.all(handedOver.map((one) => second().host.attach(one)));
    expect(
      second()
        .host.plugins()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['a', 'c']);
  });

  atOnce('an old version that still drains does not outlive the handover', async () => {
    const plugin = await first().load(sample('1'), { drainTimeoutMs: 300 });
    const old = servingPid(plugin);
    const call = plugin.client(ProbeDefinition).sleep({ durationMs: 3_600_000 });
    call.catch(() => {});
    await plugin.client(ProbeDefinition).inspect({});
    const upgrade = plugin.upgrade({ version: '2.0.0', command: sample('2') });
    await poll(
      () => plugin.status(),
      ({ version }) => version === '2.0.0',
    );
    const [handedOver] = await first().host.handOver();
    expect(handedOver?.record.version).toBe('2.0.0');
    expect(isRunning(old)).toBe(false);
    expect(await upgrade).toMatchObject({ outcome: 'swapped', calls: { cut: 1 } });
    expect(plugin.status()).toMatchObject({ state: 'stopped', version: '2.0.0', instances: [] });
    if (handedOver === undefined) throw new Error('the plugin was not handed over');
    const attached = await second().host.attach(handedOver);
    expect((await get(attached)).servedBy).toBe('2.0.0');
  });

  atOnce('calls in flight go on to their end, through the host that made them', async () => {
    const plugin = await first().load(sample('1'));
    const call = plugin.client(ProbeDefinition).sleep({ durationMs: 500 });
    call.catch(() => {});
    await plugin.client(ProbeDefinition).inspect({});
    const [handedOver] = await first().host.handOver();
    await expect(call).resolves.toEqual({});
    if (handedOver === undefined) throw new Error('the plugin was not handed over');
    await second().host.attach(handedOver);
  });

  atOnce('a load under way is given up, and nothing of it is left', async () => {
    const env = { CHAOS: 'silent' };
    const failed = failureOf(first().load(chaosTs(), { env }));
    await poll(
      () => first().processes(),
      (pids) => pids.length === 1,
    );
    expect(await first().host.handOver()).toEqual([]);
    expect((await failed).code).toBe('HOST_CLOSED');
    expect(first().processes()).toEqual([]);
  });

  atOnce('an upgrade that has not swapped is given up; the old version goes over', async () => {
    const plugin = await first().load(sample('1'));
    const env = { CHAOS: 'silent', ROOM_MARK: first().mark };
    const upgrade = plugin.upgrade({ version: '2.0.0', command: chaosTs(), env });
    await poll(
      () => first().processes(),
      (pids) => pids.length === 2,
    );
    const [handedOver] = await first().host.handOver();
    expect((await failureOf(upgrade)).code).toBe('HOST_CLOSED');
    if (handedOver === undefined) throw new Error('the plugin was not handed over');
    expect(first().processes()).toEqual([handedOver.record.pid]);
    const attached = await second().host.attach(handedOver);
    expect((await get(attached)).servedBy).toBe('1.0.0');
  });
});
