import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { type Channel, status } from '@grpc/grpc-js';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { createPromiseClient, type PromiseClient } from '@plugd/protocol/rpc/client';
import { openChannel } from '../../../host/src/connection/channel';

// A peer that answers in bytes of its own choice: what a plugin of whatever library could send.

const MIB = 1024 * 1024;

let server: Http2Server;
let sessions: ServerHttp2Session[];
let answer: (stream: ServerHttp2Stream) => void;
let channel: Channel;
let kv: PromiseClient<typeof KvDefinition>;

async function open(maxMessageBytes?: number): Promise<void> {
  server = createServer();
  sessions = [];
  server.on('session', (session) => {
    sessions.push(session);
    session.on('error', () => {});
  });
  server.on('stream', (stream) => {
    stream.on('error', () => {});
    stream.resume().once('end', () => answer(stream));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  channel = openChannel({ network: 'tcp', address: `127.0.0.1:${port}` }, undefined, maxMessageBytes);
  kv = createPromiseClient(KvDefinition, channel);
}

afterEach(async () => {
  channel.close();
  for (const session of sessions) session.destroy();
  await new Promise((resolve) => server.close(resolve));
});

/** A message as it stands on the wire. `length` may be a lie. */
function frame(message: Buffer, { length = message.length, compressed = false } = {}): Buffer {
  const head = Buffer.alloc(5);
  head[0] = compressed ? 1 : 0;
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, message]);
}

const head = { ':status': 200, 'content-type': 'application/grpc' };

function reply(body: Buffer, headers: Record<string, string> = {}) {
  return (stream: ServerHttp2Stream): void => {
    stream.respond({ ...head, ...headers }, { waitForTrailers: true });
    stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(body);
  };
}

/** A GetResponse with a value of so many bytes. */
function response(bytes: number): Buffer {
  return Buffer.from(
    KvDefinition.methods.get.responseType
      .encode({ found: true, value: Buffer.alloc(bytes, 'x'), servedBy: '', pid: 0 })
      .finish(),
  );
}

const get = () => kv.get({ key: 'k' }, { timeoutMs: 20_000 });

async function expectServing(): Promise<void> {
  answer = reply(frame(response(10)));
  expect((await get()).value).toHaveLength(10);
}

test('a reply larger than the limit fails its call, and the next one is answered on the same connection', async () => {
  await open(MIB);
  answer = reply(frame(response(MIB - 100)));
  expect((await get()).value).toHaveLength(MIB - 100);
  answer = reply(frame(response(MIB)));
  await expect(get()).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  await expectServing();
  expect(sessions).toHaveLength(1);
});

test('a length beyond the limit fails the call before anything of the message is there', async () => {
  await open();
  answer = (stream) => {
    stream.respond(head);
    stream.write(frame(Buffer.alloc(0), { length: 0xffff_ffff }));
  };
  await expect(get()).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  await expectServing();
});

test('a small message that would become a huge one fails its call', async () => {
  await open(MIB);
  const bomb = gzipSync(Buffer.alloc(200 * MIB));
  expect(bomb.length).toBeLessThan(MIB);
  const before = process.memoryUsage.rss();
  answer = reply(frame(bomb, { compressed: true }), { 'grpc-encoding': 'gzip' });
  await expect(get()).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  expect(process.memoryUsage.rss() - before).toBeLessThan(150 * MIB);
  await expectServing();
});

test('a message that is announced and never ends costs its call no more than its time', async () => {
  await open();
  answer = (stream) => {
    stream.respond(head);
    stream.write(frame(Buffer.alloc(100), { length: 1000 }));
  };
  await expect(kv.get({ key: 'k' }, { timeoutMs: 300 })).rejects.toMatchObject({
    code: status.DEADLINE_EXCEEDED,
  });
  await expectServing();
});
