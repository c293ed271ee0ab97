// Makes directories that nobody may write to, and has what a host leaves removed: bundled, and run by read-only.test.ts as
// a user who is not the administrator, for whom modes are no matter.
// argv: a directory of that user's own.

import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { guardianScript } from '../../host/src/launch/guardian-script';
import { removeInstanceDirectory } from '../../host/src/launch/run-directory';

const base = process.argv[2] ?? '';

/** The directory of an instance that holds a copy of a configuration and a cache of modules. */
function closedTree(name: string): { readonly host: string; readonly instance: string } {
  const host = join(base, `plugd-${name}`);
  const instance = join(host, 'i-000000');
  mkdirSync(join(instance, 'modules/deep'), { recursive: true });
  writeFileSync(join(instance, 'modules/deep/file'), '', { mode: 0o400 });
  symlinkSync(base, join(instance, 'modules/link'));
  for (const path of ['modules/deep', 'modules', '']) chmodSync(join(instance, path), 0o500);
  return { host, instance };
}

async function main(): Promise<void> {
  const outside = join(base, 'outside');
  mkdirSync(outside, { mode: 0o500 });
  const removed = closedTree('removed');
  await removeInstanceDirectory(removed.instance, [removed.host]);
  const orphaned = closedTree('orphaned');
  spawnSync('/bin/sh', ['-c', guardianScript], { input: `add 1 directory ${orphaned.host}\n` });
  process.stdout.write(
    JSON.stringify({
      user: process.getuid?.(),
      removed: !existsSync(removed.instance),
      orphaned: !existsSync(orphaned.host),
      outside: existsSync(outside),
    }),
  );
}

void main();
