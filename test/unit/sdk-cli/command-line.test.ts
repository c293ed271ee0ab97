import { join, resolve } from 'node:path';
import type { BuildOptions } from '../../../sdk/src/cli/build-options';
import { CommandError } from '../../../sdk/src/cli/command-error';
import { parseCommandLine } from '../../../sdk/src/cli/command-line';

const cwd = resolve('/somewhere');

function optionsOf(args: readonly string[], platform: NodeJS.Platform = 'linux'): BuildOptions {
  const command = parseCommandLine(['build', ...args], cwd, platform);
  if (command.kind !== 'build') throw new Error(`it is ${command.kind}`);
  return command.options;
}

test('what is left out has its default', () => {
  expect(optionsOf(['src/main.ts'])).toEqual({
    entry: join(cwd, 'src/main.ts'),
    output: undefined,
    defines: new Map(),
    minify: false,
    codeCache: false,
    binary: false,
    guard: true,
    windowsLauncher: false,
    node: undefined,
  });
});

test('each option is taken', () => {
  const args = [
    '-o',
    'out/kv',
    '--minify',
    '--code-cache',
    '--no-guard',
    '--windows-launcher',
    '--node',
    '/n',
  ];
  expect(optionsOf(['main.ts', ...args])).toMatchObject({
    output: join(cwd, 'out/kv'),
    minify: true,
    codeCache: true,
    guard: false,
    windowsLauncher: true,
    node: '/n',
  });
  expect(optionsOf(['main.ts', '--binary'])).toMatchObject({ binary: true });
});

test('definitions are texts, and may contain what they like', () => {
  const args = ['A=1.0', 'process.env.B=a=b c', 'C='].flatMap((text) => ['--define', text]);
  expect([...optionsOf(['main.ts', ...args]).defines]).toEqual([
    ['A', '1.0'],
    ['process.env.B', 'a=b c'],
    ['C', ''],
  ]);
});

test('on Windows a launcher is written unasked, except for a binary', () => {
  expect(optionsOf(['main.ts'], 'win32').windowsLauncher).toBe(true);
  expect(optionsOf(['main.ts', '--binary'], 'win32').windowsLauncher).toBe(false);
});

test.each([['--help'], ['-h'], ['build', '--help']])('%s asks for help', (...args) => {
  expect(parseCommandLine(args, cwd, 'linux')).toEqual({ kind: 'help' });
});

test.each([
  [[]],
  [['bild', 'main.ts']],
  [['build']],
  [['build', 'main.ts', 'more.ts']],
  [['build', 'main.ts', '--unknown']],
  [['build', 'main.ts', '--out']],
  [['build', 'main.ts', '--out', '']],
  [['build', 'main.ts', '--define', 'A']],
  [['build', 'main.ts', '--define', '=1']],
  [['build', 'main.ts', '--define', 'a-b=1']],
  [['build', 'main.ts', '--minify=yes']],
  [['build', 'main.ts', '--node', 'bin/node']],
  [['build', 'main.ts', '--node', '/a path/node']],
  [['build', 'main.ts', '--node', `/${'n'.repeat(130)}`]],
  [['build', 'main.ts', '--binary', '--node', '/n']],
  [['build', 'main.ts', '--binary', '--windows-launcher']],
])('%j is refused as wrong usage', (args) => {
  expect(() => parseCommandLine(args, cwd, 'linux')).toThrow(CommandError);
  expect(() => parseCommandLine(args, cwd, 'linux')).toThrow(expect.objectContaining({ exitCode: 2 }));
});
