import { type Client, Metadata, status } from '@grpc/grpc-js';
import { DoorFacade, type DoorRoute } from '../../../host/src/remote/door-facade';
import {
  answerOf,
  type BytesCall,
  BytesPlugin,
  beginBytes,
  bytesClient,
  bytesService,
} from '../../support/bytes-plugin';
import { FrontDoorRoom } from '../../support/front-door-room';

describe('what ends a call through a daemon', () => {
  let room: FrontDoorRoom;
  let plugin: BytesPlugin;
  let door: Client;
  let client: Client;
  let answer: (call: BytesCall) => void;
  beforeAll(async () => {
    room = new FrontDoorRoom();
    plugin = await BytesPlugin.start(room.directory, (call) => {
      call.on('error', () => {});
      answer(call);
    });
    const front = await room.open();
    front.offer(plugin, [bytesService]);
    door = bytesClient(front.target);
    const running: DoorRoute['running'] = new Set();
    const route = { plugin: plugin.name, door: door.getChannel(), running, refusal: undefined };
    client = bytesClient('unix:unused', { channelOverride: new DoorFacade(route) });
  });
  afterAll(async () => {
    door.close();
    plugin.stop();
    await room.close();
  });

  test.each([
    [status.UNAVAILABLE, 'No connection established. Last error: mine'],
    [status.CANCELLED, 'Call cancelled by the backend'],
    [status.INTERNAL, 'Received RST_STREAM with code 2 (backend)'],
    [status.UNAVAILABLE, 'Connection dropped'],
  ])('is the plugin’s own status where it has one: %i %s', async (code, details) => {
    for (const begun of [false, true]) {
      answer = (call) => {
        if (begun) call.write(Buffer.from('begun'));
        call.emit('error', { code, details });
      };
      const { status: ended } = await answerOf(beginBytes(client));
      expect(ended).toMatchObject({ code, details });
      // What the door says to its own clients is not for the application.
      expect(ended.metadata.getMap()).not.toHaveProperty('plugd-answered');
    }
  });

  test('is no lost daemon where the caller sends what can’t be taken', async () => {
    answer = (call) => call.end();
    const metadata = new Metadata();
    metadata.set('much', 'x'.repeat(80 * 1024));
    const { status: ended } = await answerOf(beginBytes(client, { metadata }));
    expect(ended.code).not.toBe(status.OK);
    expect(ended.metadata.get('plugd-code')).toEqual([]);
  });
});
