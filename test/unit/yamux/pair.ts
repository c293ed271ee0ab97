import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { YamuxOptions } from '@plugd/protocol/yamux/options';
import { YamuxSession } from '@plugd/protocol/yamux/session';
import type { YamuxStream } from '@plugd/protocol/yamux/stream';

const undone: (() => void)[] = [];

/** Ends what a test started; for `afterEach`. */
export function cleanUp(): void {
  for (const undo of undone.splice(0).reverse()) undo();
}

/** Both ends of a real connection. */
export async function socketPair(): Promise<[Socket, Socket]> {
  const directory = mkdtempSync(join(tmpdir(), 'plugd-yamux-'));
  const path = process.platform === 'win32' ? `\\\\.\\pipe\\${directory}` : join(directory, 's');
  const server = createServer();
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const near = connect(path);
  const far = await accepted;
  server.close();
  rmSync(directory, { recursive: true, force: true });
  for (const socket of [near, far]) {
    socket.on('error', () => {});
    undone.push(() => socket.destroy());
  }
  return [near, far];
}

/** Two sessions that speak with each other. */
export async function sessionPair(options: Partial<YamuxOptions> = {}) {
  const [near, far] = await socketPair();
  return {
    client: new YamuxSession(near, { ...options, side: 'client' }),
    server: new YamuxSession(far, { ...options, side: 'server' }),
    near,
    far,
  };
}

/** A server session at one end, and the bare connection to it at the other. */
export async function rawClient(options: Partial<YamuxOptions> = {}) {
  const [raw, far] = await socketPair();
  const session = new YamuxSession(far, { ...options, side: 'server' });
  const answers: Buffer[] = [];
  raw.on('data', (chunk: Buffer) => answers.push(chunk));
  return { raw, session, answers: () => Buffer.concat(answers) };
}

export function nextStream(session: YamuxSession): Promise<YamuxStream> {
  return new Promise((resolve) => session.onStream(resolve));
}

/** All bytes up to the end. Unlike an iteration it leaves the stream open. */
export function readAll(stream: Readable): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const all: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => all.push(chunk));
    stream.once('end', () => resolve(Buffer.concat(all)));
    stream.once('error', reject);
  });
}

/** Until a stream is over, whatever ended it. */
export function closing(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    stream.once('close', resolve);
  });
}

/** Each stream's bytes go back where they came from. */
export function echo(session: YamuxSession): void {
  session.onStream((stream) => stream.pipe(stream));
}
