import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MetricsPlace, MetricsServer } from '../../../host/src/metrics/metrics-server';

const contentType = 'text/plain; version=0.0.4; charset=utf-8';
const open: MetricsServer[] = [];
let directory: string;
let failures: unknown[];
beforeEach(() => {
  failures = [];
  directory = mkdtempSync(join(tmpdir(), 'metrics-'));
});
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
  rmSync(directory, { recursive: true, force: true });
});

async function serve(where: MetricsPlace, text: () => Promise<Buffer> = async () => Buffer.from('up 1\n')) {
  const server = await MetricsServer.open({ contentType, text }, where, (error) => failures.push(error));
  open.push(server);
  return server;
}

interface Answer {
  readonly code: number | undefined;
  readonly type: string | undefined;
  readonly body: string;
}

function ask(
  place: { socketPath: string } | { port: number },
  path = '/metrics',
  method = 'GET',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ ...place, host: '127.0.0.1', path, method, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () =>
        resolve({ code: response.statusCode, type: response.headers['content-type'], body }),
      );
    });
    asked.on('error', reject).end();
  });
}

const portOf = (server: MetricsServer): { port: number } => ({ port: Number(new URL(server.target).port) });

test('metrics are read at a port of the loopback address, and nothing else is', async () => {
  const server = await serve({ port: 0 });
  expect(server.target).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/);
  const place = portOf(server);
  expect(await ask(place)).toEqual({ code: 200, type: contentType, body: 'up 1\n' });
  expect(await ask(place, '/metrics?x=1')).toMatchObject({ code: 200 });
  expect(await ask(place, '/metrics', 'HEAD')).toMatchObject({ code: 200, body: '' });
  expect(await ask(place, '/')).toMatchObject({ code: 404 });
  expect(await ask(place, '/metrics/../etc/passwd')).toMatchObject({ code: 404 });
  expect(await ask(place, '/metrics', 'POST')).toMatchObject({ code: 405 });
});

test('or on a unix socket of their user alone, which goes with its server', async () => {
  const socket = join(directory, 'metrics.sock');
  const server = await serve({ socket });
  expect(server.target).toBe(`unix:${socket}`);
  expect(statSync(socket).mode & 0o777).toBe(0o600);
  expect(await ask({ socketPath: socket })).toMatchObject({ code: 200, body: 'up 1\n' });
  await expect(serve({ socket })).rejects.toMatchObject({ code: 'SOCKET_IN_USE' });
  await server.close();
  expect(existsSync(socket)).toBe(false);
});

test('a place that is taken, or isn’t there, is told by a code', async () => {
  const { port } = portOf(await serve({ port: 0 }));
  const failed = { code: 'LISTEN_FAILED', facts: { port } };
  await expect(serve({ port })).rejects.toMatchObject({
    ...failed,
    summary: expect.stringMatching(/: .+ \(EADDRINUSE\)\.$/),
  });
  await expect(serve({ port, address: '192.0.2.1' })).rejects.toMatchObject(failed);
});

test('a text that can’t be put together is an answer too, without its reason, which is told once', async () => {
  let problem: Error | undefined = new Error('secret');
  const server = await serve({ port: 0 }, async () => {
    if (problem !== undefined) throw problem;
    return Buffer.from('up 1\n');
  });
  const answer = await ask(portOf(server));
  expect(answer.code).toBe(500);
  expect(answer.body).not.toMatch(/secret/);
  await ask(portOf(server));
  expect(failures).toEqual([problem]);
  problem = undefined;
  expect(await ask(portOf(server))).toMatchObject({ code: 200 });
  problem = new Error('another one');
  await ask(portOf(server));
  expect(failures).toEqual([new Error('secret'), problem]);
});

test('its end ends connections that are open, and answers that nobody takes', async () => {
  const server = await serve({ port: 0 }, async () => Buffer.alloc(64 * 1024 * 1024, 'x'));
  const sockets = Array.from({ length: 3 }, () => connect({ ...portOf(server), host: '127.0.0.1' }));
  const closed = sockets.map(
    (socket) => new Promise<void>((resolve) => socket.on('error', () => {}).on('close', () => resolve())),
  );
  // In whatever order they come to be.
  await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.once('connect', resolve))));
  for (const [i, socket] of sockets.entries()) {
    if (i > 0) socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n');
    socket.pause();
  }
  await server.close();
  for (const socket of sockets) socket.resume();
  await Promise.all(closed);
});
