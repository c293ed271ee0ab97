import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type ServerHttp2Stream } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { GetResponse, KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import type { RetryRule } from '../../../host/src/routing/replay';
import { until } from '../rpc/local-kv';
import { cleanUp, connect, onCleanUp } from '../rpc/local-server';
import { ready, startGeneration } from './local-generation';
import { newRoute } from './local-route';

afterEach(cleanUp);

// A server writes headers, message and status at its own times; a process may die between any two of them.

/** A server that sends headers and answer of a call, but never its status. */
async function startHalfServer(): Promise<{ target: string; answered: () => number; die: () => void }> {
  const directory = mkdtempSync(join(tmpdir(), 'plugd-half-'));
  onCleanUp(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 's');
  const streams: ServerHttp2Stream[] = [];
  const server = createServer();
  server.on('stream', (stream) => {
    stream.on('error', () => {});
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
    const message = GetResponse.encode(GetResponse.fromPartial({ servedBy: 'half' })).finish();
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(message.length, 1);
    stream.write(Buffer.concat([prefix, message]), () => streams.push(stream));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onCleanUp(() => server.close());
  return {
    target: `unix:${path}`,
    answered: () => streams.length,
    die: () => {
      server.close();
      for (const { session } of streams) session?.destroy();
    },
  };
}

async function halfAnswered(mayRepeat: ReturnType<RetryRule['mayRepeat']>) {
  const half = await startHalfServer();
  const route = newRoute({ retry: { mayRepeat: () => mayRepeat, attempts: 2 } });
  const channel = connect(half.target);
  await ready(channel);
  route.swap({ number: 1, channel });
  const call = createPromiseClient(KvDefinition, route.facade()).get({ key: 'k' }, { timeoutMs: 10_000 });
  call.catch(() => {});
  await until(() => half.answered() === 1, 'the answer is out');
  const next = await startGeneration(2);
  half.die();
  return { route, call, next };
}

test('a call of which all but the status came is begun anew, and gives the other answer only', async () => {
  const { route, call, next } = await halfAnswered('one-answer');
  await until(() => route.heldCount === 1, 'it waits for another endpoint');
  route.swap(next);
  expect(await call).toMatchObject({ servedBy: 'v2' });
});

test('one that may not be repeated fails by name, though its answer had come', async () => {
  const { call } = await halfAnswered('no');
  await expect(call).rejects.toMatchObject({
    code: status.UNAVAILABLE,
    pluginCode: 'INSTANCE_LOST',
    executed: 'maybe',
  });
});
