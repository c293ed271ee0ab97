import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { connectSocket } from '@plugd/protocol/connect-socket';
import { cleanUp, onCleanUp, temporaryDirectory } from '../broker/broker-pair';
import { closing } from '../yamux/pair';

afterEach(cleanUp);

test.each(['unix', 'tcp'] as const)(
  'a %s address that somebody listens at is connected to',
  async (network) => {
    const server = createServer((socket) => socket.end('hello'));
    onCleanUp(() => server.close());
    const path = join(temporaryDirectory(), 's');
    server.listen(network === 'unix' ? { path } : { host: '127.0.0.1', port: 0 });
    await once(server, 'listening');
    const bound = server.address();
    const address = typeof bound === 'object' && bound !== null ? `127.0.0.1:${bound.port}` : path;
    const socket = await connectSocket({ network, address }, 5_000);
    expect(String(await once(socket, 'data'))).toBe('hello');
    socket.destroy();
  },
);

test('an address that nobody listens at fails with the system’s word', async () => {
  const address = join(temporaryDirectory(), 'nobody');
  await expect(connectSocket({ network: 'unix', address }, 5_000)).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(connectSocket({ network: 'tcp', address: 'nowhere' }, 5_000)).rejects.toMatchObject({
    code: 'ADDRESS_INVALID',
  });
});

test('what is slower than the limit fails', async () => {
  const server = createServer();
  onCleanUp(() => server.close());
  const address = join(temporaryDirectory(), 's');
  server.listen({ path: address });
  await once(server, 'listening');
  const connecting = connectSocket({ network: 'unix', address }, 1);
  // The limit has passed before the answer can be read.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  await expect(connecting).rejects.toThrow('no connection within 1 ms');
});

test('an error after it is connected ends nothing but the connection', async () => {
  const server = createServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
  onCleanUp(() => server.close());
  server.listen({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  const socket = await connectSocket({ network: 'tcp', address: `127.0.0.1:${port}` }, 5_000);
  socket.write('?');
  await closing(socket.resume());
  expect(socket.errored).toMatchObject({ code: 'ECONNRESET' });
});
