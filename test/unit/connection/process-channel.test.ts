import { Channel, credentials, Server, ServerCredentials, status } from '@grpc/grpc-js';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import { adaptService } from '@plugd/protocol/rpc/service';
import { ProcessChannel } from '../../../host/src/connection/process-channel';
import { collect, kvService, until } from '../rpc/local-kv';

let server: Server;
let channel: ProcessChannel;
let asked = 0;
beforeEach(async () => {
  asked = 0;
  server = new Server();
  const never = async () => {
    asked += 1;
    return new Promise<never>(() => {});
  };
  const { definition, handlers } = adaptService(
    KvDefinition,
    { ...kvService(), put: never },
    { draining: new AbortController().signal },
  );
  server.addService(definition, handlers);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  channel = new ProcessChannel(new Channel(`127.0.0.1:${port}`, credentials.createInsecure(), {}));
});
afterEach(() => {
  channel.close();
  server.forceShutdown();
});

test('calls go through it as through the channel below', async () => {
  const kv = createPromiseClient(KvDefinition, channel);
  expect(await kv.get({ key: 'k' })).toMatchObject({ found: false, servedBy: 'v1' });
  expect(await collect(kv.watch({ key: 'k', count: 3 }))).toHaveLength(3);
  const chat = (async function* () {
    for (const text of ['a', 'b']) yield { text };
  })();
  expect((await collect(kv.chat(chat))).map(({ text }) => text)).toEqual(['A', 'B']);
});

test('its end ends the calls that run, though their connection stands', async () => {
  const kv = createPromiseClient(KvDefinition, channel);
  const calls = [
    kv.put({ key: 'k' }),
    kv.put({ key: 'k' }),
    collect(kv.watch({ key: 'k', count: 0, intervalMs: 1 })),
  ];
  const ends = Promise.allSettled(calls);
  await until(() => asked === 2, 'both calls have arrived');
  channel.end('Connection dropped: the process has ended');
  for (const end of await ends) {
    expect(end).toMatchObject({
      status: 'rejected',
      reason: { code: status.UNAVAILABLE, details: 'Connection dropped: the process has ended' },
    });
  }
});

test('what is called after its end fails at once', async () => {
  channel.end('it has ended');
  const kv = createPromiseClient(KvDefinition, channel);
  await expect(kv.put({ key: 'k' })).rejects.toMatchObject({
    code: status.UNAVAILABLE,
    details: 'it has ended',
  });
  await expect(collect(kv.watch({ key: 'k', count: 0, intervalMs: 1 }))).rejects.toMatchObject({
    code: status.UNAVAILABLE,
  });
});

test('a call that has ended keeps its own status', async () => {
  const kv = createPromiseClient(KvDefinition, channel);
  await expect(kv.put({ key: 'k' }, { timeoutMs: 1 })).rejects.toMatchObject({
    code: status.DEADLINE_EXCEEDED,
  });
  const answer = await kv.get({ key: 'k' });
  channel.end('it has ended');
  expect(answer.servedBy).toBe('v1');
});
