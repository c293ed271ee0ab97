import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { readFormat } from '../../../host/src/artifact/executable-format';

interface ElfOptions {
  machine: number;
  is64?: boolean;
  big?: boolean;
  interpreter?: string;
}

function elf({ machine, is64 = true, big = false, interpreter }: ElfOptions): Buffer {
  const head = Buffer.alloc(512);
  const u16 = (value: number, at: number) =>
    big ? head.writeUInt16BE(value, at) : head.writeUInt16LE(value, at);
  const u32 = (value: number, at: number) =>
    big ? head.writeUInt32BE(value, at) : head.writeUInt32LE(value, at);
  const word = (value: number, at: number) => {
    if (!is64) u32(value, at);
    else if (big) head.writeBigUInt64BE(BigInt(value), at);
    else head.writeBigUInt64LE(BigInt(value), at);
  };
  head.write('\x7fELF', 'latin1');
  head[4] = is64 ? 2 : 1;
  head[5] = big ? 2 : 1;
  u16(machine, 18);
  if (interpreter !== undefined) {
    word(128, is64 ? 32 : 28);
    u16(56, is64 ? 54 : 42);
    u16(2, is64 ? 56 : 44);
    u32(6, 128);
    u32(3, 128 + 56);
    word(400, 128 + 56 + (is64 ? 8 : 4));
    head.write(`${interpreter}\0`, 400);
  }
  return head;
}

test.each([
  [{ machine: 62 }, 'x64'],
  [{ machine: 183 }, 'arm64'],
  [{ machine: 3, is64: false }, 'ia32'],
  [{ machine: 40, is64: false }, 'arm'],
  [{ machine: 243 }, 'riscv64'],
  [{ machine: 22, big: true }, 's390x'],
  [{ machine: 21, big: true }, 'ppc64'],
  [{ machine: 258 }, 'loong64'],
  [{ machine: 9999 }, 'elf-machine-9999'],
])('an ELF file says what it was built for: %j', (options, architecture) => {
  expect(readFormat(elf(options))).toEqual({ kind: 'elf', architectures: [architecture] });
});

test.each([{ machine: 62 }, { machine: 22, big: true }, { machine: 3, is64: false }])(
  'an ELF file names its loader: %j',
  (options) => {
    expect(readFormat(elf({ ...options, interpreter: '/lib/ld.so.1' })).interpreter).toBe('/lib/ld.so.1');
  },
);

test('an ELF file whose headers lie beyond the head still says what it was built for', () => {
  const head = elf({ machine: 62, interpreter: '/lib/ld.so.1' });
  head.writeBigUInt64LE(35_642_528n, 32);
  expect(readFormat(head)).toEqual({ kind: 'elf', architectures: ['x64'] });
});

test('the program that runs this test is read as it is', () => {
  const head = readFileSync(process.execPath).subarray(0, 4096);
  const format = readFormat(head);
  expect(format.architectures).toContain(process.arch);
  expect(format.kind).toBe({ linux: 'elf', darwin: 'macho', win32: 'pe' }[process.platform as string]);
});

test('Mach-O files, thin and universal', () => {
  const thin = Buffer.alloc(32);
  thin.writeUInt32LE(0xfeedfacf, 0);
  thin.writeUInt32LE(0x0100_000c, 4);
  expect(readFormat(thin)).toEqual({ kind: 'macho', architectures: ['arm64'] });
  const universal = Buffer.alloc(48);
  universal.writeUInt32BE(0xcafebabe, 0);
  universal.writeUInt32BE(2, 4);
  universal.writeUInt32BE(0x0100_0007, 8);
  universal.writeUInt32BE(0x0100_000c, 28);
  expect(readFormat(universal)).toEqual({ kind: 'macho', architectures: ['x64', 'arm64'] });
});

test('a Java class is no universal Mach-O file', () => {
  const head = Buffer.alloc(64);
  head.writeUInt32BE(0xcafebabe, 0);
  head.writeUInt32BE(65, 4);
  expect(readFormat(head).kind).toBe('unknown');
});

test('programs for Windows', () => {
  const head = Buffer.alloc(256);
  head.write('MZ');
  head.writeUInt32LE(128, 60);
  head.write('PE\0\0', 128);
  head.writeUInt16LE(0xaa64, 132);
  expect(readFormat(head)).toEqual({ kind: 'pe', architectures: ['arm64'] });
});

test.each([
  ['#!/bin/sh\necho', '/bin/sh', undefined],
  ['#! /usr/bin/env  node \n', '/usr/bin/env', 'node'],
  ['#!/usr/bin/env -S node --flag a\n', '/usr/bin/env', '-S node --flag a'],
  ['#!/bin/sh\r\n', '/bin/sh\r', undefined],
  ['#!\n', '', undefined],
  ['#!/bin/sh', '/bin/sh', undefined],
])('the first line of a script: %j', (text, interpreter, interpreterArgument) => {
  expect(readFormat(Buffer.from(text))).toEqual({
    kind: 'script',
    architectures: [],
    interpreter,
    ...(interpreterArgument === undefined ? {} : { interpreterArgument }),
  });
});

test('no head makes it throw', () => {
  const magic = fc.constantFrom(
    '\x7fELF\x02\x01',
    '\x7fELF\x01\x02',
    'MZ',
    '#!',
    '\xca\xfe\xba\xbe',
    '\xcf\xfa\xed\xfe',
    '',
  );
  fc.assert(
    fc.property(magic, fc.uint8Array({ maxLength: 300 }), (start, rest) => {
      const format = readFormat(Buffer.concat([Buffer.from(start, 'latin1'), rest]));
      expect(format.architectures.every((name) => typeof name === 'string')).toBe(true);
    }),
  );
});
