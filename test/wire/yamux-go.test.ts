import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { YamuxSession } from '@plugd/protocol/yamux/session';
import { describeWithGo } from '../support/needs-go';
import { goYamuxPeer } from '../support/samples';
import { until } from '../unit/rpc/local-kv';
import { closing, echo, nextStream, readAll } from '../unit/yamux/pair';

const undone: (() => void)[] = [];

afterEach(() => {
  for (const undo of undone.splice(0).reverse()) undo();
});

/** A Go program at the other end: it echoes what arrives, and does what it is told. */
async function goPeer(side: 'client' | 'server', ...options: string[]) {
  const directory = mkdtempSync(join(tmpdir(), 'plugd-yamux-'));
  undone.push(() => rmSync(directory, { recursive: true, force: true }));
  const listener = createServer();
  undone.push(() => listener.close());
  const socket = join(directory, 's');
  await new Promise<void>((resolve) => listener.listen(socket, resolve));
  const connected = new Promise<Socket>((resolve) => listener.once('connection', resolve));
  const peer: ChildProcessWithoutNullStreams = spawn(goYamuxPeer(), [side, socket, ...options]);
  undone.push(() => peer.kill('SIGKILL'));
  let errors = '';
  peer.stderr.on('data', (text) => {
    errors += text;
  });
  const session = new YamuxSession(await connected, { side: side === 'client' ? 'server' : 'client' });
  undone.push(() => session.close());
  const lines = createInterface(peer.stdout);
  return {
    session,
    peer,
    errors: () => errors,
    async tell(command: string): Promise<string> {
      const answer = once(lines, 'line');
      peer.stdin.write(`${command}\n`);
      return String((await answer)[0]);
    },
  };
}

async function roundTrip(session: YamuxSession, size: number): Promise<void> {
  const bytes = randomBytes(size);
  const stream = session.open();
  stream.end(bytes);
  expect((await readAll(stream)).equals(bytes)).toBe(true);
}

describeWithGo.each(['client', 'server'] as const)('with hashicorp/yamux as %s', (side) => {
  test('streams of any size go both ways at once, and none is left', async () => {
    const { session, tell, errors } = await goPeer(side);
    echo(session);
    const [answer] = await Promise.all([
      tell('open 40 600000'),
      ...Array.from({ length: 40 }, () => roundTrip(session, randomInt(600_000))),
    ]);
    expect(answer).toBe('open');
    expect(await tell('open 500 100')).toBe('open');
    await Promise.all(Array.from({ length: 500 }, () => roundTrip(session, randomInt(100))));
    await until(() => session.streamCount === 0, 'none is left');
    expect(await tell('streams')).toBe('streams 0');
    // It warns of windows for streams that have just ended, as it does with its own kind.
    expect(errors()).not.toMatch(/ERR/);
  });

  test('pings are answered in both directions', async () => {
    const { session, tell } = await goPeer(side);
    expect(await tell('ping')).toBe('ping');
    expect(await session.ping()).toBeGreaterThan(0);
  });

  test("our reset ends the stream there, and Go's ends it here", async () => {
    const { session, tell, errors } = await goPeer(side, '100ms');
    const ours = session.open();
    ours.write('x');
    await new Promise((resolve) => ours.once('data', resolve));
    ours.destroy();
    await session.ping();
    expect(await tell('streams')).toBe('streams 0');
    // Go resets a stream of which the other side is not closed in time.
    const theirs = nextStream(session);
    const left = tell('leave-open');
    const stream = await theirs;
    stream.resume();
    await closing(stream);
    expect(stream.errored).toMatchObject({ code: 'ECONNRESET' });
    await left;
    expect(session.reason).toBeUndefined();
    expect(errors()).not.toMatch(/ERR/);
  });

  test('a go-away stops new streams, in both directions', async () => {
    const { session, tell } = await goPeer(side);
    const open = session.open();
    open.write('x');
    await new Promise((resolve) => open.once('data', resolve));
    expect(await tell('goaway')).toBe('goaway');
    await session.ping();
    expect(() => session.open()).toThrow(expect.objectContaining({ code: 'MULTIPLEX_CLOSED' }));
    session.goAway();
    await session.ping();
    expect(await tell('open 1 1')).toMatch(/not accepting connections/);
    open.end('y');
    expect(String(await readAll(open))).toBe('y');
  });

  test('the end of the process ends the session, and ours ends that of Go', async () => {
    const first = await goPeer(side);
    const stream = first.session.open();
    first.peer.kill('SIGKILL');
    expect(await first.session.closed).toMatchObject({ code: 'MULTIPLEX_CLOSED' });
    expect(stream.destroyed).toBe(true);
    const second = await goPeer(side);
    await second.session.ping();
    second.session.close();
    expect(await second.tell('ping')).toMatch(/shutdown|broken pipe/);
  });
});
