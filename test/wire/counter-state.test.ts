import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Broker } from '@plugd/protocol/broker/broker';
import { hostBrokerStream } from '@plugd/protocol/broker/host-broker-stream';
import { LifecycleDefinition } from '@plugd/protocol/gen/plugd/lifecycle/v1/lifecycle';
import { AddHelperDefinition, CounterDefinition } from '@plugd/protocol/gen/samples/counter/v1/counter';
import { CounterStateV1, CounterStateV2 } from '@plugd/protocol/gen/samples/counter/v1/state';
import { createPromiseClient, type PromiseClient } from '@plugd/protocol/rpc/client';
import { describeWithGo } from '../support/needs-go';
import { disposePlugins, startPluginProcess } from '../support/plugin-process';
import { counterGo, counterTs, type SampleVersion } from '../support/samples';
import { dataOf, partsOf, schemaOf, sha256, snapshotOf } from '../support/snapshot-parts';

// Real processes, on a machine that may be busy.
jest.setTimeout(60_000);

let place: string;
const brokers: Broker[] = [];
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'counter-state-'));
});
afterEach(async () => {
  for (const broker of brokers.splice(0)) broker.close();
  await disposePlugins();
  rmSync(place, { recursive: true, force: true });
});

interface Counter {
  readonly life: PromiseClient<typeof LifecycleDefinition>;
  readonly own: PromiseClient<typeof CounterDefinition>;
  readonly helper: number;
}

async function start(command: string): Promise<Counter> {
  const plugin = startPluginProcess(command, {
    env: { COUNTER_PLUGIN: 'hello', TMPDIR: place, PLUGD_INSTANCE_TOKEN: 'of-a-test' },
  });
  const channel = await plugin.connect();
  const broker = new Broker({ stream: hostBrokerStream(channel), directory: plugin.directory });
  brokers.push(broker);
  return {
    life: createPromiseClient(LifecycleDefinition, channel),
    own: createPromiseClient(CounterDefinition, channel),
    helper: await broker.serve(AddHelperDefinition, { sum: ({ a, b }) => ({ r: a + b }) }),
  };
}

/** More than fits in one piece, with keys whose order differs between UTF-8 and UTF-16. */
const numbers = new Map([
  ...Array.from({ length: 9000 }, (_, i): [string, number] => [`key ${String(i).padStart(5, '0')}`, i * 7]),
  ['ﬁ', -1],
  ['😀', 2 ** 31 - 2],
]);

/** What every version in every language writes of them. */
function written(schema: number): Buffer {
  const ordered = [...numbers].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const [keys, values] = [ordered.map(([key]) => key), ordered.map(([, value]) => value)];
  const message =
    schema === 1
      ? CounterStateV1.encode({ keys, values })
      : CounterStateV2.encode({ entries: ordered.map(([key, value]) => ({ key, value })) });
  return Buffer.from(message.finish());
}

/** One version after the other: each counts the last key on, and its bytes are compared with those of all. */
async function goThrough(versions: readonly [string, SampleVersion][]): Promise<void> {
  numbers.set('😀', 2 ** 31 - 2 - versions.length);
  let parts = partsOf(1, written(1));
  for (const [command, version] of versions) {
    const { life, own, helper } = await start(command);
    expect((await life.restore(parts)).sha256).toEqual(sha256(dataOf(parts)));
    expect(await life.check(parts)).toEqual({ same: true, difference: '' });
    await life.activate({});
    const { value } = await own.put({ key: '😀', value: 1, helper });
    numbers.set('😀', value);
    await life.pause({ limitMs: 5000 });
    expect(await life.check(parts)).toMatchObject({ same: false });
    parts = await snapshotOf(life);
    expect(schemaOf(parts)).toBe(Number(version));
    expect(dataOf(parts).equals(written(Number(version)))).toBe(true);
    await life.drain({ limitMs: 1000 });
  }
  expect(numbers.get('😀')).toBe(2 ** 31 - 2);
}

test('the counter goes to a newer version and back with all its numbers', () =>
  goThrough((['1', '2', '2', '1'] as const).map((version) => [counterTs(version), version])));

test('a counter whose numbers lack their keys is refused', async () => {
  const { life } = await start(counterTs('1'));
  const torn = Buffer.from(CounterStateV1.encode({ keys: ['a', 'b'], values: [1] }).finish());
  await expect(life.restore(partsOf(1, torn))).rejects.toMatchObject({ pluginCode: 'STATE_CODEC_FAILED' });
  await expect(life.restore(partsOf(2, Buffer.from([0x0a, 0x7f])))).rejects.toMatchObject({
    pluginCode: 'STATE_CODEC_FAILED',
  });
});

describeWithGo('with Go', () => {
  test('the counter goes from one language to the other, and both write the same bytes', () =>
    goThrough([
      [counterTs('1'), '1'],
      [counterGo('2'), '2'],
      [counterTs('2'), '2'],
      [counterGo('1'), '1'],
      [counterTs('1'), '1'],
    ]));
});
