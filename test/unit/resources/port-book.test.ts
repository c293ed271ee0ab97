import { createServer, type Server } from 'node:net';
import { networkInterfaces } from 'node:os';
import { PortBook } from '../../../host/src/resources/port-book';
import { isPortFree } from '../../../host/src/resources/port-probe';

const servers: Server[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => new Promise((done) => server.close(done))));
});

async function listen(host: string | undefined, port = 0): Promise<number> {
  const server = createServer();
  servers.push(server);
  await new Promise<void>((ready, failed) => {
    server.once('error', failed);
    server.listen({ port, ...(host === undefined ? {} : { host }) }, ready);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no address');
  return address.port;
}

/** A port that somebody had a moment ago. */
async function free(): Promise<number> {
  const port = await listen('127.0.0.1');
  await new Promise((done) => servers.pop()?.close(done));
  return port;
}

const wait = (limitMs: number, signal = new AbortController().signal) => ({ limitMs, signal });

describe('a port', () => {
  test.each([['127.0.0.1'], ['0.0.0.0'], [undefined]])(
    'that somebody listens on at %s is not free',
    async (host) => {
      const port = await listen(host);
      expect(await isPortFree(port)).toBe(false);
    },
  );

  // Where a machine has no such address, nobody can listen there either.
  const hasSix = Object.values(networkInterfaces()).some((one) =>
    one?.some(({ address }) => address === '::1'),
  );
  (hasSix ? test : test.skip)('that somebody listens on at ::1 alone is not free', async () => {
    const port = await listen('::1');
    expect(await isPortFree(port)).toBe(false);
  });

  test('that nobody listens on is free, and free again after each look', async () => {
    const port = await free();
    for (let look = 0; look < 3; look++) expect(await isPortFree(port)).toBe(true);
    await listen('127.0.0.1', port);
  });
});

test('an instance waits until the one before it has left and its port is free', async () => {
  const port = await free();
  const book = new PortBook();
  const first = await book.claim('kv', 'kv-1-1', { http: port }, wait(0));
  const events: string[] = [];
  const second = book.claim('kv', 'kv-2-2', { http: port }, wait(5_000)).then((claim) => {
    events.push('second');
    return claim;
  });
  await listen('127.0.0.1', port);
  events.push('left');
  first.release();
  await new Promise((next) => setTimeout(next, 60));
  events.push('freed');
  await new Promise((done) => servers.pop()?.close(done));
  expect((await second).numbers).toEqual({ http: port });
  expect(events).toEqual(['left', 'freed', 'second']);
});

test('the wait has an end, and tells who is there', async () => {
  const port = await free();
  const book = new PortBook();
  const first = await book.claim('kv', 'kv-1-1', { http: port }, wait(0));
  await expect(book.claim('other', 'other-1-2', { web: port }, wait(30))).rejects.toMatchObject({
    code: 'PORT_IN_USE',
    fault: 'operator',
    facts: { port, name: 'web', holder: 'kv-1-1' },
  });
  first.release();
  await listen('127.0.0.1', port);
  const error: unknown = await book.claim('kv', 'kv-2-3', { http: port }, wait(30)).catch((thrown) => thrown);
  expect(error).toMatchObject({ code: 'PORT_IN_USE', facts: { port, name: 'http' } });
  expect(error).not.toHaveProperty('facts.holder');
});

test('who does not get all of its ports has none', async () => {
  const [one, two] = [await free(), await listen('127.0.0.1')];
  const book = new PortBook();
  await expect(book.claim('kv', 'kv-1-1', { a: one, b: two }, wait(0))).rejects.toMatchObject({
    facts: { name: 'b' },
  });
  expect((await book.claim('kv', 'kv-1-2', { a: one }, wait(0))).numbers).toEqual({ a: one });
});

test('a wait that is given up ends with its reason, and leaves nothing', async () => {
  const port = await listen('127.0.0.1');
  const book = new PortBook();
  const given = new AbortController();
  const claim = book.claim('kv', 'kv-1-1', { http: port }, wait(60_000, given.signal));
  const reason = new Error('stopped');
  setTimeout(() => given.abort(reason), 20);
  await expect(claim).rejects.toBe(reason);
  await new Promise((done) => servers.pop()?.close(done));
  await book.claim('kv', 'kv-1-2', { http: port }, wait(0));
});

test('what the host picked for a plugin stays its own, and no other plugin gets it', async () => {
  const book = new PortBook();
  const first = await book.claim('kv', 'kv-1-1', { http: 0, admin: 0 }, wait(0));
  first.release();
  const again = await book.claim('kv', 'kv-2-2', { http: 0, admin: 0 }, wait(0));
  const other = await book.claim('other', 'other-1-3', { http: 0 }, wait(0));
  expect(again.numbers).toEqual(first.numbers);
  const all = [...Object.values(again.numbers), ...Object.values(other.numbers)];
  expect(new Set(all).size).toBe(3);
  for (const port of all) expect([port > 25_000, port < 32_768]).toEqual([true, true]);
});

test('plugins that start at the same time get different ports', async () => {
  // There are as many as there are plugins, and each look takes a moment.
  const book = new PortBook(async () => true, { first: 30_001, last: 30_020 });
  const claims = await Promise.all(
    Array.from({ length: 20 }, (_, index) => book.claim(`p${index}`, `i${index}`, { http: 0 }, wait(0))),
  );
  expect(new Set(claims.map(({ numbers }) => numbers['http'])).size).toBe(20);
});

test('where none is free, that is told', async () => {
  const book = new PortBook(async () => false);
  await expect(book.claim('kv', 'kv-1-1', { http: 0 }, wait(0))).rejects.toMatchObject({
    code: 'PORT_IN_USE',
    facts: { name: 'http' },
  });
});

test('a process that another host started keeps its ports', async () => {
  const book = new PortBook();
  const port = await listen('127.0.0.1');
  const adopted = book.adopt('kv', 'kv-1-1', { http: port });
  await expect(book.claim('kv', 'kv-2-2', { http: 0 }, wait(0))).rejects.toMatchObject({
    facts: { port, holder: 'kv-1-1' },
  });
  adopted.release();
  await new Promise((done) => servers.pop()?.close(done));
  expect((await book.claim('kv', 'kv-2-2', { http: 0 }, wait(0))).numbers).toEqual({ http: port });
});
