import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { buildSync } from 'esbuild';

const root = resolve(__dirname, '../..');
const classicLevel = join(root, 'node_modules/classic-level/index.js');

/** What was bundled by this test file. */
const bundled = new Map<string, Uint8Array>();

/** Bundles a program that runs in a process of its own, from sources. The caller removes `directory`. */
export function bundleProgram(source: string): { readonly directory: string; readonly file: string } {
  const directory = mkdtempSync(join(tmpdir(), 'program-'));
  const file = join(directory, 'program.js');
  const bytes = bundled.get(source) ?? bundle(source);
  bundled.set(source, bytes);
  writeFileSync(file, bytes);
  chmodSync(file, 0o755);
  return { directory, file };
}

function bundle(source: string): Uint8Array {
  const { outputFiles } = buildSync({
    entryPoints: [source],
    write: false,
    bundle: true,
    // What a package says of its built files does not hold for its sources.
    ignoreAnnotations: true,
    banner: { js: '#!/usr/bin/env node' },
    platform: 'node',
    target: 'node20',
    alias: {
      '@plugd/protocol': join(root, 'proto/src'),
      '@plugd/host': join(root, 'host/src'),
      '@plugd/sdk': join(root, 'sdk/src'),
      'classic-level': classicLevel,
    },
    // grpc-js asks for the first only where its own admin services are offered. The second looks for its machine code beside
    // itself.
    external: ['@grpc/proto-loader', classicLevel],
    logLevel: 'warning',
  });
  const [output] = outputFiles;
  if (output === undefined) throw new Error(`nothing came of ${source}`);
  return output.contents;
}
