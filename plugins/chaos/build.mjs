// Bundles the plugin into one executable file: dist/chaos.
import { chmodSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));

await build({
  absWorkingDir: here,
  entryPoints: ['src/main.ts'],
  outfile: 'dist/chaos',
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  banner: { js: '#!/usr/bin/env node' },
  alias: { '@plugd/protocol': fileURLToPath(new URL('../../proto/src', import.meta.url)) },
  // grpc-js asks for it only where its own admin services are offered.
  external: ['@grpc/proto-loader'],
  logLevel: 'warning',
});
chmodSync(`${here}dist/chaos`, 0o755);
