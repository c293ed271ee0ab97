import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { daemonPlaces, makeSocketDirectories, type PlacesOptions } from '../../../host/src/config/places';

let root: string;
let run: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'plugd-places-')));
  run = join(root, 'run');
  mkdirSync(run, { mode: 0o700 });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const options = (more: Partial<PlacesOptions> = {}): PlacesOptions => ({
  env: { XDG_RUNTIME_DIR: run, XDG_STATE_HOME: join(root, 'state') },
  cwd: join(root, 'work'),
  temporary: root,
  home: join(root, 'home'),
  ...more,
});

const fallBack = (): string => join(root, `plugd-${process.getuid?.()}`);

test('without a config everything is where XDG says, and plugins are looked for in the working directory', () => {
  expect(daemonPlaces(options())).toEqual({
    socket: join(run, 'plugd.sock'),
    frontDoor: { socket: join(run, 'plugd-front.sock') },
    metrics: false,
    stateDir: join(root, 'state/plugd'),
    logDir: join(root, 'state/plugd/logs'),
    pluginsDir: join(root, 'work/plugins'),
  });
});

test('with a config plugins are looked for beside it', () => {
  const places = daemonPlaces(options({ config: { version: 1 }, configFile: '/etc/plugd/plugd.yaml' }));
  expect(places.pluginsDir).toBe('/etc/plugd/plugins');
});

test('what the config says counts more', () => {
  const places = daemonPlaces(
    options({
      config: {
        version: 1,
        socket: '/a/b.sock',
        stateDir: '/s',
        frontDoor: { port: 0 },
        metrics: { port: 1 },
        pluginsDir: '/p',
        logs: { level: 'info' },
      },
    }),
  );
  expect(places).toEqual({
    socket: '/a/b.sock',
    frontDoor: { port: 0 },
    metrics: { port: 1 },
    stateDir: '/s',
    logDir: '/s/logs',
    pluginsDir: '/p',
  });
  const off = daemonPlaces(options({ config: { version: 1, frontDoor: false, pluginsDir: false } }));
  expect(off).toMatchObject({ frontDoor: false, pluginsDir: undefined });
});

test('the socket that is typed counts more than that of the environment, and that more than the config', () => {
  const config = { version: 1, socket: '/config.sock' } as const;
  const env = { ...options().env, PLUGD_SOCKET: 'env.sock' };
  expect(daemonPlaces(options({ config, env, socket: 'typed.sock' })).socket).toBe(
    join(root, 'work/typed.sock'),
  );
  expect(daemonPlaces(options({ config, env })).socket).toBe(join(root, 'work/env.sock'));
  expect(daemonPlaces(options({ config, env: { ...env, PLUGD_SOCKET: '' } })).socket).toBe('/config.sock');
});

test('the front door is beside the admin API, wherever that is', () => {
  const config = { version: 1, socket: '/a/b.sock' } as const;
  expect(daemonPlaces(options({ config })).frontDoor).toEqual({ socket: '/a/plugd-front.sock' });
  const env = { ...options().env, PLUGD_SOCKET: '/c/d.sock' };
  expect(daemonPlaces(options({ config, env })).frontDoor).toEqual({ socket: '/c/plugd-front.sock' });
});

test.each([
  ['front door', { frontDoor: { socket: 'plugd.sock' } }, 'the admin API, and of the front door'],
  ['metrics', { metrics: { socket: 'plugd-front.sock' } }, 'the front door, and of metrics'],
])('a socket that is left out is not that of the %s too', async (_, places, what) => {
  const [[key, { socket }] = ['', { socket: '' }]] = Object.entries(places);
  const given = options({ config: { version: 1, [key]: { socket: join(run, socket) } } });
  await expect(makeSocketDirectories(daemonPlaces(given), given)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    summary: `${join(run, socket)} is to be the socket of ${what}.`,
  });
});

test.each([
  ['not set', () => undefined],
  ['relative', () => 'run'],
  ['missing', () => join(root, 'missing')],
  [
    'open to others',
    () => {
      chmodSync(run, 0o777);
      return run;
    },
  ],
  [
    'a link',
    () => {
      symlinkSync(run, join(root, 'link'));
      return join(root, 'link');
    },
  ],
])('with an XDG_RUNTIME_DIR that is %s the user gets a directory of its own', async (_, place) => {
  const given = options({ env: { XDG_RUNTIME_DIR: place() } });
  const places = daemonPlaces(given);
  expect(places.socket).toBe(join(fallBack(), 'plugd.sock'));
  expect(places.stateDir).toBe(join(root, 'home/.local/state/plugd'));
  await makeSocketDirectories(places, given);
  expect(statSync(fallBack()).mode & 0o777).toBe(0o700);
  expect(daemonPlaces(given).socket).toBe(places.socket);
});

test('a directory that somebody else has put where the user’s belongs is not used', () => {
  const given = options({ env: {} });
  mkdirSync(fallBack(), { mode: 0o777 });
  chmodSync(fallBack(), 0o777);
  expect(() => daemonPlaces(given)).toThrow(expect.objectContaining({ code: 'RUN_DIR_UNSAFE' }));
  rmSync(fallBack(), { recursive: true });
  symlinkSync(run, fallBack());
  expect(() => daemonPlaces(given)).toThrow(expect.objectContaining({ code: 'RUN_DIR_UNSAFE' }));
  const stranger = options({ env: {}, user: (process.getuid?.() ?? 0) + 1 });
  mkdirSync(join(root, `plugd-${stranger.user}`), { mode: 0o700 });
  expect(() => daemonPlaces(stranger)).toThrow(expect.objectContaining({ code: 'RUN_DIR_UNSAFE' }));
});

test('directories that the config names are made', async () => {
  const given = options({
    config: {
      version: 1,
      socket: join(root, 'deep/er/a.sock'),
      frontDoor: { socket: join(root, 'front/b.sock') },
      metrics: { socket: join(root, 'metrics/c.sock') },
    },
  });
  await makeSocketDirectories(daemonPlaces(given), given);
  expect(statSync(join(root, 'deep/er')).mode & 0o777).toBe(0o700);
  expect(statSync(join(root, 'front')).mode & 0o777).toBe(0o700);
  expect(statSync(join(root, 'metrics')).mode & 0o777).toBe(0o700);
});
