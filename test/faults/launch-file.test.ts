import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LaunchRoom } from './launch-support';

let room: LaunchRoom;
beforeAll(async () => {
  room = await LaunchRoom.open();
});
afterAll(() => room.close());

function file(name: string, content: string | Buffer, mode = 0o755): string {
  const path = join(room.temp, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

/** The head of an ELF program for a machine that this one is not. */
function foreignElf(): Buffer {
  const head = Buffer.alloc(4096);
  head.write('\x7fELF\x02\x01\x01', 'latin1');
  head.writeUInt16LE(2, 16);
  head.writeUInt16LE(process.arch === 's390x' ? 62 : 22, 18);
  return head;
}

test('a file that is not there', async () => {
  const command = join(room.temp, 'absent');
  const error = await room.failure('', { command });
  expect(error).toMatchObject({ code: 'COMMAND_NOT_FOUND', facts: { path: command } });
});

test('a directory', async () => {
  const command = join(room.temp, 'directory');
  mkdirSync(command);
  expect(await room.failure('', { command })).toMatchObject({ code: 'COMMAND_IS_DIRECTORY' });
});

test('a file without permission to execute', async () => {
  const command = file('unmarked', '#!/bin/sh\n', 0o644);
  expect(await room.failure('', { command })).toMatchObject({ code: 'COMMAND_NOT_EXECUTABLE' });
});

test('a program for another architecture', async () => {
  const error = await room.failure('', { command: file('foreign', foreignElf()) });
  expect(error).toMatchObject({
    code: 'WRONG_ARCHITECTURE',
    facts: { kind: 'elf', architectures: [expect.any(String)], hostArchitecture: process.arch },
  });
});

test('a program for another system', async () => {
  const head = Buffer.alloc(64);
  head.writeUInt32BE(0xcffaedfe, 0);
  head.writeUInt32LE(0x0100_000c, 4);
  const error = await room.failure('', { command: file('macho', head) });
  expect(error).toMatchObject({
    code: 'COMMAND_UNRUNNABLE',
    facts: { kind: 'macho', architectures: ['arm64'] },
  });
});

test('text that would be fed to a shell', async () => {
  const marker = join(room.temp, 'was-run');
  const error = await room.failure('', { command: file('text', `touch ${marker}\n`) });
  expect(error).toMatchObject({ code: 'COMMAND_UNRUNNABLE', facts: { kind: 'unknown' } });
  expect(() => require('node:fs').statSync(marker)).toThrow('ENOENT');
});

test('an empty file', async () => {
  expect(await room.failure('', { command: file('empty', '') })).toMatchObject({
    code: 'COMMAND_UNRUNNABLE',
    facts: { size: 0 },
  });
});

test('a script whose interpreter is missing', async () => {
  const error = await room.failure('', { command: file('script', '#!/opt/no/such/interpreter -x\n') });
  expect(error).toMatchObject({
    code: 'COMMAND_UNRUNNABLE',
    facts: { interpreter: '/opt/no/such/interpreter' },
  });
  expect(error.message).toContain('/opt/no/such/interpreter');
});

test('a script for env whose program is not on the PATH of the plugin', async () => {
  const error = await room.failure('', { inheritEnv: false, env: { PATH: '/nowhere' } });
  expect(error).toMatchObject({ code: 'COMMAND_UNRUNNABLE' });
  expect(error.message).toContain('"node"');
});

test('a program whose code is cut off', async () => {
  const head = Buffer.alloc(64);
  head.write('\x7fELF\x02\x01\x01', 'latin1');
  head.writeUInt16LE(2, 16);
  head.writeUInt16LE({ x64: 62, arm64: 183, riscv64: 243, s390x: 22 }[process.arch as string] ?? 62, 18);
  const error = await room.failure('', { command: file('cut-off', head) });
  expect(['COMMAND_UNRUNNABLE', 'EXITED_BEFORE_HANDSHAKE', 'SPAWN_FAILED']).toContain(error.code);
  expect(error.facts).toMatchObject({ path: expect.stringMatching(/cut-off$/) });
});
