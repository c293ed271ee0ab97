import { setMaxListeners } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { runInThisContext } from 'node:vm';
import { type Client, Metadata, status } from '@grpc/grpc-js';
import {
  HealthDefinition,
  HealthCheckResponse_ServingStatus as Serving,
} from '@plugd/protocol/gen/grpc/health/v1/health';
import { ServerReflectionDefinition } from '@plugd/protocol/gen/grpc/reflection/v1/reflection';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import type { FrontDoor } from '../../../host/src/front-door/front-door';
import { answerOf, BytesPlugin, beginBytes, bytesClient, bytesService } from '../../support/bytes-plugin';
import { FrontDoorRoom } from '../../support/front-door-room';
import { failureOf } from '../admin/admin-place';

/** What the front door answers by itself. */
describe('health at the front door', () => {
  let room: FrontDoorRoom;
  let door: FrontDoor;
  let plugin: BytesPlugin;
  let client: Client;
  beforeAll(async () => {
    room = new FrontDoorRoom();
    plugin = await BytesPlugin.start(room.directory, (call) => call.end());
    door = await room.open();
    door.offer(plugin, [bytesService]);
    client = bytesClient(door.target);
  });
  afterAll(async () => {
    client.close();
    plugin.stop();
    await room.close();
  });

  test('may be watched by many, and for many changes, without a word about it', async () => {
    const warnings: string[] = [];
    const warned = (warning: Error): void => void warnings.push(warning.message);
    // Jest gives tests a process of their own, which nobody warns.
    const real: NodeJS.Process = runInThisContext('process');
    real.on('warning', warned);
    const leaving = new AbortController();
    setMaxListeners(0, leaving.signal);
    const health = createPromiseClient(HealthDefinition, client.getChannel());
    const watches = Array.from({ length: 20 }, () =>
      health.watch({ service: bytesService }, { signal: leaving.signal })[Symbol.asyncIterator](),
    );
    for (let turn = 0; turn < 20; turn++) {
      plugin.state = turn % 2 === 0 ? 'serving' : 'failed';
      door.refresh();
      const now = turn % 2 === 0 ? Serving.SERVING : Serving.NOT_SERVING;
      for (const watch of watches) expect((await watch.next()).value).toMatchObject({ status: now });
    }
    plugin.state = 'serving';
    leaving.abort();
    await Promise.all(watches.map((watch) => failureOf(watch.next())));
    real.off('warning', warned);
    expect(warnings).toEqual([]);
  });

  test('is that of a plugin where the call names it', async () => {
    const metadata = new Metadata();
    metadata.set('plugd-plugin', plugin.name);
    const health = createPromiseClient(HealthDefinition, client.getChannel());
    const all = async () => {
      const { statuses } = await health.list({}, { metadata });
      return Object.fromEntries(Object.entries(statuses).map(([name, { status: now }]) => [name, now]));
    };
    const serving = Serving.SERVING;
    expect(await all()).toEqual({ '': serving, plugin: serving, [bytesService]: serving });
    plugin.state = 'failed';
    const fallen = Serving.NOT_SERVING;
    for (const service of ['', 'plugin', bytesService])
      expect(await health.check({ service }, { metadata })).toMatchObject({ status: fallen });
    expect(await health.check({})).toMatchObject({ status: serving });
    plugin.state = 'serving';
    // Another one's is none of its.
    const other = { ...plugin, name: 'other', channel: plugin.channel, status: () => plugin.status() };
    door.offer(other, ['other.Other']);
    const unknown = { code: status.NOT_FOUND };
    expect(await failureOf(health.check({ service: 'other.Other' }, { metadata }))).toMatchObject(unknown);
    expect(await failureOf(health.check({ service: 'plugin' }))).toMatchObject(unknown);
    const reflection = createPromiseClient(ServerReflectionDefinition, client.getChannel());
    const listed = async (options: object) => {
      const asked = { messageRequest: { $case: 'listServices' as const, value: '' } };
      for await (const { messageResponse: told } of reflection.serverReflectionInfo([asked], options))
        if (told?.$case === 'listServicesResponse') return told.value.service.map(({ name }) => name);
      return [];
    };
    const everywhere = await listed({});
    expect(everywhere).toEqual(expect.arrayContaining([bytesService, 'other.Other']));
    expect(await listed({ metadata })).toEqual(everywhere.filter((name) => name !== 'other.Other'));
    door.withdraw('other');
  });

  const ended = async (path: string, options: object = {}, message?: Buffer) => {
    const call = beginBytes(client, { path: `/grpc.health.v1.Health/${path}`, ...options });
    if (message === undefined) call.end();
    else call.end(message);
    return (await answerOf(call)).status.code;
  };

  test('ends at its caller’s deadline', async () => {
    // Told by the door: what a client of grpc-js does at its own deadline is no proof.
    const { session, headers } = request(room.path('door.sock'), 'Watch', '100m');
    expect((await headers)['grpc-status']).toBe(String(status.DEADLINE_EXCEEDED));
    session.destroy();
  });

  test('with a deadline that can not be read is refused', async () => {
    const { session, headers } = request(room.path('door.sock'), 'Check', 'soon');
    expect((await headers)['grpc-status']).toBe(String(status.INTERNAL));
    session.destroy();
  });

  test.each(['Check', 'List', 'Watch'])('%s without a request is refused', async (method) => {
    expect(await ended(method)).toBe(status.INTERNAL);
    if (method !== 'Watch') expect(await ended(method, {}, Buffer.alloc(0))).toBe(status.OK);
  });
});

/** A call of health with an empty message, as HTTP/2 has it. */
function request(socket: string, method: string, timeout: string) {
  const session = connectHttp2('http://door', { createConnection: () => connect(socket) });
  const stream = session.request({
    ':method': 'POST',
    ':path': `/grpc.health.v1.Health/${method}`,
    'content-type': 'application/grpc',
    'grpc-timeout': timeout,
  });
  const headers = new Promise<Record<string, unknown>>((resolve) => {
    let seen = {};
    stream.on('response', (head) => {
      seen = { ...seen, ...head };
    });
    stream.on('trailers', (tail) => {
      seen = { ...seen, ...tail };
    });
    stream.on('close', () => resolve(seen));
  });
  stream.resume();
  stream.end(Buffer.alloc(5));
  return { session, headers };
}
