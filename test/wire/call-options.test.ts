import { Metadata, status } from '@grpc/grpc-js';
import { RpcError } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { ProbeDefinition } from '@plugd/protocol/gen/samples/probe/v1/probe';
import { roomsAtOnce } from '../support/at-once';
import { poll } from '../support/poll';
import { kvTs } from '../support/samples';

// Real processes, on a machine that may be busy.
jest.setTimeout(60_000);

const { atOnce, room } = roomsAtOnce();

const sleepForAnHour = { durationMs: 3_600_000 };

atOnce('signal: a call that is given up is cancelled here and in the plugin', async () => {
  const probe = (await room().load(kvTs('1'))).client(ProbeDefinition);
  const giveUp = new AbortController();
  const call = probe.sleep(sleepForAnHour, { signal: giveUp.signal });
  call.catch(() => {});
  await probe.inspect({});
  giveUp.abort();
  await expect(call).rejects.toMatchObject({ name: 'RpcError', code: status.CANCELLED });
  await poll(
    async () => (await probe.inspect({})).cancelledSleeps,
    (count) => count === 1,
  );
  await expect(probe.inspect({}, { signal: AbortSignal.abort() })).rejects.toMatchObject({
    codeName: 'CANCELLED',
  });
});

atOnce.each([
  ['timeoutMs', () => ({ timeoutMs: 100 })],
  ['deadline as a Date', () => ({ deadline: new Date(Date.now() + 100) })],
  ['deadline as a number', () => ({ deadline: Date.now() + 100 })],
  ['both: the earlier wins', () => ({ timeoutMs: 100, deadline: Date.now() + 3_600_000 })],
])('%s ends a call with DEADLINE_EXCEEDED', async (_name, limit) => {
  const probe = (await room().load(kvTs('1'))).client(ProbeDefinition);
  await expect(probe.sleep(sleepForAnHour, limit())).rejects.toMatchObject({
    code: status.DEADLINE_EXCEEDED,
    path: '/samples.probe.v1.Probe/Sleep',
  });
});

atOnce('metadata goes there; header and trailer come back', async () => {
  const plugin = await room().load(kvTs('1'));
  const heard: string[] = [];
  const listeners = {
    onHeader: (metadata: Metadata) => void heard.push(`header ${metadata.get('content-type')}`),
    onTrailer: () => void heard.push('trailer'),
  };
  const probe = plugin.client(ProbeDefinition);
  const given = new Metadata();
  given.set('x-one', '1');
  expect((await probe.inspect({}, { metadata: given, ...listeners })).metadata).toMatchObject({
    'x-one': '1',
  });
  const record = { 'x-two': ['a', 'b'], 'x-bin': Buffer.from([0, 255]) };
  expect((await probe.inspect({}, { metadata: record })).metadata).toMatchObject({ 'x-two': 'a, b' });
  expect(heard).toEqual(['header application/grpc+proto', 'trailer']);
  expect(given.toJSON()).toEqual({ 'x-one': ['1'] });
  await expect(probe.fail({ code: 7, message: 'no' }, listeners)).rejects.toThrow();
  expect(heard.filter((text) => text === 'trailer')).toHaveLength(2);
});

atOnce(
  'a call that fails rejects with an RpcError that has the gRPC code, also in an iteration',
  async () => {
    const plugin = await room().load(kvTs('1'));
    const error: unknown = await plugin
      .client(ProbeDefinition)
      .fail({ code: status.PERMISSION_DENIED, message: 'not you' })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RpcError);
    expect(error).toMatchObject({
      code: 7,
      codeName: 'PERMISSION_DENIED',
      details: 'not you',
      path: '/samples.probe.v1.Probe/Fail',
      pluginCode: undefined,
    });
    const watching = async () => {
      for await (const _ of plugin.client(KvDefinition).watch({ intervalMs: 3_600_000 }, { timeoutMs: 100 }));
    };
    await expect(watching()).rejects.toMatchObject({ name: 'RpcError', code: status.DEADLINE_EXCEEDED });
  },
);
