import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { testsAtOnce } from '../support/at-once';
import { OneFileProject } from '../support/one-file-project';

// The command plugd-sdk as it is typed: what it writes, what it says, how it ends.

const full = process.env['PLUGD_FULL'] === '1';

const { atOnce, own } = testsAtOnce(async () => {
  const project = new OneFileProject();
  return { project, close: async () => project.dispose() };
});
const project = () => own().project;

/** The source map at the end of a file. */
function mapOf(path: string): { sources: string[] } {
  const text = readFileSync(path, 'utf8');
  return JSON.parse(Buffer.from(text.slice(text.lastIndexOf(';base64,') + 8), 'base64').toString());
}

describe('a build', () => {
  atOnce('writes one executable file and tells its size and sum', async () => {
    const [plugin, ...more] = await project().build();
    expect(plugin.path).toBe(project().at('dist/one-file'));
    expect(more).toEqual([]);
    expect(readdirSync(project().at('dist'))).toEqual(['one-file']);
    const content = readFileSync(plugin.path);
    expect(plugin.size).toBe(content.length);
    expect(plugin.sha256).toBe(createHash('sha256').update(content).digest('hex'));
    expect(statSync(plugin.path).mode & 0o777).toBe(0o755);
    expect(content.toString()).toMatch(/^#!\/usr\/bin\/env node\n/);
  });

  atOnce('of the same sources has the same sum: again, elsewhere, to another place', async () => {
    const other = new OneFileProject();
    try {
      const [[first], [again], [elsewhere], [place]] = [
        await project().build(),
        await project().build(),
        await other.build(),
        await project().build('--out', other.at('somewhere/else')),
      ];
      expect([again.sha256, elsewhere.sha256, place.sha256]).toEqual(Array(3).fill(first.sha256));
    } finally {
      other.dispose();
    }
  });

  // Every day without --minify, which makes names and spaces shorter, not paths.
  const kinds: [name: string, options: string[]][] = [
    ['as it is', []],
    ['with --minify', ['--minify']],
    ['with --code-cache', ['--code-cache']],
  ];
  atOnce.each(kinds.filter((_, index) => full || index !== 1))(
    '%s contains no path of the machine',
    async (_name, options) => {
      const files = await project().build(...options);
      for (const { path } of files) {
        const text = readFileSync(path, 'latin1');
        for (const place of [project().path, resolve(__dirname, '../..')]) {
          // As they are, and as a relative path would contain them.
          expect(text.includes(place.slice(1))).toBe(false);
        }
      }
      const { sources } = mapOf(files[0].path);
      expect(sources).toEqual(
        expect.arrayContaining(['src/main.ts', 'src/failing.ts', '@plugd/sdk/src/serve.ts']),
      );
      expect(sources.filter((source) => source.startsWith('/') || source.includes('..'))).toEqual([]);
    },
  );

  atOnce('replaces a file in one step and leaves nothing else behind', async () => {
    const [{ path }] = await project().build();
    const before = statSync(path).ino;
    await project().build();
    expect(statSync(path).ino).not.toBe(before);
    expect(readdirSync(project().at('dist'))).toEqual(['one-file']);
  });

  atOnce('writes a launcher for Windows where it is asked for', async () => {
    const [, launcher] = await project().build('--windows-launcher');
    expect(launcher?.path).toBe(project().at('dist/one-file.cmd'));
    expect(readFileSync(project().at('dist/one-file.cmd'), 'utf8')).toContain('node "%~dp0one-file" %*\r\n');
  });

  atOnce('takes the guard of the command where the plugin uses no SDK', async () => {
    rmSync(project().at('node_modules'));
    project().write('src/main.ts', 'console.log(process.stdout.write === undefined);');
    const [{ path }] = await project().build();
    expect(mapOf(path).sources).toContain('@plugd/sdk/src/guard.ts');
    const [bare] = await project().build('--no-guard');
    expect(mapOf(bare.path).sources).not.toContain('@plugd/sdk/src/guard.ts');
  });
});

describe('what cannot be built is told, with exit code 1', () => {
  async function failure(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await project().run(['build', ...args]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^plugd-sdk: /);
    return stderr;
  }

  atOnce('an entry that is not there', async () => {
    expect(await failure('src/mian.ts')).toContain('src/mian.ts does not exist');
  });

  atOnce('a mistake in the TypeScript, with its place', async () => {
    project().write('src/failing.ts', 'export function fail( {\n');
    expect(await failure('src/main.ts')).toMatch(/src\/failing\.ts:2:0/);
    expect(existsSync(project().at('dist'))).toBe(false);
  });

  atOnce('a module that is not there', async () => {
    project().write('src/failing.ts', "export { fail } from 'no-such-package';\n");
    expect(await failure('src/main.ts')).toContain('Could not resolve "no-such-package"');
  });

  atOnce('await at the top, with what to write in its place', async () => {
    project().write('src/main.ts', 'await Promise.resolve();\nexport {};\n');
    expect(await failure('src/main.ts')).toContain('void serve(plugin)');
  });

  atOnce('a native addon', async () => {
    project().write('src/addon.node', '');
    project().write('src/main.ts', "require('./addon.node');\n");
    expect(await failure('src/main.ts')).toContain('A native addon cannot be part of one file.');
  });

  atOnce('a place that can not be written to', async () => {
    project().write('dist', 'a file where the directory should be');
    expect(await failure('src/main.ts')).toMatch(
      /dist\/one-file can't be written: (not a directory|file already exists)/,
    );
  });

  atOnce('a directory in the place of the file', async () => {
    mkdirSync(project().at('dist'));
    expect(await failure('src/main.ts', '-o', 'dist')).toContain('is a directory');
  });

  atOnce('esbuild missing, with how to install it', async () => {
    const sdk = project().at('packages/node_modules/@plugd/sdk');
    const repository = resolve(__dirname, '../..');
    for (const part of ['package.json', 'bin', 'dist']) {
      cpSync(join(repository, 'sdk', part), join(sdk, part), { recursive: true });
    }
    symlinkSync(join(repository, 'proto'), join(sdk, '../protocol'));
    rmSync(project().at('node_modules'));
    const args = ['build', 'src/main.ts'];
    const { code, stderr } = await project().run(args, [process.execPath, join(sdk, 'bin/plugd-sdk.js')]);
    expect(code).toBe(1);
    expect(stderr).toBe('plugd-sdk: esbuild is not installed. Run: npm install --save-dev esbuild\n');
  });
});

atOnce('wrong usage ends with exit code 2, and help with 0', async () => {
  const wrong = await project().run(['build', '--no-such-option']);
  expect(wrong).toMatchObject({ code: 2, stdout: '' });
  expect(wrong.stderr).toContain('--no-such-option');
  const help = await project().run(['--help']);
  expect(help).toMatchObject({ code: 0, stderr: '' });
  expect(help.stdout).toContain('plugd-sdk build <entry>');
});

atOnce('a plugin that runs from its modules loads nothing of the command', async () => {
  const script = "require('@plugd/sdk'); console.log(JSON.stringify(Object.keys(require.cache)))";
  const { stdout } = await project().run([], [process.execPath, '-e', script]);
  const loaded = (JSON.parse(stdout) as string[]).filter((path) => path.includes('/sdk/'));
  expect(loaded.length).toBeGreaterThan(10);
  expect(loaded.filter((path) => path.includes('/cli/'))).toEqual([]);
});
