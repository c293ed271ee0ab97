import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { status } from '@grpc/grpc-js';
import { LifecycleDefinition, type SnapshotResponse } from '@plugd/protocol/gen/plugd/lifecycle/v1/lifecycle';
import { CounterDefinition } from '@plugd/protocol/gen/samples/counter/v1/counter';
import { CounterStateV1, CounterStateV2 } from '@plugd/protocol/gen/samples/counter/v1/state';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { createPromiseClient, type PromiseClient } from '@plugd/protocol/rpc/client';
import type { AnyServiceDefinition } from '@plugd/protocol/rpc/definition';
import { describeWithGo } from '../support/needs-go';
import { disposePlugins, type StartOptions, startPluginProcess } from '../support/plugin-process';
import { counterGo, kvState } from '../support/samples';

/** Where go-plugin 1.4 makes its sockets: it knows no other place than TMPDIR. */
let place: string;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'state-'));
});
afterEach(async () => {
  await disposePlugins();
  rmSync(place, { recursive: true, force: true });
});

interface Side<Def extends AnyServiceDefinition> {
  readonly life: PromiseClient<typeof LifecycleDefinition>;
  readonly own: PromiseClient<Def>;
  readonly pid: number;
}

/** A plugin that a plugd host seems to have started: it waits to be told what to do. */
async function start<Def extends AnyServiceDefinition>(
  definition: Def,
  command: string,
  env: StartOptions['env'] = { PLUGD_INSTANCE_TOKEN: 'of-a-test' },
): Promise<Side<Def>> {
  const plugin = startPluginProcess(command, {
    autoMtls: true,
    env: { COUNTER_PLUGIN: 'hello', TMPDIR: place, ...env },
  });
  const channel = await plugin.connect();
  return {
    life: createPromiseClient(LifecycleDefinition, channel),
    own: createPromiseClient(definition, channel),
    pid: plugin.pid,
  };
}

type Parts = readonly SnapshotResponse[];

/** The parts of a snapshot as any host sends them, in pieces of 1,000 bytes. */
function partsOf(schema: number, bytes: Uint8Array): Parts {
  const parts: SnapshotResponse[] = [{ part: { $case: 'header', value: { schema } } }];
  for (let at = 0; at < bytes.length; at += 1000) {
    parts.push({ part: { $case: 'data', value: Buffer.from(bytes.subarray(at, at + 1000)) } });
  }
  const sha256 = createHash('sha256').update(bytes).digest();
  parts.push({ part: { $case: 'end', value: { bytes: bytes.length, sha256 } } });
  return parts;
}

async function snapshot({ life }: Pick<Side<AnyServiceDefinition>, 'life'>): Promise<Parts> {
  const parts: SnapshotResponse[] = [];
  for await (const part of life.snapshot({})) parts.push(part);
  return parts;
}

const schemaOf = ([first]: Parts) => (first?.part?.$case === 'header' ? first.part.value.schema : undefined);

const dataOf = (parts: Parts) =>
  Buffer.concat(parts.map(({ part }) => (part?.$case === 'data' ? part.value : Buffer.alloc(0))));

/** More than fits in one piece, with keys whose order differs between UTF-8 and UTF-16. */
const numbers = new Map([
  ...Array.from({ length: 9000 }, (_, i): [string, number] => [`key ${String(i).padStart(5, '0')}`, i * 7]),
  ['\u{fb01}', -1],
  ['\u{1f600}', 2 ** 31 - 1],
]);
const ordered = [...numbers].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
const written = {
  1: CounterStateV1.encode({
    keys: ordered.map(([key]) => key),
    values: ordered.map(([, value]) => value),
  }).finish(),
  2: CounterStateV2.encode({ entries: ordered.map(([key, value]) => ({ key, value })) }).finish(),
};

describeWithGo('the Go counter', () => {
  const counter = (version: '1' | '2') => start(CounterDefinition, counterGo(version));

  test('hands its numbers over to the next version, and gets them back from it', async () => {
    let from = await counter('1');
    await from.life.restore(partsOf(2, written[2]));
    await from.life.activate({});
    for (const version of ['2', '1', '2'] as const) {
      const to = await counter(version);
      await from.life.pause({ limitMs: 5000 });
      const parts = await snapshot(from);
      const before = version === '2' ? 1 : 2;
      expect(schemaOf(parts)).toBe(before);
      expect(dataOf(parts).equals(written[before])).toBe(true);
      await from.life.release({});
      const { sha256 } = await to.life.restore(parts);
      expect(sha256.equals(createHash('sha256').update(written[before]).digest())).toBe(true);
      expect(await to.life.check(parts)).toEqual({ same: true, difference: '' });
      await to.life.activate({});
      for (const [key, value] of ordered.slice(-3)) {
        expect(await to.own.get({ key })).toEqual({
          found: true,
          value,
          servedBy: `${version}.0.0`,
          pid: to.pid,
        });
      }
      await from.life.drain({ limitMs: 1000 });
      from = to;
    }
  });

  test('says of itself what it keeps', async () => {
    const { life } = await counter('2');
    expect(await life.describe({})).toEqual({
      name: 'counter',
      version: '2.0.0',
      state: { schema: 2, restores: [1, 2], shareable: false, snapshotEveryMs: 0 },
      resources: [],
      single: false,
    });
  });

  test('notices that it holds other numbers than it was given', async () => {
    const { life } = await counter('2');
    await life.restore(partsOf(1, written[1]));
    const other = CounterStateV1.encode({ keys: ['a'], values: [1] }).finish();
    const checked = await life.check(partsOf(1, other));
    expect(checked).toEqual({ same: false, difference: 'there are 9002 keys, not 1' });
  });

  test('takes no part of a state that is cut short, and the old one goes on', async () => {
    const old = await counter('1');
    const next = await counter('2');
    await old.life.restore(partsOf(1, written[1]));
    await old.life.activate({});
    await old.life.pause({ limitMs: 5000 });
    const parts = await snapshot(old);
    await expect(next.life.restore(parts.slice(0, -1))).rejects.toMatchObject({
      code: status.DATA_LOSS,
      pluginCode: 'STATE_INCOMPLETE',
    });
    expect(await next.own.get({ key: 'key 00000' })).toMatchObject({ found: false });
    await old.life.resume({});
    expect(await old.own.get({ key: 'key 00001' })).toMatchObject({ found: true, value: 7 });
  });

  test('under a host that is not plugd it is active at once, and takes over nothing', async () => {
    const { life } = await start(CounterDefinition, counterGo('1'), {});
    await expect(life.restore(partsOf(1, written[1]))).rejects.toMatchObject({
      code: status.FAILED_PRECONDITION,
      pluginCode: 'HANDOFF_ORDER',
    });
    await life.activate({});
  });
});

describeWithGo('a plugin over go-plugin 1.4', () => {
  test('hands its state over, and keeps calls waiting meanwhile', async () => {
    const old = await start(KvDefinition, kvState());
    const next = await start(KvDefinition, kvState());
    await old.life.activate({});
    await old.own.put({ key: 'key', value: Buffer.from('größer') });
    await old.life.pause({ limitMs: 5000 });
    const late = old.own.put({ key: 'late', value: Buffer.from('x') });
    const refused = expect(late).rejects.toMatchObject({ pluginCode: 'PLUGIN_PAUSED', executed: 'no' });
    const parts = await snapshot(old);
    expect(JSON.parse(dataOf(parts).toString())).toEqual({ key: Buffer.from('größer').toString('base64') });
    await next.life.restore(parts);
    expect(await next.life.check(parts)).toEqual({ same: true, difference: '' });
    await next.life.activate({});
    expect(await next.own.get({ key: 'key' })).toMatchObject({ found: true, value: Buffer.from('größer') });
    await old.life.drain({ limitMs: 1000 });
    await refused;
  });

  test('goes on with the calls that waited when the exchange is given up', async () => {
    const { life, own } = await start(KvDefinition, kvState());
    await life.activate({});
    await life.pause({ limitMs: 5000 });
    const put = own.put({ key: 'key', value: Buffer.from('after all') });
    expect(await own.get({ key: 'key' })).toMatchObject({ found: false });
    await life.resume({});
    await put;
    expect(await own.get({ key: 'key' })).toMatchObject({ value: Buffer.from('after all') });
  });

  test('takes the SDK up in at most five lines of its main', () => {
    const lines = (name: string) =>
      readFileSync(resolve(__dirname, '../../plugins/go-old/cmd', name, 'main.go'), 'utf8')
        .split('\n')
        .filter((line) => !line.startsWith('//'));
    const without = lines('kv-old');
    const added = lines('kv-state').filter((line) => !without.includes(line));
    expect(added.length).toBeLessThanOrEqual(5);
    expect(added.join('\n')).toContain('plugd.GRPCServer(');
  });

  test('as does one over go-plugin 1.8', () => {
    const main = readFileSync(resolve(__dirname, '../../plugins/go/cmd/counter/main.go'), 'utf8');
    // What keeps the state has to be made where both the service and the SDK reach it.
    const added = main
      .split('\n')
      .filter((line) => /invalid\/plugd"|\/counter"|\bplugd\.\w+\(|store/i.test(line));
    expect(added.length).toBeLessThanOrEqual(5);
    expect(added.join('\n')).toContain('plugd.GRPCServer(');
  });
});
