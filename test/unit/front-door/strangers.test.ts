import { once } from 'node:events';
import { connect as connectHttp2, constants, type OutgoingHttpHeaders } from 'node:http2';
import { connect } from 'node:net';
import type { FrontDoor } from '../../../host/src/front-door/front-door';
import { BytesPlugin, bytesService } from '../../support/bytes-plugin';
import { FrontDoorRoom } from '../../support/front-door-room';
import { eventually } from '../../support/processes';

/** What comes in at the door and is no gRPC, or bad gRPC. */
describe('a front door among strangers', () => {
  let room: FrontDoorRoom;
  let door: FrontDoor;
  let plugin: BytesPlugin;
  beforeAll(async () => {
    room = new FrontDoorRoom();
    plugin = await BytesPlugin.start(room.directory, (call) => {
      call.on('error', () => {});
      call.on('data', (message: Buffer) => call.write(message));
      call.on('end', () => call.end());
    });
    door = await room.open();
    door.offer(plugin, [bytesService]);
  });
  afterEach(async () => {
    await eventually(() => door.statistics().connections === 0, 5_000, 'no connection is left');
    expect(door.statistics().calls.inFlight).toBe(0);
    expect(plugin.route.current?.inFlight).toBe(0);
  });
  afterAll(async () => {
    plugin.stop();
    await room.close();
  });

  /** One request as HTTP/2 has it, with these bytes as its body; its headers and trailers come back. */
  async function request(headers: OutgoingHttpHeaders, body: Buffer | undefined, cut = false) {
    const session = connectHttp2('http://door', { createConnection: () => connect(room.path('door.sock')) });
    session.on('error', () => {});
    try {
      const stream = session.request({
        ':method': 'POST',
        ':path': `/${bytesService}/Call`,
        'content-type': 'application/grpc',
        te: 'trailers',
        ...headers,
      });
      stream.on('error', () => {});
      let seen: Record<string, unknown> = {};
      stream.on('response', (head) => {
        seen = { ...seen, ...head };
      });
      stream.on('trailers', (tail) => {
        seen = { ...seen, ...tail };
      });
      const data: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => data.push(chunk));
      if (cut) {
        stream.write(body ?? Buffer.alloc(0));
        await eventually(() => plugin.route.current?.inFlight === 1, 5_000, 'it is in flight');
        stream.close(constants.NGHTTP2_CANCEL);
      } else stream.end(body);
      await once(stream, 'close');
      return { headers: seen, body: Buffer.concat(data) };
    } finally {
      session.destroy();
    }
  }
  const message = Buffer.from([0, 0, 0, 0, 2, 1, 2]);

  test.each([
    {},
    { 'content-type': 'APPLICATION/GRPC' },
    { 'content-type': 'application/grpc+proto' },
    { 'content-type': 'application/grpc ;charset=utf-8' },
    { 'grpc-timeout': '99999999H' },
    { 'grpc-timeout': '99999999S' },
  ])('answers a call that is in order, %j', async (over) => {
    const { headers, body } = await request(over, message);
    expect(headers).toMatchObject({
      ':status': 200,
      'content-type': 'application/grpc',
      'grpc-status': '0',
    });
    expect(body).toEqual(message);
  });

  test.each<[string, OutgoingHttpHeaders, number]>([
    ['of another type', { 'content-type': 'application/json' }, 415],
    ['of a type that begins alike', { 'content-type': 'application/grpc-web' }, 415],
    ['of messages in another form', { 'content-type': 'application/grpc+json' }, 415],
    ['without a type', { 'content-type': '' }, 415],
    ['with another method', { ':method': 'PUT' }, 405],
  ])('answers a request %s as HTTP does', async (_what, over, code) => {
    expect((await request(over, message)).headers).toMatchObject({ ':status': code });
  });

  test.each<[string, OutgoingHttpHeaders, Buffer, string]>([
    ['a timeout that is none', { 'grpc-timeout': 'soon' }, message, '13'],
    ['a message cut short', {}, message.subarray(0, 6), '13'],
    ['a message that is too long', {}, Buffer.from([0, 255, 255, 255, 255]), '8'],
    ['compression that nobody knows', { 'grpc-encoding': 'x' }, Buffer.from([1, 0, 0, 0, 1, 1]), '12'],
  ])('refuses a call with %s', async (_what, over, body, code) => {
    expect((await request(over, body)).headers).toMatchObject({ ':status': 200, 'grpc-status': code });
  });

  test('lets go of a call whose stream is reset', async () => {
    await request({}, message, true);
  });

  test.each([
    ['speaks HTTP/1', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['talks rubbish', Buffer.alloc(100_000, 0xa5)],
    ['says nothing', Buffer.alloc(0)],
  ])('outlives one who %s', async (_what, bytes) => {
    const socket = connect(room.path('door.sock'));
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.write(bytes);
    await new Promise((next) => setTimeout(next, 50));
    socket.destroy();
    expect((await request({}, message)).headers).toMatchObject({ 'grpc-status': '0' });
  });
});
