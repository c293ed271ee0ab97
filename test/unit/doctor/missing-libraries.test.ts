import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readElfLinks } from '../../../host/src/doctor/elf-file';
import { parseLoaderCache, readLoaderCache } from '../../../host/src/doctor/loader-cache';
import { searchLibraries } from '../../../host/src/doctor/missing-libraries';
import { patched, Ward } from './ward';

// With real programs of this machine, altered where something is to be wrong.

const ward = new Ward();
afterAll(() => ward.remove());

const program = readElfLinks('/bin/true');
const onGlibc = process.platform === 'linux' && program?.needed.includes('libc.so.6') === true;
const linux = onGlibc ? test : test.skip;

/** What the system's own loader says. */
function loaderSays(path: string): string {
  try {
    return execFileSync(path, { encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    return String((error as { stderr?: unknown }).stderr);
  }
}

linux('a program whose libraries are all there lacks none', () => {
  expect(searchLibraries('/bin/true')).toMatchObject({
    missing: [],
    isStatic: false,
    found: expect.any(Map),
  });
  // Node itself has many, and more behind them.
  const node = searchLibraries(process.execPath);
  expect(node?.missing).toEqual([]);
  expect(node?.found.size).toBeGreaterThan(3);
});

linux('a library that is missing is named as the loader names it', () => {
  const file = patched('/bin/true', ward.path('lacking'), 'libc.so.6', 'libq.so.6');
  expect(loaderSays(file)).toContain('libq.so.6');
  expect(searchLibraries(file)?.missing).toEqual([{ name: 'libq.so.6', neededBy: file }]);
});

linux('LD_LIBRARY_PATH counts', () => {
  const file = patched('/bin/true', ward.path('helped'), 'libc.so.6', 'libr.so.6');
  mkdirSync(ward.path('libs'));
  copyFileSync(searchLibraries('/bin/true')?.found.get('libc.so.6') ?? '', ward.path('libs/libr.so.6'));
  expect(searchLibraries(file, {})?.missing).toHaveLength(1);
  expect(searchLibraries(file, { LD_LIBRARY_PATH: `/nowhere:${ward.path('libs')}` })?.missing).toEqual([]);
});

linux('a library that is too old is told with the version that it lacks', () => {
  const [version = ''] = [...(program?.neededVersions.get('libc.so.6') ?? [])].sort().reverse();
  expect(version).toMatch(/^GLIBC_2\./);
  const file = patched('/bin/true', ward.path('newer'), version, version.replace('_2', '_9'));
  expect(loaderSays(file)).toContain(version.replace('_2', '_9'));
  expect(searchLibraries(file)?.missing).toEqual([
    {
      name: 'libc.so.6',
      neededBy: file,
      found: expect.stringContaining('libc.so.6'),
      lacks: [version.replace('_2', '_9')],
    },
  ]);
});

const compiler = ['/usr/bin/cc', '/usr/bin/gcc'].find((path) => existsSync(path));
(onGlibc && compiler !== undefined ? test : test.skip)(
  'a library beside the program is found by $ORIGIN, and what that lacks is told as its own',
  () => {
    const cc = (...args: string[]) => execFileSync(compiler ?? '', args, { cwd: ward.directory });
    writeFileSync(ward.path('far.c'), 'int far(void) { return 1; }');
    writeFileSync(ward.path('near.c'), 'int far(void); int near(void) { return far(); }');
    writeFileSync(ward.path('main.c'), 'int near(void); int main(void) { return near() - 1; }');
    mkdirSync(ward.path('app/lib'), { recursive: true });
    cc('-shared', '-fPIC', '-o', 'app/lib/libfar.so', 'far.c');
    cc('-shared', '-fPIC', '-o', 'app/lib/libnear.so', 'near.c', '-Lapp/lib', '-lfar', '-Wl,-rpath,$ORIGIN');
    cc(
      '-o',
      'app/main',
      'main.c',
      '-Lapp/lib',
      '-lnear',
      '-Wl,-rpath,$ORIGIN/lib',
      '-Wl,-rpath-link,app/lib',
    );
    expect(searchLibraries(ward.path('app/main'))?.missing).toEqual([]);
    execFileSync(ward.path('app/main'));
    execFileSync('rm', [ward.path('app/lib/libfar.so')]);
    expect(searchLibraries(ward.path('app/main'))?.missing).toEqual([
      { name: 'libfar.so', neededBy: join(ward.directory, 'app/lib/libnear.so') },
    ]);
  },
);

test('a script, a text and a directory ask for no libraries', () => {
  writeFileSync(ward.path('script'), '#!/bin/sh\n');
  expect(searchLibraries(ward.path('script'))).toBeUndefined();
  expect(searchLibraries(ward.directory)).toBeUndefined();
  expect(searchLibraries(ward.path('missing'))).toBeUndefined();
});

linux('a damaged program is no program, wherever it was damaged', () => {
  const whole = readFileSync('/bin/true');
  for (let step = 0; step < 150; step++) {
    const bytes = Buffer.from(whole);
    // Within the headers and the tables behind them, one byte after the other.
    const at = (step * 37) % 4_096;
    bytes[at] = (bytes[at] ?? 0) ^ 0xff;
    writeFileSync(ward.path('damaged'), bytes.subarray(0, step % 3 === 0 ? at + 1 : bytes.length));
    expect(() => readElfLinks(ward.path('damaged'))).not.toThrow();
  }
});

(existsSync('/etc/ld.so.cache') && existsSync('/sbin/ldconfig') ? test : test.skip)(
  "the loader's cache is read as ldconfig tells it",
  () => {
    const lines = execFileSync('/sbin/ldconfig', ['-p'], { encoding: 'utf8' }).split('\n').slice(1);
    const told = lines.flatMap((line) => /^\t(\S+) .* => (.*)$/.exec(line)?.slice(1, 3).join(' => ') ?? []);
    const read = [...readLoaderCache()].flatMap(([name, files]) => files.map((file) => `${name} => ${file}`));
    expect(read.length).toBeGreaterThan(10);
    expect(read.sort()).toEqual(told.sort());
  },
);

test('a cache that is cut off or of another form is none', () => {
  expect(parseLoaderCache(Buffer.from('ld.so-1.7.0'))).toEqual(new Map());
  writeFileSync(ward.path('cache'), 'glibc-ld.so.cache1.1\u0005\0\0\0');
  expect(readLoaderCache(ward.path('cache'))).toEqual(new Map());
  expect(readLoaderCache(ward.path('missing'))).toEqual(new Map());
});
