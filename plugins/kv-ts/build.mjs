// Bundles the plugin into one executable file per version: dist/kv-ts-v1 and dist/kv-ts-v2.
import { chmodSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));

for (const [file, version] of [
  ['kv-ts-v1', '1.0.0'],
  ['kv-ts-v2', '2.0.0'],
]) {
  await build({
    absWorkingDir: here,
    entryPoints: ['src/main.ts'],
    outfile: `dist/${file}`,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    banner: { js: '#!/usr/bin/env node' },
    define: { KV_VERSION: JSON.stringify(version) },
    loader: { '.binpb': 'binary' },
    // grpc-js asks for it only where its own admin services are offered.
    external: ['@grpc/proto-loader'],
    logLevel: 'warning',
  });
  chmodSync(`${here}dist/${file}`, 0o755);
}
