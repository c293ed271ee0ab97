import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PluginError } from '@plugd/protocol/plugin-error';
import { ConfigCopies } from '../../../host/src/resources/config-copies';
import { Directories } from './directories';

let source: string;
let directories: Directories;
let copies: ConfigCopies;
beforeEach(() => {
  source = mkdtempSync(join(tmpdir(), 'config-'));
  directories = new Directories();
  copies = new ConfigCopies(directories);
});
afterEach(() => {
  rmSync(source, { recursive: true, force: true });
  directories.dispose();
});

const mode = (path: string): number => statSync(path).mode & 0o777;
const put = (path: string, text: string): void => writeFileSync(join(source, path), text);
async function refusal(path = source): Promise<PluginError> {
  const error: unknown = await copies.take(path).then(
    () => new Error('it was taken'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof PluginError)) throw error;
  expect(readdirSync(directories.root)).toEqual([]);
  return error;
}

test('a copy holds what the directory holds, for reading alone', async () => {
  put('a.json', '{}');
  mkdirSync(join(source, 'deep'));
  put('deep/run.sh', '#!/bin/sh');
  chmodSync(join(source, 'deep/run.sh'), 0o755);
  const { path } = await copies.take(source);
  expect(readdirSync(path, { recursive: true }).map(String).sort()).toEqual([
    'a.json',
    'deep',
    'deep/run.sh',
  ]);
  expect(readFileSync(join(path, 'a.json'), 'utf8')).toBe('{}');
  expect(['', 'a.json', 'deep', 'deep/run.sh'].map((name) => mode(join(path, name)))).toEqual([
    0o500, 0o400, 0o500, 0o500,
  ]);
});

test('what is done to the directory later shows in no copy that is there', async () => {
  put('a', '1');
  const { path } = await copies.take(source);
  put('a', '2');
  expect(readFileSync(join(path, 'a'), 'utf8')).toBe('1');
});

test('the same content is one copy, which goes with its last user', async () => {
  put('a', '1');
  const [first, second] = await Promise.all([copies.take(source), copies.take(source)]);
  const third = first.another();
  expect([second.path, third.path]).toEqual([first.path, first.path]);
  await first.release();
  await first.release();
  await second.release();
  expect(existsSync(first.path)).toBe(true);
  await third.release();
  expect(existsSync(first.path)).toBe(false);
  expect(directories.removed).toEqual([first.path]);
});

test.each<[string, () => void]>([
  ['a file changes', () => put('a', '2')],
  ['a file comes', () => put('b', '1')],
  ['a file may be executed', () => chmodSync(join(source, 'a'), 0o755)],
  ['a directory comes', () => mkdirSync(join(source, 'd'))],
  ['a file has another name', () => renameSync(join(source, 'a'), join(source, 'c'))],
])('when %s, whoever comes then gets another copy, and the former ones keep theirs', async (_, change) => {
  put('a', '1');
  const before = await copies.take(source);
  change();
  const after = await copies.take(source);
  expect(after.path).not.toBe(before.path);
  await before.release();
  expect([existsSync(before.path), existsSync(after.path)]).toEqual([false, true]);
});

test('a copy that somebody has cleaned up is made anew', async () => {
  put('a', '1');
  const lost = await copies.take(source);
  rmSync(lost.path, { recursive: true });
  expect(lost.usable).toBe(false);
  const next = await copies.take(source);
  expect(readFileSync(join(next.path, 'a'), 'utf8')).toBe('1');
});

test('what links lead to is copied, and the versions that Kubernetes keeps are left out', async () => {
  mkdirSync(join(source, '..2026'));
  put('..2026/key', 'value');
  symlinkSync('..2026', join(source, '..data'));
  symlinkSync('..data/key', join(source, 'key'));
  const { path } = await copies.take(source);
  expect(readdirSync(path)).toEqual(['key']);
  expect(readFileSync(join(path, 'key'), 'utf8')).toBe('value');
});

test('a directory that is not there is refused', async () => {
  rmSync(source, { recursive: true });
  const error = await refusal();
  expect([error.code, error.facts['path'], error.fault]).toEqual(['CONFIG_UNREADABLE', source, 'operator']);
  mkdirSync(source);
});

test('a file in the place of a configuration is refused', async () => {
  put('f', '');
  const path = join(source, 'f');
  expect(await refusal(path)).toMatchObject({ code: 'CONFIG_UNREADABLE', facts: { path } });
});

test.each<[string, () => void, string]>([
  ['a link that leads nowhere', () => symlinkSync('nowhere', join(source, 'l')), 'l'],
  ['a pipe, which nobody waits for', () => void execFileSync('mkfifo', [join(source, 'p')]), 'p'],
  ['a link to the directory itself', () => symlinkSync('.', join(source, 'self')), 'self'],
])('%s in a configuration is refused', async (_, make, name) => {
  make();
  const error = await refusal();
  expect(error.code).toBe('CONFIG_UNREADABLE');
  expect(String(error.facts['path'])).toContain(join(source, name));
});

test('what is too large for a configuration is refused before it is read', async () => {
  put('big', '');
  truncateSync(join(source, 'big'), 64 * 1024 * 1024 + 1);
  expect((await refusal()).code).toBe('CONFIG_UNREADABLE');
});

test('a directory without rest is given up', async () => {
  // Who makes the place for a copy has looked at the source before: each copy is too late.
  let writes = 0;
  put('a', '');
  const restless = Object.assign(directories, {
    makeSharedDirectory: () => {
      put('a', String(++writes));
      return mkdtempSync(join(directories.root, 's-'));
    },
  });
  copies = new ConfigCopies(restless);
  expect((await refusal()).summary).toContain('kept changing');
  expect(writes).toBe(3);
});

test('a change while it is copied is seen, and what comes of it is of one moment', async () => {
  put('a', '1');
  let first = true;
  copies = new ConfigCopies(
    Object.assign(directories, {
      makeSharedDirectory: () => {
        if (first) put('a', '2');
        first = false;
        return mkdtempSync(join(directories.root, 's-'));
      },
    }),
  );
  const copy = await copies.take(source);
  expect(readFileSync(join(copy.path, 'a'), 'utf8')).toBe('2');
  expect(readdirSync(directories.root)).toHaveLength(1);
});

test('the copy of another host is guarded while it is used, and goes with its last user here', async () => {
  const path = directories.makeSharedDirectory();
  const [one, two] = [copies.adopt(path), copies.adopt(path)];
  expect([...directories.guarded]).toEqual([path]);
  await one.release();
  expect(existsSync(path)).toBe(true);
  await two.release();
  expect([existsSync(path), directories.guarded.size]).toEqual([false, 0]);
});

test('the copy of another host stays where it is when this one has no use for it', async () => {
  const path = directories.makeSharedDirectory();
  copies.adopt(path).abandon();
  expect([existsSync(path), directories.guarded.size]).toEqual([true, 0]);
});
