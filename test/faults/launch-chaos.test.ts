import { type ChannelCredentials, type Client, credentials, Metadata } from '@grpc/grpc-js';
import { createCertificate } from '@plugd/protocol/certificate';
import { HealthClient } from '@plugd/protocol/gen/grpc/health/v1/health';
import { GRPCControllerClient } from '@plugd/protocol/gen/plugin/grpc_controller';
import { KvClient } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { grpcTarget } from '@plugd/protocol/grpc-address';
import type { LaunchedInstance } from '../../host/src/launch/launched-instance';
import { LaunchRoom } from './launch-support';

// The misbehaving plugin itself: each of its lies has to be that one and no other. Some are tried at once.

let room: LaunchRoom;
const clients: Client[] = [];
const certificate = createCertificate();
beforeAll(async () => {
  room = await LaunchRoom.open();
});
afterAll(async () => {
  for (const client of clients) client.close();
  await room.close();
});

function connect<C extends Client>(
  Kind: new (target: string, credentials: ChannelCredentials, options: object) => C,
  instance: LaunchedInstance,
): C {
  const { network, address, pluginCertificatePem, hostCertificate } = instance.record;
  const secured =
    pluginCertificatePem !== null && hostCertificate !== null
      ? credentials.createSsl(
          Buffer.from(pluginCertificatePem),
          Buffer.from(hostCertificate.keyPem),
          Buffer.from(hostCertificate.certificatePem),
        )
      : credentials.createInsecure();
  const client = new Kind(grpcTarget(network, address), secured, {
    'grpc.ssl_target_name_override': 'localhost',
  });
  clients.push(client);
  return client;
}

/** What a call came to: its response, or the number of its status. */
function outcome(call: (done: (error: { code?: number } | null, response?: unknown) => void) => void) {
  return new Promise<unknown>((resolve) =>
    call((error, response) => resolve(error === null ? response : error.code)),
  );
}

const soon = () => ({ deadline: Date.now() + 1_500 });

async function health(instance: LaunchedInstance): Promise<unknown> {
  return outcome((done) =>
    connect(HealthClient, instance).check({ service: 'plugin' }, new Metadata(), soon(), done),
  );
}

async function get(instance: LaunchedInstance): Promise<unknown> {
  return outcome((done) => connect(KvClient, instance).get({ key: 'k' }, new Metadata(), soon(), done));
}

const SERVING = { status: 1 };
const DEADLINE_EXCEEDED = 4;
const UNAVAILABLE = 14;

test.concurrent.each([
  ['', false, SERVING],
  ['', true, SERVING],
  ['tcp', false, SERVING],
  ['tcp', true, SERVING],
  ['temp-socket', false, SERVING],
  ['flood-stdout:json;flood-stderr:binary', false, SERVING],
  ['not-serving', false, { status: 2 }],
  ['fail-health', false, 13],
  ['hang-health', false, DEADLINE_EXCEEDED],
  ['crash-in-health', false, UNAVAILABLE],
  ['dead-socket', false, UNAVAILABLE],
  ['foreign-cert', true, UNAVAILABLE],
  ['no-tls', true, UNAVAILABLE],
  ['crash-after-line', false, UNAVAILABLE],
])('health of %j, AutoMTLS %p: %j', async (mode, mtls, expected) => {
  const started = await room.start(mode, mtls ? { certificate } : {}).catch((error: unknown) => error);
  if (started instanceof Error) {
    // It may be seen to have crashed before its line is believed.
    expect(mode).toBe('crash-after-line');
    return;
  }
  const instance = started as LaunchedInstance;
  expect(await health(instance)).toEqual(expected);
  await instance.kill();
});

test.concurrent('it serves the contract of the samples', async () => {
  const instance = await room.start('', { env: { CHAOS_SERVED_BY: 'chaos 2' } });
  const kv = connect(KvClient, instance);
  await outcome((done) => kv.put({ key: 'k', value: Buffer.from('v') }, done));
  expect(await get(instance)).toMatchObject({ found: true, value: Buffer.from('v'), servedBy: 'chaos 2' });
  const seen: number[] = [];
  for await (const { sequence } of kv.watch({ key: 'k', count: 3, intervalMs: 1 })) seen.push(sequence);
  expect(seen).toEqual([1, 2, 3]);
  await instance.kill();
});

test.concurrent.each([
  ['crash-on-call', UNAVAILABLE],
  ['hang-on-call', DEADLINE_EXCEEDED],
])('a call to %s ends with %d', async (mode, code) => {
  const instance = await room.start(mode);
  expect(await health(instance)).toEqual(SERVING);
  expect(await get(instance)).toBe(code);
  await instance.kill();
});

test.concurrent('it leaves when told to, and not with hang-shutdown', async () => {
  for (const [mode, leaves] of [
    ['', true],
    ['hang-shutdown', false],
  ] as const) {
    const instance = await room.start(mode);
    const answered = await outcome((done) =>
      connect(GRPCControllerClient, instance).shutdown({}, new Metadata(), soon(), done),
    );
    if (leaves) await expect(instance.exited).resolves.toMatchObject({ code: 0 });
    else expect(answered).toBe(DEADLINE_EXCEEDED);
    await instance.kill();
  }
});
