import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commandCandidates, resolveCommand } from '../../../host/src/artifact/command';

let temp: string;
beforeAll(() => {
  temp = mkdtempSync(join(tmpdir(), 'command-'));
  for (const directory of ['a', 'b', 'a/tool-directory', 'a/tool']) mkdirSync(join(temp, directory));
  for (const [name, mode] of [
    ['b/tool', 0o755],
    ['a/unmarked', 0o644],
    ['b/unmarked', 0o755],
    ['a/only-unmarked', 0o644],
  ] as const) {
    writeFileSync(join(temp, name), '#!/bin/sh\n');
    chmodSync(join(temp, name), mode);
  }
  symlinkSync(join(temp, 'b/tool'), join(temp, 'a/link'));
});
afterAll(() => rmSync(temp, { recursive: true }));

const path = (): { PATH: string } => ({ PATH: `relative::${join(temp, 'a')}:${join(temp, 'b')}` });

test('a relative path is taken from the working directory, whatever PATH says', () => {
  expect(resolveCommand('./b/tool', temp, {})).toBe(join(temp, 'b/tool'));
  expect(resolveCommand('b/tool', temp, {})).toBe(join(temp, 'b/tool'));
  expect(resolveCommand('../b/tool', join(temp, 'a'), {})).toBe(join(temp, 'b/tool'));
});

test('a bare name is looked up in PATH, past directories and what is not executable', () => {
  expect(resolveCommand('tool', temp, path())).toBe(join(temp, 'b/tool'));
  expect(resolveCommand('unmarked', temp, path())).toBe(join(temp, 'b/unmarked'));
});

test('a symbolic link stays what it is called', () => {
  expect(resolveCommand('./a/link', temp, {})).toBe(join(temp, 'a/link'));
});

test('a bare name is never taken from the working directory', () => {
  expect(() => resolveCommand('tool', join(temp, 'b'), { PATH: '.:' })).toThrow(
    expect.objectContaining({ code: 'COMMAND_NOT_FOUND', facts: { command: 'tool', searched: [] } }),
  );
});

test.each([
  ['./absent', 'COMMAND_NOT_FOUND'],
  ['./b/tool/below-a-file', 'COMMAND_NOT_FOUND'],
  ['./a/tool', 'COMMAND_IS_DIRECTORY'],
  ['./a/unmarked', 'COMMAND_NOT_EXECUTABLE'],
  ['only-unmarked', 'COMMAND_NOT_EXECUTABLE'],
  ['tool-directory', 'COMMAND_NOT_FOUND'],
  ['absent', 'COMMAND_NOT_FOUND'],
  ['', 'OPTIONS_INVALID'],
  ['./a\0b', 'OPTIONS_INVALID'],
])('%j is refused with %s', (command, code) => {
  expect(() => resolveCommand(command, temp, path())).toThrow(expect.objectContaining({ code }));
});

describe('on Windows', () => {
  const env = { Path: 'C:\\tools;"D:\\more tools";relative', PathExt: '.EXE;.CMD' };

  test('names get the extensions of PATHEXT, and names of variables have no case', () => {
    expect(commandCandidates('kv', 'C:\\work', env, 'windows')).toEqual([
      'C:\\tools\\kv.exe',
      'C:\\tools\\kv.cmd',
      'C:\\tools\\kv',
      'D:\\more tools\\kv.exe',
      'D:\\more tools\\kv.cmd',
      'D:\\more tools\\kv',
    ]);
  });

  test('a path is taken from the working directory', () => {
    expect(commandCandidates('.\\bin/kv.EXE', 'C:\\work', env, 'windows')).toEqual(['C:\\work\\bin\\kv.EXE']);
    expect(commandCandidates('bin\\kv', 'C:\\work', {}, 'windows')).toEqual([
      'C:\\work\\bin\\kv.com',
      'C:\\work\\bin\\kv.exe',
      'C:\\work\\bin\\kv',
    ]);
  });
});
