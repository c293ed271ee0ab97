import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkRunnable } from '../../../host/src/artifact/runnable';

const temp = mkdtempSync(join(tmpdir(), 'runnable-'));
afterAll(() => rmSync(temp, { recursive: true }));

function file(name: string, content: string | Buffer): string {
  const path = join(temp, name);
  writeFileSync(path, content);
  chmodSync(path, 0o755);
  return path;
}

function elf(machine: number, interpreter?: string): Buffer {
  const head = Buffer.alloc(256);
  head.write('\x7fELF\x02\x01\x01', 'latin1');
  head.writeUInt16LE(machine, 18);
  if (interpreter !== undefined) {
    head.writeBigUInt64LE(64n, 32);
    head.writeUInt16LE(56, 54);
    head.writeUInt16LE(1, 56);
    head.writeUInt32LE(3, 64);
    head.writeBigUInt64LE(200n, 72);
    head.write(`${interpreter}\0`, 200);
  }
  return head;
}

const machine = { env: { PATH: process.env['PATH'] }, binfmtDirectory: '/no/such/directory' };

test('what fits the machine passes, with what is known of it', async () => {
  const path = file('fits', elf(62));
  expect(await checkRunnable(path, { ...machine, system: 'linux', architecture: 'x64' })).toMatchObject({
    path,
    kind: 'elf',
    architectures: ['x64'],
    mode: '-rwxr-xr-x',
    size: 256,
  });
});

test.each([
  ['linux', 'x64', 3, true],
  ['linux', 'arm64', 40, true],
  ['linux', 'x64', 183, false],
  ['linux', 'arm64', 62, false],
] as const)('on %s %s, ELF machine %d: %p', async (system, architecture, built, runs) => {
  const checked = checkRunnable(file('elf', elf(built)), { ...machine, system, architecture });
  if (runs) await checked;
  else await expect(checked).rejects.toMatchObject({ code: 'WRONG_ARCHITECTURE' });
});

test('macOS on ARM runs programs for x64', async () => {
  const head = Buffer.alloc(64);
  head.writeUInt32LE(0xfeedfacf, 0);
  head.writeUInt32LE(0x0100_0007, 4);
  const path = file('macho', head);
  await checkRunnable(path, { ...machine, system: 'darwin', architecture: 'arm64' });
  await expect(checkRunnable(path, { ...machine, system: 'linux' })).rejects.toMatchObject({
    code: 'COMMAND_UNRUNNABLE',
  });
});

test('on Windows only programs for Windows can be started without a shell', async () => {
  const target = { ...machine, system: 'win32', architecture: 'x64' } as const;
  for (const path of [file('batch.cmd', '@echo off\r\n'), file('script', '#!/bin/sh\n')])
    await expect(checkRunnable(path, target)).rejects.toMatchObject({ code: 'COMMAND_UNRUNNABLE' });
});

test('a loader that is missing is named', async () => {
  const path = file('musl', elf(62, '/lib/ld-not-here.so.1'));
  await expect(
    checkRunnable(path, { ...machine, system: 'linux', architecture: 'x64' }),
  ).rejects.toMatchObject({
    code: 'COMMAND_UNRUNNABLE',
    facts: { interpreter: '/lib/ld-not-here.so.1' },
  });
});

const onLinux = process.platform === 'linux' ? test : test.skip;

onLinux.each([100, 1_000, 5_000])(
  'a program of which %d bytes were copied is not run: it says what is missing',
  async (size) => {
    const whole = readFileSync('/bin/true').subarray(0, size);
    const error = await checkRunnable(file('cut', whole), machine).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'COMMAND_UNRUNNABLE',
      message: expect.stringMatching(new RegExp(`it is cut off: it has ${size} bytes, \\d+ are needed`)),
    });
  },
);

onLinux('a program is whole without what is not loaded, wherever its headers stand', async () => {
  await checkRunnable('/bin/sh', machine);
  const bytes = elf(62);
  const headers = Buffer.alloc(112);
  for (const [at, offset, size] of [
    [0, 0n, 256n],
    [56, 4_000n, 1_096n],
  ] as const) {
    headers.writeUInt32LE(1, at);
    headers.writeBigUInt64LE(offset, at + 8);
    headers.writeBigUInt64LE(size, at + 32);
  }
  bytes.writeBigUInt64LE(5_000n, 32);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(2, 56);
  const whole = Buffer.concat([bytes, Buffer.alloc(5_000 - bytes.length), headers]);
  const target = { ...machine, system: 'linux', architecture: 'x64' } as const;
  await checkRunnable(file('moved', whole), target);
  for (const missing of [1, 60, 112])
    await expect(checkRunnable(file('cut', whole.subarray(0, -missing)), target)).rejects.toMatchObject({
      message: expect.stringContaining('it is cut off'),
    });
  headers.writeBigUInt64LE(1_113n, 56 + 32);
  whole.set(headers, 5_000);
  await expect(checkRunnable(file('cut', whole), target)).rejects.toMatchObject({
    message: expect.stringContaining('it has 5112 bytes, 5113 are needed'),
  });
});

test('a handler that the system has for it makes any file runnable', async () => {
  const directory = mkdtempSync(join(temp, 'binfmt-'));
  writeFileSync(join(directory, 'all'), 'enabled\nextension .odd\n');
  await checkRunnable(file('thing.odd', 'odd'), { ...machine, binfmtDirectory: directory });
});

test.each([
  ['#!/usr/bin/env plugd-no-such-program\n', 'plugd-no-such-program'],
  ['#!/usr/bin/env -S plugd-no-such-program --x\n', 'plugd-no-such-program'],
  ['#!/usr/bin/env sh\r\n', 'sh\\r'],
])('a program that env would not find is named: %j', async (text, named) => {
  const error = await checkRunnable(file('script', text), machine).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'COMMAND_UNRUNNABLE', message: expect.stringContaining(named) });
});

test.each(['#!/usr/bin/env sh\n', '#!/usr/bin/env -i sh\n', '#!/usr/bin/env A=b sh\n', '#!/bin/sh -e\n'])(
  'a first line that works, or that is not judged, passes: %j',
  async (text) => {
    await checkRunnable(file('script', text), machine);
  },
);

test('a carriage return in the first line is named, with the remedy', async () => {
  const error = await checkRunnable(file('dos', '#!/bin/sh\r\necho\r\n'), machine).catch(
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ code: 'COMMAND_UNRUNNABLE', hint: expect.stringContaining('LF') });
});
