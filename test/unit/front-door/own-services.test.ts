import { setMaxListeners } from 'node:events';
import { runInThisContext } from 'node:vm';
import type { Client } from '@grpc/grpc-js';
import {
  HealthDefinition,
  HealthCheckResponse_ServingStatus as Serving,
} from '@plugd/protocol/gen/grpc/health/v1/health';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import type { FrontDoor } from '../../../host/src/front-door/front-door';
import { BytesPlugin, bytesClient, bytesService } from '../../support/bytes-plugin';
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
      const status = turn % 2 === 0 ? Serving.SERVING : Serving.NOT_SERVING;
      for (const watch of watches) expect((await watch.next()).value).toMatchObject({ status });
    }
    plugin.state = 'serving';
    leaving.abort();
    await Promise.all(watches.map((watch) => failureOf(watch.next())));
    real.off('warning', warned);
    expect(warnings).toEqual([]);
  });
});
