import { Metadata, propagate, Server, type ServerUnaryCall, status } from '@grpc/grpc-js';
import {
  type GetRequest,
  type GetResponse,
  KvDefinition,
  KvService,
} from '@plugd/protocol/gen/samples/kv/v1/kv';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import { until } from '../rpc/local-kv';
import { cleanUp, connect, listen } from '../rpc/local-server';
import { failure, streamFailure } from './local-generation';
import { get, routed } from './local-route';

afterEach(cleanUp);

describe('a call within a call', () => {
  type Parent = ServerUnaryCall<GetRequest, GetResponse>;

  /** Runs `child` inside a call to another server; resolves with its result when the outer call is cancelled. */
  async function within<T>(
    child: (parent: Parent, cancelParent: () => void) => Promise<T>,
    timeoutMs?: number,
  ): Promise<T> {
    const server = new Server();
    const leave = new AbortController();
    const result = new Promise<T>((resolve, reject) => {
      server.addService(
        { get: KvService.get },
        {
          get: (parent: Parent, callback: (error: null, response: GetResponse) => void) => {
            child(parent, () => leave.abort())
              .then(resolve, reject)
              .finally(() => callback(null, { found: false, value: Buffer.alloc(0), servedBy: '', pid: 0 }));
          },
        },
      );
    });
    const outer = createPromiseClient(KvDefinition, connect(await listen(server)));
    const options = timeoutMs === undefined ? {} : { timeoutMs };
    outer.get({}, { signal: leave.signal, ...options }).catch(() => {});
    return result;
  }

  test('is cancelled with its parent, while it runs and while it is held', async () => {
    const { route, stub } = await routed();
    const running = await within((parent, cancelParent) => {
      const stream = stub.watch({ key: '', count: 0, intervalMs: 5 }, new Metadata(), { parent });
      stream.once('data', cancelParent);
      return streamFailure(stream);
    });
    expect(running.code).toBe(status.CANCELLED);
    route.hold();
    const held = await within((parent, cancelParent) => {
      const call = failure(get(stub, new Metadata(), { parent }));
      setTimeout(cancelParent, 20);
      return call;
    });
    expect(held.code).toBe(status.CANCELLED);
    expect(route.heldCount).toBe(0);
  });

  test('has no longer than its parent, while it is held', async () => {
    const { route, stub } = await routed();
    route.hold();
    const held = await within(
      (parent) => failure(get(stub, new Metadata(), { parent, propagate_flags: propagate.DEADLINE })),
      60,
    );
    expect(held.code).toBe(status.DEADLINE_EXCEEDED);
    expect(route.heldCount).toBe(0);
  });

  test('does not start when its parent has been cancelled before', async () => {
    const { route, stub } = await routed();
    const error = await within(async (parent, cancelParent) => {
      cancelParent();
      await until(() => parent.cancelled, 'the parent is cancelled');
      return failure(get(stub, new Metadata(), { parent }));
    });
    expect(error.code).toBe(status.CANCELLED);
    expect(route.current?.statistics.started).toBe(0);
  });

  test('that does not propagate its parent goes its own way', async () => {
    const { stub } = await routed();
    const result = await within(async (parent, cancelParent) => {
      cancelParent();
      await until(() => parent.cancelled, 'the parent is cancelled');
      return get(stub, new Metadata(), { parent, propagate_flags: 0 });
    });
    expect(result).toMatchObject({ ok: true });
  });
});
