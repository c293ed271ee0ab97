import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHost, type ErrorCode, PluginError } from '@plugd/host';
import { FaultRoom, type Over } from './host-faults-support';

// Files that can't be run, and places that can't be used: refused before any process is there.

let room: FaultRoom;
let files: string;
beforeAll(async () => {
  room = await FaultRoom.open();
  files = mkdtempSync(join(tmpdir(), 'faults-'));
});
afterEach(() => {
  expect(room.leftFiles()).toEqual([]);
});
afterAll(async () => {
  rmSync(files, { recursive: true, force: true });
  await room.close();
});

function file(name: string, content: string | Buffer, mode = 0o755): string {
  const path = join(files, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

function directory(name: string): string {
  const path = join(files, name);
  mkdirSync(path);
  return path;
}

/** The head of a program for Linux on a machine of that number. */
function elf(machine: number): Buffer {
  const head = Buffer.alloc(4096);
  head.write('\x7fELF\x02\x01\x01', 'latin1');
  head.writeUInt16LE(2, 16);
  head.writeUInt16LE(machine, 18);
  return head;
}

const PPC64 = 21;
const S390 = 22;
const [foreign, foreignName] = process.arch === 's390x' ? [PPC64, 'ppc64'] : [S390, 's390x'];

type Row = [name: string, over: () => Over, code: ErrorCode, facts: () => object];

test.each<Row>([
  [
    'a missing file',
    () => ({ command: join(files, 'absent') }),
    'COMMAND_NOT_FOUND',
    () => ({ command: join(files, 'absent') }),
  ],
  [
    'a bare name that PATH does not have',
    () => ({ command: 'no-such-plugin-anywhere' }),
    'COMMAND_NOT_FOUND',
    () => ({ command: 'no-such-plugin-anywhere', searched: expect.any(Array) }),
  ],
  [
    'a link to nowhere',
    () => {
      symlinkSync(join(files, 'nowhere'), join(files, 'link'));
      return { command: join(files, 'link') };
    },
    'COMMAND_NOT_FOUND',
    () => ({ command: join(files, 'link') }),
  ],
  [
    'a directory',
    () => ({ command: directory('directory') }),
    'COMMAND_IS_DIRECTORY',
    () => ({ path: join(files, 'directory') }),
  ],
  [
    'a file that is not executable',
    () => ({ command: file('unmarked', '#!/bin/sh\n', 0o644) }),
    'COMMAND_NOT_EXECUTABLE',
    () => ({ path: join(files, 'unmarked'), mode: '-rw-r--r--' }),
  ],
  [
    'a program for another architecture',
    () => ({ command: file('foreign', elf(foreign)) }),
    'WRONG_ARCHITECTURE',
    () => ({ kind: 'elf', architectures: [foreignName], hostArchitecture: process.arch }),
  ],
  [
    'a program for another system',
    () => ({ command: file('windows.exe', Buffer.concat([Buffer.from('MZ'), Buffer.alloc(4096)])) }),
    'COMMAND_UNRUNNABLE',
    () => ({ mode: '-rwxr-xr-x' }),
  ],
  [
    'text without an interpreter',
    () => ({ command: file('text', 'echo hello\n') }),
    'COMMAND_UNRUNNABLE',
    () => ({ kind: 'unknown' }),
  ],
  [
    'a script whose interpreter is missing',
    () => ({ command: file('script', '#!/opt/no/such/interpreter\n') }),
    'COMMAND_UNRUNNABLE',
    () => ({ kind: 'script', interpreter: '/opt/no/such/interpreter' }),
  ],
  [
    'another file than the one that was approved',
    () => ({ command: file('changed', '#!/bin/sh\nexit 0\n'), sha256: '0'.repeat(64) }),
    'CHECKSUM_MISMATCH',
    () => ({ expected: '0'.repeat(64), actual: expect.stringMatching(/^[0-9a-f]{64}$/) }),
  ],
  [
    'a working directory that is not there',
    () => ({ cwd: join(files, 'absent') }),
    'SPAWN_FAILED',
    () => ({ cwd: join(files, 'absent') }),
  ],
  [
    'a group that is not there',
    () => ({ unixSocketGroup: 'no-such-group-anywhere' }),
    'SOCKET_GROUP_UNKNOWN',
    () => ({ unixSocketGroup: 'no-such-group-anywhere' }),
  ],
])('%s is refused', async (_, over, code, facts) => {
  const error = await room.failure('', over());
  expect(error).toMatchObject({ code, fault: 'operator', facts: facts() });
  expect(error.hint).not.toBe('');
  // There was no process to have a pid.
  expect(error.facts).not.toHaveProperty('pid');
});

test('a name that is taken is refused, and its owner stays', async () => {
  const error = await room.room.load('/bin/true', { name: 'neighbour' }).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'NAME_TAKEN', fault: 'caller' });
  expect(room.room.host.plugin('neighbour')).toBe(room.neighbour.plugin);
  await room.neighbour.answers();
});

describe('A host is not made', () => {
  async function refusal(runDir: string): Promise<PluginError> {
    const made = await createHost({ runDir }).catch((thrown: unknown) => thrown);
    if (made instanceof PluginError) return made;
    throw new Error(`a host was made in ${runDir}`);
  }

  test('where socket paths would be too long', async () => {
    const base = directory('x'.repeat(100));
    expect(await refusal(base)).toMatchObject({
      code: 'SOCKET_PATH_TOO_LONG',
      facts: { base, limit: 100, bytes: expect.any(Number) },
    });
  });

  test('where others may write', async () => {
    const open = directory('open');
    chmodSync(open, 0o777);
    expect(await refusal(open)).toMatchObject({ code: 'RUN_DIR_UNSAFE', facts: { path: open } });
  });

  test('behind a symbolic link', async () => {
    const link = join(files, 'link-to-directory');
    symlinkSync(directory('target'), link);
    expect(await refusal(link)).toMatchObject({ code: 'RUN_DIR_UNSAFE', facts: { path: link } });
  });
});
