import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listVersions } from '../../../host/src/watch/list-versions';
import { TreeWatch } from '../../../host/src/watch/tree-watch';
import { poll } from '../../support/poll';

let root: string;
let changes: number;
let tree: TreeWatch;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tree-watch-'));
  changes = 0;
  tree = new TreeWatch(() => changes++);
});
afterEach(() => {
  tree.close();
  rmSync(root, { recursive: true, force: true });
});

const unknown = (...paths: readonly string[]) => new Map(paths.map((path) => [path, undefined]));

const told = (before: number) =>
  poll(
    async () => changes,
    (now) => now > before,
  );

test('a directory that was not watched yet is told of, and one that is gone or watched already is not', () => {
  const kv = join(root, 'kv');
  expect(tree.follow(unknown(root, kv))).toBe(true);
  expect(tree.follow(unknown(root, kv))).toBe(false);
  mkdirSync(kv);
  expect(tree.follow(unknown(root, kv))).toBe(true);
  expect(tree.follow(unknown(root, kv))).toBe(false);
  expect(tree.follow(unknown(root))).toBe(false);
  expect(tree.follow(unknown(root, kv))).toBe(true);
});

test('what happens in a watched directory is told of, also when another one has taken its place', async () => {
  const kv = join(root, 'kv');
  mkdirSync(kv);
  tree.follow(unknown(root, kv));
  writeFileSync(join(kv, 'a'), '');
  await told(0);
  const before = changes;
  renameSync(kv, join(root, 'old'));
  mkdirSync(kv);
  await told(before);
  tree.follow(unknown(root, kv));
  // What was told late of the renaming is over when this is.
  const then = changes;
  writeFileSync(join(kv, 'b'), '');
  await told(then);
});

test('where a link leads elsewhere, or a directory above has been replaced, what stands there now is watched', async () => {
  for (const at of ['one', 'two']) mkdirSync(join(root, at, 'plugins/kv/1.0.0'), { recursive: true });
  const link = join(root, 'current');
  const plugins = join(link, 'plugins');
  const version = join(plugins, 'kv/1.0.0');
  const follow = async () => tree.follow((await listVersions(plugins)).directories);
  const isTold = async () => {
    expect(await follow()).toBe(true);
    expect(await follow()).toBe(false);
    const before = changes;
    writeFileSync(join(version, 'plugin.yaml'), '');
    await told(before);
  };
  symlinkSync('one', link);
  await isTold();
  symlinkSync('two', join(root, 'next'));
  renameSync(join(root, 'next'), link);
  await isTold();
  renameSync(join(root, 'two'), join(root, 'old'));
  mkdirSync(join(root, 'two/plugins/kv/1.0.0'), { recursive: true });
  await isTold();
});

test('a plugin with more directories than can be watched leaves watches for all plugins and versions', async () => {
  for (let i = 0; i < 20; i++) mkdirSync(join(root, `a/1.0.0/modules/${i}`), { recursive: true });
  const few = new TreeWatch(() => changes++, 6);
  try {
    const follow = async () => few.follow((await listVersions(root)).directories);
    const isTold = async (path: string) => {
      const before = changes;
      writeFileSync(path, '');
      await told(before);
    };
    await follow();
    mkdirSync(join(root, 'b/1.0.0'), { recursive: true });
    // There are as many watches as there may be: those further down give way.
    expect(await follow()).toBe(true);
    await isTold(join(root, 'b/1.0.0/plugin.yaml'));
    await isTold(join(root, 'b/new'));
    await isTold(join(root, 'a/1.0.0/plugin.yaml'));
  } finally {
    few.close();
  }
});
