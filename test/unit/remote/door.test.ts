import { Server } from '@grpc/grpc-js';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import { adaptService } from '@plugd/protocol/rpc/service';
import { Door } from '../../../host/src/remote/door';
import { DoorFacade } from '../../../host/src/remote/door-facade';
import { failureOf } from '../admin/admin-place';
import { kvService } from '../rpc/local-kv';
import { cleanUp, listen, onCleanUp } from '../rpc/local-server';

afterEach(() => {
  jest.useRealTimers();
  cleanUp();
});

/** A door to one plugin, whose stream gives a message for each time that it is told to. */
async function stand(limits?: { silentMs: number }) {
  let more = () => {};
  const server = new Server();
  const { definition, handlers } = adaptService(
    KvDefinition,
    {
      ...kvService(),
      async *watch() {
        for (let sequence = 1; ; sequence++) {
          yield { sequence };
          await new Promise<void>((resolve) => {
            more = resolve;
          });
        }
      },
    },
    { draining: new AbortController().signal },
  );
  server.addService(definition, handlers);
  const target = await listen(server);
  const door = new Door(target, limits);
  onCleanUp(() => door.close());
  const { running } = door;
  const route = { plugin: 'kv', door: door.channel, running, refusal: undefined };
  const client = createPromiseClient(KvDefinition, new DoorFacade(route));
  return { door, server, target, client, more: () => more() };
}

/** All that this program has planned for the next minute is done at once; sockets have their turns. */
async function aMinute(): Promise<void> {
  for (let second = 0; second < 60; second++) {
    jest.advanceTimersByTime(1_000);
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
}

const ends = {
  'the application closes the door': ({ door }: Awaited<ReturnType<typeof stand>>) => door.close(),
  'the daemon ends in order': ({ server }: Awaited<ReturnType<typeof stand>>) => server.tryShutdown(() => {}),
  'the daemon has its door elsewhere': ({ door, target }: Awaited<ReturnType<typeof stand>>) =>
    door.moved(`${target}-new`),
};

test.each(Object.entries(ends))('a call goes on for long after %s', async (_what, end) => {
  // Before anything is planned, and nothing else: a real minute is too long.
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance', 'Date'] });
  const room = await stand();
  const leaving = new AbortController();
  const answers = room.client.watch({ key: 'k' }, { signal: leaving.signal })[Symbol.asyncIterator]();
  expect((await answers.next()).value).toMatchObject({ sequence: 1 });
  end(room);
  await aMinute();
  room.more();
  expect((await answers.next()).value).toMatchObject({ sequence: 2 });
  expect(room.door.running.size).toBe(1);
  leaving.abort();
  await failureOf(answers.next());
  await aMinute();
  expect(room.door.running.size).toBe(0);
});

test('calls to a daemon that does not answer for long are cut, and go on where it does', async () => {
  const { door, client, more } = await stand({ silentMs: 100 });
  const answers = client.watch({ key: 'k' })[Symbol.asyncIterator]();
  await answers.next();
  door.lost();
  door.found();
  await new Promise((resolve) => setTimeout(resolve, 250));
  more();
  expect((await answers.next()).value).toMatchObject({ sequence: 2 });
  door.lost();
  const lost = { pluginCode: 'DAEMON_UNREACHABLE', executed: 'maybe' };
  expect(await failureOf(answers.next())).toMatchObject(lost);
  // Nor do those that come while it still doesn't.
  const late = client.watch({ key: 'k' })[Symbol.asyncIterator]();
  expect((await late.next()).value).toMatchObject({ sequence: 1 });
  expect(await failureOf(late.next())).toMatchObject(lost);
});
