import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { digestArtifact } from '../../../host/src/artifact/artifact-tree';
import { copyArtifact } from '../../../host/src/manifest/copy-artifact';
import { manifest, sum, Workbench } from './workbench';

// A change in the middle of a copy is made where it matters: just after a file was copied, or just before.
let during: ((source: string) => void) | undefined;
jest.mock('node:fs/promises', () => {
  const real = jest.requireActual('node:fs/promises');
  return {
    ...real,
    copyFile: jest.fn(async (source: string, ...rest: unknown[]) => {
      await real.copyFile(source, ...rest);
      during?.(source);
    }),
  };
});

let bench: Workbench;
beforeEach(() => {
  bench = new Workbench();
});
afterEach(() => {
  during = undefined;
  bench.remove();
});

const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
const left = () => readdirSync(bench.copies);
const withoutSums = (more: Readonly<Record<string, string>> = {}) =>
  bench.put('kv/1.0.0', { kv: 'program', 'plugin.yaml': manifest('kv', '1.0.0'), ...more });

test('the copy holds all files, for this user alone, and says so by its digest', async () => {
  const directory = bench.artifact('kv', '1.0.0', {
    kv: 'program',
    'lib/a.so': 'library',
    'lib/deep/tool': 'tool',
  });
  const copy = await copyArtifact(directory, bench.copies);
  expect(copy).toMatchObject({ source: directory, manifest: { name: 'kv', version: '1.0.0' } });
  expect(readFileSync(join(copy.directory, 'lib/deep/tool'), 'utf8')).toBe('tool');
  const modes = ['', 'kv', 'plugin.yaml', 'lib', 'lib/a.so', 'lib/deep/tool'].map((file) =>
    mode(join(copy.directory, file)),
  );
  expect(modes).toEqual(['700', '500', '400', '700', '400', '500']);
  expect(copy.digest).toBe(await digestArtifact(directory));
  expect(statSync(join(copy.directory, 'kv')).nlink).toBe(1);
  expect(statSync(join(copy.directory, 'kv')).ino).not.toBe(statSync(join(directory, 'kv')).ino);
});

test('the original may be overwritten in place, renamed and deleted: the copy stays what it was', async () => {
  const directory = bench.artifact('kv', '1.0.0');
  const copy = await copyArtifact(directory, bench.copies);
  writeFileSync(join(directory, 'kv'), 'other');
  renameSync(directory, `${directory}-old`);
  rmSync(`${directory}-old`, { recursive: true });
  expect(readFileSync(join(copy.directory, 'kv'), 'utf8')).toBe('program');
});

test('an artifact that is not the one that was chosen any more is refused', async () => {
  const directory = bench.artifact('kv', '1.0.0');
  await copyArtifact(directory, bench.copies, { name: 'kv', version: '1.0.0' });
  const before = left();
  await expect(copyArtifact(directory, bench.copies, { name: 'kv', version: '1.0.1' })).rejects.toMatchObject(
    {
      code: 'ARTIFACT_MISPLACED',
    },
  );
  expect(left()).toEqual(before);
});

test('places may be given from the working directory on', async () => {
  const directory = bench.artifact('kv', '1.0.0');
  const copy = await copyArtifact(relative('.', directory), relative('.', bench.copies));
  expect(dirname(copy.directory)).toBe(bench.copies);
});

test('what the manifest runs may be executed in the copy, however it was brought here', async () => {
  const directory = withoutSums({ 'data.txt': '' });
  chmodSync(join(directory, 'kv'), 0o644);
  const copy = await copyArtifact(directory, bench.copies);
  expect([mode(join(copy.directory, 'kv')), mode(join(copy.directory, 'data.txt'))]).toEqual(['500', '400']);
});

test('files that differ, are missing or are not listed are refused, all of them at once', async () => {
  const directory = bench.artifact('kv', '1.0.0', { kv: 'program', 'a.txt': 'a', 'b.txt': 'b' });
  writeFileSync(join(directory, 'a.txt'), 'A');
  rmSync(join(directory, 'b.txt'));
  writeFileSync(join(directory, 'c.txt'), 'c');
  await expect(copyArtifact(directory, bench.copies)).rejects.toMatchObject({
    code: 'ARTIFACT_CHANGED',
    facts: {
      path: directory,
      differing: [
        { path: 'a.txt', expected: sum('a'), actual: sum('A') },
        { path: 'b.txt', expected: sum('b'), actual: undefined },
      ],
      additional: ['c.txt'],
    },
  });
  expect(left()).toEqual([]);
});

test.each([
  ['overwritten', (file: string) => writeFileSync(file, 'other')],
  ['lengthened', (file: string) => appendFileSync(file, 'more')],
  ['taken away', (file: string) => rmSync(file)],
])('without sums, a file that is %s in the middle of the copy is found', async (_, change) => {
  const directory = withoutSums();
  during = (source) => {
    if (source.endsWith('plugin.yaml')) change(join(directory, 'kv'));
  };
  await expect(copyArtifact(directory, bench.copies)).rejects.toMatchObject({ code: 'ARTIFACT_CHANGED' });
  expect(left()).toEqual([]);
});

test('with sums, a file that changes before it is copied is found', async () => {
  const directory = bench.artifact('kv', '1.0.0', { 'a.txt': 'a', kv: 'program' });
  during = (source) => {
    if (source.endsWith('a.txt')) writeFileSync(join(directory, 'kv'), 'other');
  };
  await expect(copyArtifact(directory, bench.copies)).rejects.toMatchObject({ code: 'ARTIFACT_CHANGED' });
  expect(left()).toEqual([]);
});

test('with sums, a file that changes after it was copied is none of the copy’s business', async () => {
  const directory = bench.artifact('kv', '1.0.0');
  during = (source) => {
    if (source.endsWith('kv')) writeFileSync(join(directory, 'kv'), 'other');
  };
  const copy = await copyArtifact(directory, bench.copies);
  expect(readFileSync(join(copy.directory, 'kv'), 'utf8')).toBe('program');
});

test('a directory that goes while it is copied leaves nothing', async () => {
  const directory = bench.artifact('kv', '1.0.0', { 'a.txt': 'a', kv: 'program' });
  during = () => rmSync(directory, { recursive: true, force: true });
  await expect(copyArtifact(directory, bench.copies)).rejects.toMatchObject({ code: 'ARTIFACT_CHANGED' });
  expect(left()).toEqual([]);
});

test('a full disk is told as such and leaves nothing', async () => {
  const directory = bench.artifact('kv', '1.0.0');
  const full = Object.assign(new Error('no space'), { code: 'ENOSPC' });
  jest.mocked(copyFile).mockRejectedValueOnce(full);
  await expect(copyArtifact(directory, bench.copies)).rejects.toMatchObject({
    code: 'RUN_DIR_FULL',
    cause: full,
  });
  expect(left()).toEqual([]);
});

test.each([
  ['without a manifest', () => bench.put('kv/1.0.0', { kv: '' }), 'MANIFEST_NOT_FOUND'],
  ['with a bad one', () => bench.put('kv/1.0.0', { 'plugin.yaml': 'a: 1' }), 'MANIFEST_INVALID'],
  ['that is not there', () => join(bench.plugins, 'kv/9.9.9'), 'ARTIFACT_UNREADABLE'],
])('a directory %s is refused and leaves nothing', async (_, make, code) => {
  const directory = make();
  const error = await copyArtifact(directory, bench.copies).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code });
  // Nobody knows the copy: messages are about the original.
  expect(JSON.stringify(error)).not.toContain(bench.copies);
  expect(left()).toEqual([]);
});

test('a place where nothing can be made is refused', async () => {
  const directory = bench.artifact('kv', '1.0.0');
  await expect(copyArtifact(directory, join(bench.root, 'absent'))).rejects.toMatchObject({
    code: 'RUN_DIR_UNSAFE',
  });
});

test('a pipe is refused unopened', async () => {
  const directory = withoutSums();
  execFileSync('mkfifo', [join(directory, 'pipe')]);
  await expect(copyArtifact(directory, bench.copies)).rejects.toMatchObject({
    code: 'ARTIFACT_UNREADABLE',
    facts: { path: join(directory, 'pipe') },
  });
});

describe('links', () => {
  test('to a file of the same artifact become files of their own', async () => {
    const directory = withoutSums({ 'lib/a.so.1': 'library' });
    symlinkSync('a.so.1', join(directory, 'lib/a.so'));
    symlinkSync('a.so', join(directory, 'lib/b.so'));
    const copy = await copyArtifact(directory, bench.copies);
    expect(readFileSync(join(copy.directory, 'lib/b.so'), 'utf8')).toBe('library');
    expect(statSync(join(copy.directory, 'lib/a.so'), { bigint: false }).isFile()).toBe(true);
    expect(copy.digest).toBe(await digestArtifact(directory));
  });

  test.each([
    ['out of the directory', '../../../copies'],
    ['to a file outside', '/etc/hostname'],
    ['to a directory', 'lib'],
    ['to its own directory', '.'],
    ['to nothing', 'absent'],
    ['to itself', 'link'],
  ])('%s are refused', async (_, target) => {
    const directory = withoutSums({ 'lib/a': '' });
    symlinkSync(target, join(directory, 'link'));
    await expect(copyArtifact(directory, bench.copies)).rejects.toMatchObject({
      code: 'ARTIFACT_UNREADABLE',
      facts: { path: join(directory, 'link') },
    });
    expect(left()).toEqual([]);
  });
});

describe('release', () => {
  test('removes the copy, also what the plugin wrote and closed, and may be called again', async () => {
    const copy = await copyArtifact(bench.artifact('kv', '1.0.0'), bench.copies);
    mkdirSync(join(copy.directory, 'cache/inner'), { recursive: true });
    writeFileSync(join(copy.directory, 'cache/inner/file'), '', { mode: 0o400 });
    chmodSync(join(copy.directory, 'cache/inner'), 0o500);
    chmodSync(join(copy.directory, 'cache'), 0o500);
    await Promise.all([copy.release(), copy.release()]);
    expect(left()).toEqual([]);
    await copy.release();
  });

  test('of one copy leaves the others', async () => {
    const directory = bench.artifact('kv', '1.0.0');
    const [one, other] = await Promise.all([
      copyArtifact(directory, bench.copies),
      copyArtifact(directory, bench.copies),
    ]);
    await one.release();
    expect([existsSync(one.directory), existsSync(other.directory)]).toEqual([false, true]);
  });
});

describe('the digest', () => {
  test.each([
    ['a byte', (at: string) => writeFileSync(join(at, 'a.txt'), 'A')],
    ['a name', (at: string) => renameSync(join(at, 'a.txt'), join(at, 'b.txt'))],
    ['a right', (at: string) => chmodSync(join(at, 'a.txt'), 0o755)],
    ['one more file', (at: string) => writeFileSync(join(at, 'c.txt'), '')],
    ['the manifest', (at: string) => appendFileSync(join(at, 'plugin.yaml'), '# more\n')],
  ])('is another one after %s has changed', async (_, change) => {
    const directory = withoutSums({ 'a.txt': 'a' });
    const before = await digestArtifact(directory);
    expect(await digestArtifact(directory)).toBe(before);
    change(directory);
    expect(await digestArtifact(directory)).not.toBe(before);
  });

  test('is the same after a move, a touch and an empty directory', async () => {
    const directory = withoutSums({ 'a.txt': 'a' });
    const before = await digestArtifact(directory);
    mkdirSync(join(directory, 'empty'));
    writeFileSync(join(directory, 'a.txt'), 'a');
    renameSync(directory, join(bench.plugins, 'moved'));
    expect(await digestArtifact(join(bench.plugins, 'moved'))).toBe(before);
  });
});
