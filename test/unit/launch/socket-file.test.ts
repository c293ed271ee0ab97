import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ownSocket, removeSocket } from '../../../host/src/launch/socket-file';

let temp: string;
let directory: string;
let servers: Server[];
beforeEach(() => {
  temp = mkdtempSync(join(tmpdir(), 'socket-'));
  directory = join(temp, 'i-abc');
  mkdirSync(directory);
  servers = [];
});
afterEach(async () => {
  for (const server of servers) await new Promise((resolve) => server.close(resolve));
  rmSync(temp, { recursive: true });
});

async function socket(path: string): Promise<string> {
  const server = createServer().listen(path);
  servers.push(server);
  await new Promise((resolve) => server.once('listening', resolve));
  return path;
}

const record = (address: string, startedAt = 0) => ({
  network: 'unix' as const,
  address,
  directory,
  startedAt,
});

test('a socket in the directory of the instance is its own, whatever it is called', async () => {
  const address = await socket(join(directory, 'any name'));
  expect(ownSocket(record(address))).toEqual({ path: address, strayed: false });
  removeSocket(record(address));
  expect(existsSync(address)).toBe(false);
});

test('a name with dots still has to end up in that directory', async () => {
  const outside = await socket(join(temp, 'outside'));
  expect(ownSocket(record(`${directory}/../outside`))).toBeUndefined();
  removeSocket(record(`${directory}/../outside`));
  expect(existsSync(outside)).toBe(true);
});

test('below a directory that was replaced by a symbolic link nothing is its own', async () => {
  await socket(join(temp, 'precious'));
  symlinkSync(temp, join(directory, 'link'));
  expect(ownSocket(record(join(directory, 'link', 'precious')))).toBeUndefined();
});

test('the temp dir may be one that the plugin was given for itself', async () => {
  const address = await socket(join(temp, 'plugin123'));
  expect(ownSocket(record(address))).toBeUndefined();
  const given = { ...record(address), temporaryDirectory: temp };
  expect(ownSocket(given)).toEqual({ path: address, strayed: true });
  expect(ownSocket({ ...given, startedAt: Date.now() + 60_000 })).toBeUndefined();
});

test('only a young socket called plugin… counts in the temp dir', async () => {
  const address = await socket(join(tmpdir(), `plugin${process.pid}7`));
  expect(ownSocket(record(address, Date.now()))).toEqual({ path: address, strayed: true });
  expect(ownSocket(record(address, Date.now() + 60_000))).toBeUndefined();
  const other = await socket(join(tmpdir(), `other-plugin${process.pid}`));
  expect(ownSocket(record(other, 0))).toBeUndefined();
});

test.each([
  ['a file', (path: string) => writeFileSync(path, '')],
  ['a directory', (path: string) => mkdirSync(path)],
  ['a symbolic link', (path: string) => symlinkSync('/dev/null', path)],
  ['nothing', () => {}],
])('%s is no socket', (_, make) => {
  const path = join(directory, 'plugin1');
  make(path);
  expect(ownSocket(record(path))).toBeUndefined();
});

test('a TCP address and a relative path are no files of anyone', () => {
  expect(ownSocket({ ...record('127.0.0.1:80'), network: 'tcp' })).toBeUndefined();
  expect(ownSocket(record('plugin1'))).toBeUndefined();
});
