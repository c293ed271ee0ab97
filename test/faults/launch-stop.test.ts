import { closeSync, existsSync, lstatSync, openSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OldSockets } from '../support/old-sockets';
import { eventually, isRunning } from '../support/processes';
import { LaunchRoom } from './launch-support';

let room: LaunchRoom;
let strangers: OldSockets;
const strangersPaths = () => [join(room.temp, 'plugin12345'), `/tmp/plugin-stranger-${process.pid}`];
beforeAll(async () => {
  room = await LaunchRoom.open();
  strangers = await OldSockets.listen(strangersPaths());
});
afterAll(async () => {
  await strangers.close();
  await room.close();
});

function grandchildPid(stderr: readonly string[]): number {
  const pid = Number(/^grandchild (\d+)$/m.exec(stderr.join('\n'))?.[1]);
  expect(isRunning(pid)).toBe(true);
  return pid;
}

test('a plugin that leaves when asked is gone with its socket and directory', async () => {
  const instance = await room.start('');
  const { address, directory, pid } = instance.record;
  expect(lstatSync(address).isSocket()).toBe(true);
  expect(lstatSync(directory).mode & 0o777).toBe(0o700);
  await instance.stop({ timeoutMs: 2_000 });
  expect(instance.exit).toMatchObject({ signal: 'SIGTERM' });
  expect(isRunning(pid)).toBe(false);
  expect(existsSync(address)).toBe(false);
  expect(existsSync(directory)).toBe(false);
});

test('a plugin that ignores SIGTERM is ended after half of the limit', async () => {
  const instance = await room.start('hang-shutdown');
  const begun = performance.now();
  await instance.stop({ timeoutMs: 600 });
  expect(instance.exit).toMatchObject({ signal: 'SIGKILL' });
  const took = performance.now() - begun;
  expect(took).toBeGreaterThanOrEqual(290);
  expect(took).toBeLessThan(5_000);
  expect(room.processes()).toEqual([]);
});

test('kill does not ask, and does not wait for a stop that is asking', async () => {
  const instance = await room.start('hang-shutdown');
  const begun = performance.now();
  const stopped = instance.stop({ timeoutMs: 60_000 });
  await instance.kill();
  await stopped;
  expect(performance.now() - begun).toBeLessThan(15_000);
  expect(room.processes()).toEqual([]);
});

test('stop may be called again and together', async () => {
  const instance = await room.start('');
  await Promise.all([instance.stop({ timeoutMs: 2_000 }), instance.stop({ timeoutMs: 2_000 })]);
  await instance.stop({ timeoutMs: 2_000 });
  await instance.kill();
  expect(room.files()).toEqual([]);
});

test.each(['grandchild-group', 'grandchild-session', 'grandchild-pipes'])(
  'a grandchild goes with its plugin: %s',
  async (mode) => {
    const instance = await room.start(mode);
    await eventually(() => instance.stderrTail().length > 0, 10_000, 'the grandchild is announced');
    const pid = grandchildPid(instance.stderrTail());
    const begun = performance.now();
    await instance.stop({ timeoutMs: 20_000 });
    expect(performance.now() - begun).toBeLessThan(8_000);
    expect(isRunning(pid)).toBe(false);
    expect(room.processes()).toEqual([]);
  },
);

test('the group of a plugin that crashed goes at once, the rest with stop', async () => {
  const instance = await room.start('grandchild-group;grandchild-session;crash-after:50');
  await expect(instance.exited).resolves.toMatchObject({ code: null, signal: 'SIGKILL' });
  await eventually(() => room.processes().length === 1, 10_000, 'only the one with its own session is left');
  await instance.stop({ timeoutMs: 2_000 });
  expect(room.processes()).toEqual([]);
  expect(existsSync(instance.record.address)).toBe(false);
});

test('an exit is believed although a grandchild keeps the pipes', async () => {
  const instance = await room.start('grandchild-pipes;crash-after:50');
  await instance.exited;
  const begun = performance.now();
  await instance.outputEnded;
  expect(performance.now() - begun).toBeLessThan(10_000);
  await instance.stop({ timeoutMs: 2_000 });
});

test('the socket of a plugin that knows no socket directory is removed from the temp dir', async () => {
  const instance = await room.start('temp-socket;hang-shutdown', { env: { TMPDIR: '/tmp' } });
  expect(instance.record.address).toMatch(/^\/tmp\/plugin\d+$/);
  await instance.kill();
  expect(existsSync(instance.record.address)).toBe(false);
});

describe('a plugin that lies about its socket', () => {
  test('does not get a file removed', async () => {
    const path = join(room.temp, 'precious');
    writeFileSync(path, 'x');
    await (await room.start(`lying-socket:${path}`)).kill();
    expect(existsSync(path)).toBe(true);
  });

  test("does not get a stranger's socket removed", async () => {
    await strangers.old();
    for (const path of strangersPaths()) {
      await (await room.start(`lying-socket:${path}`)).kill();
      expect(existsSync(path)).toBe(true);
    }
  }, 15_000);

  test('does not get anything removed through a symbolic link', async () => {
    const target = join(room.temp, 'target');
    closeSync(openSync(target, 'w'));
    const link = `/tmp/plugin-link-${process.pid}`;
    symlinkSync(target, link);
    try {
      await (await room.start(`lying-socket:${link}`)).kill();
      expect(existsSync(target)).toBe(true);
      expect(lstatSync(link).isSymbolicLink()).toBe(true);
    } finally {
      unlinkSync(link);
    }
  });

  test('does not get the directory of another instance touched', async () => {
    const neighbour = await room.start('');
    await expect(room.start(`lying-socket:${neighbour.record.address}`)).rejects.toMatchObject({
      code: 'ADDRESS_INVALID',
    });
    expect(existsSync(neighbour.record.address)).toBe(true);
    await neighbour.kill();
  });
});

test('closing ends what was not stopped, and refuses what comes after', async () => {
  const own = await LaunchRoom.open();
  await own.start('hang-shutdown;grandchild-session');
  const starting = own.start('silent').catch((error: unknown) => error);
  await own.close();
  expect(await starting).toMatchObject({ code: 'HOST_CLOSED' });
  await expect(own.start('')).rejects.toMatchObject({ code: 'HOST_CLOSED' });
  await own.launcher.close();
});
