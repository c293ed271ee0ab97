import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { socketPath } from '../../../host/src/cli/socket-path';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'socket-path-'));
  mkdirSync(join(directory, 'run'), { mode: 0o700 });
});
afterEach(() => rmSync(directory, { recursive: true }));

const nothing = { socket: undefined, config: undefined };
const at = (path: string) => join(directory, path);
const write = (name: string, text: string) => writeFileSync(at(name), `version: 1\n${text}`);
const find = (options: Partial<Record<'socket' | 'config', string>>, env: Record<string, string> = {}) =>
  socketPath({ ...nothing, ...options }, { XDG_RUNTIME_DIR: at('run'), ...env }, directory);

test('what is typed counts before the environment, that before the config, that before the own place', async () => {
  expect(await find({})).toBe(at('run/plugd.sock'));
  write('plugd.yaml', 'socket: own.sock\n');
  write('other.yaml', 'socket: other.sock\n');
  expect(await find({})).toBe(at('own.sock'));
  expect(await find({}, { PLUGD_CONFIG: at('other.yaml') })).toBe(at('other.sock'));
  expect(await find({ config: 'other.yaml' }, { PLUGD_CONFIG: at('none.yaml') })).toBe(at('other.sock'));
  expect(await find({}, { PLUGD_SOCKET: 'named.sock' })).toBe(at('named.sock'));
  expect(await find({ socket: 'typed.sock' }, { PLUGD_SOCKET: 'named.sock' })).toBe(at('typed.sock'));
});

test('a config that was spoilt since the daemon was started still says where it is', async () => {
  write('plugd.yaml', 'socket: own.sock\nplugin: {}\n');
  expect(await find({})).toBe(at('own.sock'));
  write('plugd.yaml', 'socket: [own.sock\n');
  expect(await find({})).toBe(at('run/plugd.sock'));
  write('plugd.yaml', 'socket: 7\n');
  expect(await find({})).toBe(at('run/plugd.sock'));
});

test('a config that was named and is not there is an error', async () => {
  await expect(find({ config: 'none.yaml' })).rejects.toMatchObject({ code: 'CONFIG_FILE_UNREADABLE' });
});
