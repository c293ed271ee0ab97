import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials, Server, ServerCredentials } from '@grpc/grpc-js';
import { grpcTarget, isLoopback, parseTcpAddress } from '@plugd/protocol/grpc-address';
import { thrown } from './thrown';

test.each([
  ['127.0.0.1:1234', '127.0.0.1', 1234],
  ['[::1]:65535', '::1', 65_535],
  ['localhost:1', 'localhost', 1],
  [':80', '', 80],
  ['127.0.0.1:+80', '127.0.0.1', 80],
])('%j is an address', (text, host, port) => {
  expect(parseTcpAddress(text)).toEqual({ host, port });
});

test.each([
  '',
  '99999',
  '127.0.0.1',
  '127.0.0.1:',
  '127.0.0.1:0',
  '127.0.0.1:-1',
  '127.0.0.1:65536',
  '127.0.0.1:4294967297',
  '127.0.0.1:http',
  '127.0.0.1:1.0',
  '::1:80',
  '[::1]80',
  '[::1:80',
  '[[::1]]:80',
  '127.0.0.1]:80',
])('%j is no address', (text) => {
  expect(thrown(() => parseTcpAddress(text)).code).toBe('ADDRESS_INVALID');
});

test.each([
  '127.0.0.1',
  '127.255.255.254',
  '::1',
  '0:0:0:0:0:0:0:1',
  '0000::0001',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  'localhost',
  'LOCALHOST',
])('%j is this machine', (host) => {
  expect(isLoopback(host)).toBe(true);
});

test.each([
  '',
  '0.0.0.0',
  '::',
  '10.0.0.1',
  '128.0.0.1',
  '127.1',
  '127.0.0.01',
  '127.0.0.1.example.com',
  'localhost.example.com',
  '::2',
  '::ffff:10.0.0.1',
  '::ffff:8f00:1',
  'fe80::1%lo',
  '::1%lo',
  '2130706433',
])('%j may be another machine', (host) => {
  expect(isLoopback(host)).toBe(false);
});

test('targets name the kind of address, so that grpc-js looks nothing up', () => {
  expect(grpcTarget('unix', '/tmp/plugin1')).toBe('unix:///tmp/plugin1');
  expect(grpcTarget('tcp', '127.0.0.1:80')).toBe('ipv4:127.0.0.1:80');
  expect(grpcTarget('tcp', '[::1]:80')).toBe('ipv6:[::1]:80');
  expect(grpcTarget('tcp', 'localhost:80')).toBe('dns:localhost:80');
});

describe('grpc-js reaches', () => {
  const directory = mkdtempSync(join(tmpdir(), 'plugd-address-'));
  const servers: Server[] = [];
  afterAll(() => {
    for (const server of servers) server.forceShutdown();
    rmSync(directory, { recursive: true, force: true });
  });

  async function bind(target: string): Promise<number> {
    const server = new Server();
    servers.push(server);
    return new Promise((resolve, reject) => {
      server.bindAsync(target, ServerCredentials.createInsecure(), (error, port) =>
        error === null ? resolve(port) : reject(error),
      );
    });
  }

  async function reach(target: string): Promise<void> {
    const client = new Client(target, credentials.createInsecure());
    try {
      await new Promise<void>((resolve, reject) => {
        client.waitForReady(Date.now() + 5_000, (error) => (error == null ? resolve() : reject(error)));
      });
    } finally {
      client.close();
    }
  }

  test.each(['plain', 'with space', 'perc%20ent', 'que?ry#hash', 'Grüße:x'])(
    'a unix socket named %j, also where slashes are doubled',
    async (name) => {
      await bind(`unix://${join(directory, name)}`);
      await reach(grpcTarget('unix', join(directory, name)));
      await reach(grpcTarget('unix', `/${directory}//${name}`));
    },
  );

  test('a TCP port', async () => {
    const port = await bind('127.0.0.1:0');
    await reach(grpcTarget('tcp', `127.0.0.1:${port}`));
  });
});
