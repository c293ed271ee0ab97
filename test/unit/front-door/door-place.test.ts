import { existsSync, lstatSync, readdirSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { status } from '@grpc/grpc-js';
import {
  HealthDefinition,
  HealthCheckResponse_ServingStatus as Serving,
} from '@plugd/protocol/gen/grpc/health/v1/health';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import { createFrontDoor } from '../../../host/src/front-door/front-door';
import { answerOf, BytesPlugin, beginBytes, bytesClient, bytesService } from '../../support/bytes-plugin';
import { FrontDoorRoom } from '../../support/front-door-room';
import { failureOf } from '../../support/host-room';
import { eventually } from '../../support/processes';

describe('the place of a front door', () => {
  let room: FrontDoorRoom;
  beforeEach(() => {
    room = new FrontDoorRoom();
  });
  afterEach(() => room.close());

  /** What a killed process leaves: bound, and nobody listens. */
  async function dead(): Promise<string> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(room.path('own'), resolve));
    renameSync(room.path('own'), room.path('door.sock'));
    await new Promise((resolve) => server.close(resolve));
    return room.path('door.sock');
  }

  test('is a socket that its user alone can use, with nothing beside it', async () => {
    const door = await room.open();
    expect(door.target).toBe(`unix:${room.path('door.sock')}`);
    expect(lstatSync(room.path('door.sock')).mode & 0o777).toBe(0o600);
    expect(readdirSync(room.directory)).toEqual(['door.sock']);
    await door.close();
    expect(readdirSync(room.directory)).toEqual([]);
  });

  test('is refused while somebody listens there, who is left alone', async () => {
    const first = await room.open();
    const error = await failureOf(room.open());
    expect(error.code).toBe('SOCKET_IN_USE');
    expect(error.facts).toEqual({ path: room.path('door.sock') });
    const client = bytesClient(first.target);
    expect((await answerOf(beginBytes(client))).status.code).toBe(status.UNIMPLEMENTED);
    client.close();
  });

  test('is taken over from an owner who is dead', async () => {
    const path = await dead();
    expect(existsSync(path)).toBe(true);
    const door = await room.open();
    const client = bytesClient(door.target);
    expect((await answerOf(beginBytes(client))).status.code).toBe(status.UNIMPLEMENTED);
    client.close();
  });

  test.each([
    ['nobody was', async () => {}],
    ['a dead owner was', async () => void (await dead())],
  ])('is one’s alone where several want it at once and %s there before', async (_what, prepare) => {
    await prepare();
    const all = await Promise.allSettled([1, 2, 3, 4].map(() => room.open()));
    const [door, ...others] = all.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(others).toEqual([]);
    for (const one of all)
      if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'SOCKET_IN_USE' });
    expect(readdirSync(room.directory)).toEqual(['door.sock']);
    const client = bytesClient(door?.target ?? '');
    expect((await answerOf(beginBytes(client))).status.code).toBe(status.UNIMPLEMENTED);
    client.close();
  });

  test('is refused where a file stands that is no socket, which is left as it was', async () => {
    writeFileSync(room.path('door.sock'), 'a file');
    expect((await failureOf(room.open())).code).toBe('SOCKET_IN_USE');
    expect(lstatSync(room.path('door.sock')).size).toBe(6);
    unlinkSync(room.path('door.sock'));
  });

  test('is another’s by the time it closes: then it stays', async () => {
    const door = await room.open();
    unlinkSync(room.path('door.sock'));
    writeFileSync(room.path('door.sock'), 'another');
    await door.close();
    expect(readdirSync(room.directory)).toEqual(['door.sock']);
    unlinkSync(room.path('door.sock'));
  });

  test.each([
    ['a path that is too long', 'x'.repeat(120), 'SOCKET_PATH_TOO_LONG'],
    ['a directory that is not there', 'none/door.sock', 'LISTEN_FAILED'],
  ])('can’t be %s', async (_what, name, code) => {
    expect((await failureOf(room.open(name))).code).toBe(code);
  });

  test('can be a free port of the loopback address', async () => {
    const door = await createFrontDoor({ port: 0 });
    expect(door.target).toMatch(/^127\.0\.0\.1:[1-9]\d*$/);
    const taken = Number(door.target.split(':')[1]);
    const error = await failureOf(createFrontDoor({ port: taken }));
    expect(error.code).toBe('LISTEN_FAILED');
    expect(error.summary).toMatch(/^Nothing can listen at port \d+: .+ \(EADDRINUSE\)\.$/);
    expect(error.facts).toEqual({ systemCode: 'EADDRINUSE' });
    await door.close();
  });

  test.each([{ maxMessageBytes: 0 }, { maxMessageBytes: 2 ** 31 }, { maxCallsPerConnection: 1.5 }])(
    'is not opened with %j',
    async (over) => {
      expect((await failureOf(room.open('door.sock', over))).code).toBe('OPTIONS_INVALID');
    },
  );
});

describe('a front door that closes', () => {
  let room: FrontDoorRoom;
  let plugin: BytesPlugin;
  beforeEach(async () => {
    room = new FrontDoorRoom();
    plugin = await BytesPlugin.start(room.directory, (call) => {
      call.on('error', () => {});
      call.on('data', (message: Buffer) => call.write(message));
      call.on('end', () => call.end());
    });
  });
  afterEach(async () => {
    plugin.stop();
    await room.close();
  });

  test('lets calls in flight end, and takes no new ones', async () => {
    const door = await room.open();
    door.offer(plugin, [bytesService]);
    const client = bytesClient(door.target);
    const call = beginBytes(client);
    const ended = answerOf(call);
    call.write(Buffer.from('one'));
    await new Promise((resolve) => call.once('data', resolve));
    const closed = door.close({ timeoutMs: 20_000 });
    expect(existsSync(room.path('door.sock'))).toBe(false);
    call.end(Buffer.from('two'));
    const { messages, status: how } = await ended;
    expect(messages.map(String)).toEqual(['one', 'two']);
    expect(how.code).toBe(status.OK);
    await closed;
    expect((await answerOf(beginBytes(client))).status.code).toBe(status.UNAVAILABLE);
    client.close();
  });

  test('lets a slow caller have the whole of an answer that has been given', async () => {
    const door = await room.open();
    door.offer(plugin, [bytesService]);
    const client = bytesClient(door.target);
    const call = beginBytes(client);
    call.on('error', () => {});
    call.write(Buffer.from('one'));
    await new Promise((resolve) => call.once('data', resolve));
    call.pause();
    const large = Buffer.alloc(1024 * 1024, 'x');
    for (let i = 0; i < 18; i++) call.write(large);
    call.end();
    const whole = answerOf(call);
    await eventually(() => plugin.route.current?.inFlight === 1, 5_000, 'it is in flight');
    const closed = door.close({ timeoutMs: 20_000 });
    await new Promise((next) => setTimeout(next, 100));
    call.resume();
    const { messages, status: how } = await whole;
    expect(messages).toHaveLength(18);
    expect(how.code).toBe(status.OK);
    await closed;
    client.close();
  });

  test('cuts what has not ended at the limit, and says so to both sides', async () => {
    const door = await room.open();
    door.offer(plugin, [bytesService]);
    const client = bytesClient(door.target);
    const call = beginBytes(client);
    const ended = answerOf(call);
    call.write(Buffer.from('one'));
    await new Promise((resolve) => call.once('data', resolve));
    await door.close({ timeoutMs: 50 });
    const { status: how } = await ended;
    expect(how.code).toBe(status.UNAVAILABLE);
    expect(how.metadata.get('plugd-code')).toEqual(['HOST_CLOSED']);
    expect(how.metadata.get('plugd-executed')).toEqual(['maybe']);
    await plugin.route.current?.drain(5_000);
    expect(plugin.route.current?.inFlight).toBe(0);
    expect(door.statistics()).toMatchObject({ connections: 0, calls: { inFlight: 0 } });
    client.close();
  });

  test('tells those who watch its health, and lets them go', async () => {
    const door = await room.open();
    door.offer(plugin, [bytesService]);
    const client = bytesClient(door.target);
    const told: Serving[] = [];
    const watching = createPromiseClient(HealthDefinition, client.getChannel()).watch({
      service: bytesService,
    });
    const ended = (async () => {
      for await (const { status: now } of watching) told.push(now);
    })();
    await eventually(() => told.length === 1, 5_000, 'the first status');
    plugin.state = 'restarting';
    door.refresh();
    await eventually(() => told.length === 2, 5_000, 'it serves no more');
    plugin.state = 'serving';
    door.refresh();
    await eventually(() => told.length === 3, 5_000, 'it serves again');
    await Promise.all([
      door.close({ timeoutMs: 20_000 }),
      expect(ended).rejects.toMatchObject({ code: status.UNAVAILABLE }),
    ]);
    expect(told).toEqual([Serving.SERVING, Serving.NOT_SERVING, Serving.SERVING, Serving.NOT_SERVING]);
    client.close();
  });
});
