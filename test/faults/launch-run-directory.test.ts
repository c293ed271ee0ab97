import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LaunchRoom } from './launch-support';

let temp: string;
beforeEach(() => {
  temp = mkdtempSync(join(tmpdir(), 'launch-dir-'));
});
afterEach(() => rmSync(temp, { recursive: true, force: true }));

async function refusal(runDir: string): Promise<unknown> {
  const room = new LaunchRoom({ runDir });
  const error = await room.launcher.open().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  await room.close();
  return error;
}

test('an instance has a directory of its own below that of the host, both closed to others', async () => {
  const room = await LaunchRoom.open({ runDir: join(temp, 'made') });
  const instance = await room.start('');
  const { directory } = instance.record;
  expect(directory.startsWith(`${room.launcher.directory}/`)).toBe(true);
  expect(room.launcher.directory?.startsWith(join(temp, 'made', 'plugd-'))).toBe(true);
  expect(instance.record.address.startsWith(`${directory}/plugin`)).toBe(true);
  for (const path of [directory, room.launcher.directory ?? '', join(temp, 'made')])
    expect(statSync(path).mode & 0o777).toBe(0o700);
  await room.close();
  expect(existsSync(join(temp, 'made'))).toBe(true);
});

test('a symbolic link is refused', async () => {
  mkdirSync(join(temp, 'real'), { mode: 0o700 });
  symlinkSync(join(temp, 'real'), join(temp, 'link'));
  expect(await refusal(join(temp, 'link'))).toMatchObject({ code: 'RUN_DIR_UNSAFE' });
});

test('a directory that others can write to is refused', async () => {
  const path = join(temp, 'open');
  mkdirSync(path);
  chmodSync(path, 0o777);
  expect(await refusal(path)).toMatchObject({ code: 'RUN_DIR_UNSAFE', facts: { path } });
});

test('a file is refused', async () => {
  writeFileSync(join(temp, 'file'), '');
  expect(await refusal(join(temp, 'file'))).toMatchObject({ code: 'RUN_DIR_UNSAFE' });
});

test('a directory whose sockets would have too long paths is refused', async () => {
  const path = join(temp, 'x'.repeat(80));
  expect(await refusal(path)).toMatchObject({ code: 'SOCKET_PATH_TOO_LONG', facts: { limit: 100 } });
});

test('a default place that is too deep gives way to a shorter one', async () => {
  const deep = join(temp, 'x'.repeat(80));
  mkdirSync(deep, { mode: 0o700 });
  const before = process.env['XDG_RUNTIME_DIR'];
  process.env['XDG_RUNTIME_DIR'] = deep;
  try {
    const room = await LaunchRoom.open();
    const instance = await room.start('');
    expect(Buffer.byteLength(instance.record.address)).toBeLessThanOrEqual(100);
    expect(room.launcher.directory?.startsWith(deep)).toBe(false);
    await room.close();
  } finally {
    if (before === undefined) delete process.env['XDG_RUNTIME_DIR'];
    else process.env['XDG_RUNTIME_DIR'] = before;
  }
});

test('a directory of our own in XDG_RUNTIME_DIR is preferred', async () => {
  const before = process.env['XDG_RUNTIME_DIR'];
  process.env['XDG_RUNTIME_DIR'] = temp;
  try {
    const room = await LaunchRoom.open();
    expect(room.launcher.directory?.startsWith(join(temp, 'plugd-'))).toBe(true);
    await room.close();
  } finally {
    if (before === undefined) delete process.env['XDG_RUNTIME_DIR'];
    else process.env['XDG_RUNTIME_DIR'] = before;
  }
});

test('the members of a socket group get through to the socket, and nobody else', async () => {
  const room = await LaunchRoom.open();
  const group = 4242;
  const instance = await room.start('', { unixSocketGroup: group });
  const { directory } = instance.record;
  const isRoot = process.getuid?.() === 0;
  expect(statSync(directory).gid).toBe(isRoot ? group : statSync(directory).gid);
  expect(statSync(directory).mode & 0o777).toBe(0o770);
  expect(statSync(join(directory, '..')).mode & 0o777).toBe(0o711);
  await instance.stop({ timeoutMs: 2_000 });
  await room.close();
  expect(existsSync(join(directory, '..'))).toBe(false);
});

test('a socket group that does not exist is refused before anything is started', async () => {
  const room = await LaunchRoom.open();
  const error = await room.failure('', { unixSocketGroup: 'no-such-group-here' });
  expect(error).toMatchObject({
    code: 'SOCKET_GROUP_UNKNOWN',
    facts: { unixSocketGroup: 'no-such-group-here' },
  });
  await room.close();
});

test("the host's directory is made again where it was taken away", async () => {
  const room = await LaunchRoom.open({ runDir: temp });
  const own = room.launcher.directory ?? '';
  rmSync(own, { recursive: true });
  const instance = await room.start('');
  expect(instance.record.directory.startsWith(`${own}/`)).toBe(true);
  expect(statSync(own).mode & 0o777).toBe(0o700);
  await room.close();
  expect(existsSync(own)).toBe(false);
});

test("what somebody else put into the place of the host's directory is not used", async () => {
  const room = await LaunchRoom.open({ runDir: temp });
  const own = room.launcher.directory ?? '';
  rmSync(own, { recursive: true });
  writeFileSync(own, '');
  await expect(room.start('')).rejects.toMatchObject({ code: 'RUN_DIR_UNSAFE', facts: { path: own } });
  rmSync(own);
  await room.close();
});
