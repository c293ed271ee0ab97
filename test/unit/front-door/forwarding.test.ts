import type { Client, ClientDuplexStream } from '@grpc/grpc-js';
import { Metadata, status } from '@grpc/grpc-js';
import type { FrontDoor } from '../../../host/src/front-door/front-door';
import {
  answerOf,
  type BytesCall,
  BytesPlugin,
  beginBytes,
  bytesClient,
  bytesService,
} from '../../support/bytes-plugin';
import { FrontDoorRoom } from '../../support/front-door-room';
import { eventually } from '../../support/processes';

const mib = 1024 * 1024;

describe('a call through the front door', () => {
  let room: FrontDoorRoom;
  let door: FrontDoor;
  let plugin: BytesPlugin;
  let client: Client;
  let answer: (call: BytesCall) => void;
  beforeAll(async () => {
    room = new FrontDoorRoom();
    plugin = await BytesPlugin.start(room.directory, (call) => {
      call.on('error', () => {});
      answer(call);
    });
    door = await room.open('door.sock', { maxMessageBytes: mib });
    door.offer(plugin, [bytesService]);
    client = bytesClient(door.target);
  });
  afterAll(async () => {
    client.close();
    plugin.stop();
    await room.close();
  });
  afterEach(async () => {
    await eventually(() => door.statistics().calls.inFlight === 0, 5_000, 'all calls have ended');
    expect(plugin.route.current?.inFlight).toBe(0);
  });

  const echo = (call: BytesCall): void => {
    call.on('data', (message: Buffer) => call.write(message));
    call.on('end', () => call.end());
  };

  test('takes messages there and back as they are, empty ones too', async () => {
    answer = echo;
    const call = beginBytes(client);
    const sent = ['one', '', 'three', 'x'.repeat(mib)].map((text) => Buffer.from(text));
    for (const message of sent) call.write(message);
    call.end();
    const { messages, status: ended } = await answerOf(call);
    expect(messages.map(String)).toEqual(sent.map(String));
    expect(ended.code).toBe(status.OK);
  });

  test('takes metadata there, headers and trailers back, and the status with its details', async () => {
    let seen: Metadata | undefined;
    answer = (call) => {
      seen = call.metadata;
      const headers = new Metadata();
      headers.add('first', 'early');
      call.sendMetadata(headers);
      const metadata = new Metadata();
      metadata.add('last', 'late');
      metadata.add('last', 'later');
      metadata.add('raw-bin', Buffer.from([0, 255]));
      metadata.add('grpc-status-details-bin', Buffer.from('about'));
      call.emit('error', { code: status.DATA_LOSS, details: 'lost: 100 % ünïcode', metadata });
    };
    const metadata = new Metadata();
    metadata.add('mine', 'a');
    metadata.add('mine', 'b');
    metadata.add('mine-bin', Buffer.from([1, 254]));
    // Seen also on its way: of values of one name grpc-js's servers make one, those of other languages don't.
    const sent: Metadata[] = [];
    const { channel } = plugin;
    const create = channel.createCall.bind(channel);
    const created = jest.spyOn(channel, 'createCall').mockImplementationOnce((...about) => {
      const out = create(...about);
      const start = out.start.bind(out);
      return Object.assign(out, {
        start: (...given: Parameters<typeof start>) => {
          sent.push(given[0].clone());
          start(...given);
        },
      });
    });
    const call = beginBytes(client, { metadata });
    call.end();
    const ended = await answerOf(call);
    created.mockRestore();
    expect(sent.map((one) => one.get('mine'))).toEqual([['a', 'b']]);
    expect(seen?.toJSON()).toMatchObject({ mine: ['a, b'], 'mine-bin': [Buffer.from([1, 254])] });
    expect(seen?.get('user-agent')).toHaveLength(1);
    expect(ended.headers?.get('first')).toEqual(['early']);
    expect(ended.status).toMatchObject({ code: status.DATA_LOSS, details: 'lost: 100 % ünïcode' });
    expect(ended.status.metadata.toJSON()).toMatchObject({
      last: ['late, later'],
      'raw-bin': [Buffer.from([0, 255])],
      'grpc-status-details-bin': [Buffer.from('about')],
    });
  });

  test('with a thousand keys of metadata reaches the plugin, whose limit ends it alone', async () => {
    const metadata = new Metadata();
    for (let index = 0; index < 1_000; index++) metadata.set(`key-${index}`, 'x');
    answer = echo;
    const other = beginBytes(client);
    const others = answerOf(other);
    const created = jest.spyOn(plugin.channel, 'createCall');
    const call = beginBytes(client, { metadata });
    call.end();
    const ended = await answerOf(call);
    other.end();
    expect(created).toHaveBeenCalledTimes(2);
    created.mockRestore();
    expect(ended.status.code).toBe(status.RESOURCE_EXHAUSTED);
    expect((await others).status.code).toBe(status.OK);
  });

  test('shows headers before there is a message', async () => {
    answer = (call) => {
      const headers = new Metadata();
      headers.add('first', 'early');
      call.sendMetadata(headers);
    };
    const call = beginBytes(client);
    call.on('error', () => {});
    const headers = await new Promise<Metadata>((resolve) => call.on('metadata', resolve));
    expect(headers.get('first')).toEqual(['early']);
    call.cancel();
  });

  test('has its caller’s deadline at the plugin, and ends at it', async () => {
    let deadline = 0;
    answer = (call) => {
      deadline = Number(call.getDeadline());
    };
    const due = Date.now() + 300;
    const ended = await answerOf(beginBytes(client, { deadline: due }));
    expect(ended.status.code).toBe(status.DEADLINE_EXCEEDED);
    expect(Math.abs(deadline - due)).toBeLessThan(250);
  });

  test('without a deadline has none at the plugin', async () => {
    let deadline = 0;
    answer = (call) => {
      deadline = Number(call.getDeadline());
      call.end();
    };
    const call = beginBytes(client);
    call.end();
    expect((await answerOf(call)).status.code).toBe(status.OK);
    expect(deadline).toBe(Number.POSITIVE_INFINITY);
  });

  test('that its caller cancels is cancelled at the plugin', async () => {
    const cancelled = new Promise<void>((resolve) => {
      answer = (call) => {
        call.on('cancelled', resolve);
        call.write(Buffer.from('begun'));
      };
    });
    const call = beginBytes(client);
    call.on('data', () => call.cancel());
    expect((await answerOf(call)).status.code).toBe(status.CANCELLED);
    await cancelled;
  });

  test('whose caller is cut off is cancelled at the plugin', async () => {
    const cancelled = new Promise<void>((resolve) => {
      answer = (call) => {
        call.on('cancelled', resolve);
        call.write(Buffer.from('begun'));
      };
    });
    // A connection of its own: an option makes it another one.
    const cut = bytesClient(door.target, { 'grpc.primary_user_agent': 'cut' });
    const call = beginBytes(cut);
    const ended = answerOf(call);
    await new Promise((resolve) => call.once('data', resolve));
    const connections = door.statistics().connections;
    call.cancel();
    cut.close();
    await cancelled;
    await ended;
    await eventually(() => door.statistics().connections < connections, 5_000, 'the connection is gone');
  });

  test('that the plugin ends early ends for a caller who still sends', async () => {
    answer = (call) => call.emit('error', { code: status.ABORTED, details: 'enough' });
    const call = beginBytes(client);
    const timer = setInterval(() => call.write(Buffer.alloc(1000)), 1);
    expect((await answerOf(call)).status).toMatchObject({ code: status.ABORTED, details: 'enough' });
    clearInterval(timer);
  });

  test('of a slow caller makes the plugin wait', async () => {
    const total = 200;
    let written = 0;
    answer = (call) => {
      const more = (): void => {
        while (written < total) {
          written++;
          if (!call.write(Buffer.alloc(mib / 4))) {
            call.once('drain', more);
            return;
          }
        }
        call.end();
      };
      more();
    };
    const call = beginBytes(client);
    call.end();
    call.on('error', () => {});
    // What grpc-js's clients are sent before they have read at all they take without a limit.
    await new Promise((resolve) => call.once('data', resolve));
    call.pause();
    await settled(() => written);
    // Some stand in buffers of either connection, and 16 in those of each of grpc-js's streams.
    expect(written).toBeLessThan(total / 2);
    const ended = answerOf(call);
    call.resume();
    expect((await ended).messages).toHaveLength(total - 1);
  });

  test('to a slow plugin makes the caller wait', async () => {
    let read = (): void => {};
    answer = (call) => {
      read = () => {
        call.resume();
        call.on('end', () => call.end());
      };
    };
    const call = beginBytes(client);
    const ended = answerOf(call);
    let sent = 0;
    const send = (): void => {
      if (sent++ < 200) call.write(Buffer.alloc(mib / 4), send);
      else call.end();
    };
    send();
    await settled(() => sent);
    expect(sent).toBeLessThan(50);
    read();
    expect((await ended).status.code).toBe(status.OK);
    expect(sent).toBe(201);
  });

  test('with a message that is too large ends, whichever side sent it', async () => {
    answer = echo;
    const asked: ClientDuplexStream<Buffer, Buffer> = beginBytes(client);
    asked.write(Buffer.alloc(mib + 1));
    expect((await answerOf(asked)).status).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      details: expect.stringContaining(`${mib} bytes`),
    });
    answer = (call) => call.write(Buffer.alloc(mib + 1));
    expect((await answerOf(beginBytes(client))).status.code).toBe(status.RESOURCE_EXHAUSTED);
  });

  test.each(['/bytes.Other/Call', '/bytes.Bytes', '/x', '/plugin.GRPCController/Shutdown', '//'])(
    'of %s, which nobody has made public, is not implemented',
    async (path) => {
      const ended = await answerOf(beginBytes(client, { path }));
      expect(ended.status.code).toBe(status.UNIMPLEMENTED);
      expect(ended.status.details).toContain('private');
    },
  );

  test.each(['/grpc.health.v1.Health/Nope', '/grpc.reflection.v1.ServerReflection/Nope'])(
    'of %s, a method that the front door has not, is not implemented',
    async (path) => {
      const ended = await answerOf(beginBytes(client, { path }));
      expect(ended.status).toMatchObject({
        code: status.UNIMPLEMENTED,
        details: expect.stringContaining(`unknown method ${path}`),
      });
    },
  );

  test('of a method that the plugin has not is the plugin’s to refuse', async () => {
    const ended = await answerOf(beginBytes(client, { path: `/${bytesService}/Other` }));
    expect(ended.status).toMatchObject({
      code: status.UNIMPLEMENTED,
      details: expect.stringContaining('does not implement the method /bytes.Bytes/Other'),
    });
  });

  test('from a caller who compresses reaches the plugin as it was', async () => {
    answer = echo;
    const compressing = bytesClient(door.target, { 'grpc.default_compression_algorithm': 2 });
    const call = beginBytes(compressing);
    call.write(Buffer.alloc(10_000, 'x'));
    call.end();
    const { messages, status: ended } = await answerOf(call);
    compressing.close();
    expect(ended.code).toBe(status.OK);
    expect(messages.map(String)).toEqual(['x'.repeat(10_000)]);
  });

  test('waits while the route is held, and keeps what the route says of a refusal', async () => {
    answer = echo;
    plugin.route.hold();
    const call = beginBytes(client);
    call.end(Buffer.from('held'));
    const ended = answerOf(call);
    await eventually(() => plugin.route.heldCount === 1, 5_000, 'it waits');
    plugin.route.release();
    expect((await ended).messages.map(String)).toEqual(['held']);

    plugin.route.holdLimitMs = 50;
    plugin.route.hold();
    const refused = await answerOf(beginBytes(client));
    plugin.route.release();
    expect(refused.status.code).toBe(status.UNAVAILABLE);
    expect(refused.status.metadata.get('plugd-code')).toEqual(['HELD_TOO_LONG']);
    expect(refused.status.metadata.get('plugd-executed')).toEqual(['no']);
  });

  test('is counted, by service', async () => {
    answer = echo;
    const before = door.statistics();
    const call = beginBytes(client);
    const ended = answerOf(call);
    await eventually(() => door.statistics().calls.inFlight === 1, 5_000, 'it is in flight');
    call.end();
    await ended;
    answer = (one) => one.emit('error', { code: status.ABORTED });
    await answerOf(beginBytes(client));
    await answerOf(beginBytes(client, { path: '/none.Such/Call' }));
    const { calls, services } = door.statistics();
    expect(calls.started - before.calls.started).toBe(3);
    expect(calls.failed - before.calls.failed).toBe(2);
    expect(services).toHaveLength(1);
    const [of] = services;
    const [was] = before.services;
    expect(of).toMatchObject({ service: bytesService, plugin: 'bytes', inFlight: 0 });
    expect((of?.started ?? 0) - (was?.started ?? 0)).toBe(2);
    expect((of?.failed ?? 0) - (was?.failed ?? 0)).toBe(1);
  });
});

/** Resolves when a number has not changed for a while. */
async function settled(value: () => number): Promise<void> {
  let last = Number.NaN;
  let since = 0;
  while (since < 5) {
    await new Promise((next) => setTimeout(next, 30));
    const now = value();
    since = now === last && now > 0 ? since + 1 : 0;
    last = now;
  }
}
