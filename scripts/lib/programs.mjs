// Programs of the tests, outside of jest.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { CommandError, runNode } from './command.mjs';
import { root } from './root.mjs';

/** Bundles programs with our packages from their sources, as they are now. `more`: what esbuild is to be told besides. */
export async function bundlePrograms(entryPoints, outdir, more = {}) {
  await build({
    absWorkingDir: root,
    entryPoints,
    outdir,
    bundle: true,
    // What a package says of its built files does not hold for its sources.
    ignoreAnnotations: true,
    platform: 'node',
    target: 'node20',
    alias: {
      '@plugd/protocol': path.join(root, 'proto/src'),
      '@plugd/host': path.join(root, 'host/src'),
      '@plugd/sdk': path.join(root, 'sdk/src'),
    },
    // grpc-js asks for it only where its own admin services are offered.
    external: ['@grpc/proto-loader'],
    logLevel: 'warning',
    ...more,
  });
}

/**
 * Bundles programs into a directory that goes afterwards, and runs the one named `main` with a file of its task. Resolves to the
 * exit code.
 *
 * @param makeTask gets the directory
 */
export async function runMain(name, entryPoints, more, makeTask) {
  const directory = mkdtempSync(path.join(os.tmpdir(), `plugd-${name}-`));
  try {
    await bundlePrograms(entryPoints, directory, more);
    const task = makeTask(directory);
    console.log(`seed ${task.seed}`);
    const file = path.join(directory, 'task.json');
    writeFileSync(file, JSON.stringify(task));
    await runNode(path.join(directory, 'main.js'), [file], { show: true });
    return 0;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    console.error(error.message);
    return 1;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
