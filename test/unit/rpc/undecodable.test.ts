import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Http2Server } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Channel, credentials, status } from '@grpc/grpc-js';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { createPromiseClient } from '@plugd/protocol/rpc/client';

let directory: string;
let server: Http2Server;
let channel: Channel;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'plugd-rpc-'));
  server = createServer();
  server.on('stream', (stream) => {
    stream.respond(
      { 'content-type': 'application/grpc', 'grpc-encoding': 'gzip' },
      { waitForTrailers: true },
    );
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    // One message that says it is compressed, and is not.
    stream.end(Buffer.from([1, 0, 0, 0, 3, 1, 2, 3]));
  });
  await new Promise<void>((resolve) => server.listen(join(directory, 's'), resolve));
  channel = new Channel(`unix:${join(directory, 's')}`, credentials.createInsecure(), {});
});

afterEach(async () => {
  channel.close();
  await new Promise((resolve) => server.close(resolve));
  rmSync(directory, { recursive: true, force: true });
});

test('a response that can not be decompressed fails with a status', async () => {
  const call = createPromiseClient(KvDefinition, channel).get({ key: 'k' }, { timeoutMs: 5_000 });
  await expect(call).rejects.toMatchObject({ code: status.INTERNAL, codeName: 'INTERNAL' });
});
