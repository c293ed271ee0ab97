import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

const told = (before: number) =>
  poll(
    async () => changes,
    (now) => now > before,
  );

test('a directory that was not watched yet is told of, and one that is gone or watched already is not', () => {
  const kv = join(root, 'kv');
  expect(tree.follow(new Set([root, kv]))).toBe(true);
  expect(tree.follow(new Set([root, kv]))).toBe(false);
  mkdirSync(kv);
  expect(tree.follow(new Set([root, kv]))).toBe(true);
  expect(tree.follow(new Set([root, kv]))).toBe(false);
  expect(tree.follow(new Set([root]))).toBe(false);
  expect(tree.follow(new Set([root, kv]))).toBe(true);
});

test('what happens in a watched directory is told of, also when another one has taken its place', async () => {
  const kv = join(root, 'kv');
  mkdirSync(kv);
  tree.follow(new Set([root, kv]));
  writeFileSync(join(kv, 'a'), '');
  await told(0);
  const before = changes;
  renameSync(kv, join(root, 'old'));
  mkdirSync(kv);
  await told(before);
  tree.follow(new Set([root, kv]));
  // What was told late of the renaming is over when this is.
  const then = changes;
  writeFileSync(join(kv, 'b'), '');
  await told(then);
});
