import path from 'node:path';
import { build } from 'esbuild';
import { root } from '../../../scripts/lib/root.mjs';

export const programs = path.join(root, 'test/conformance/.build/programs');

/** Bundles the programs under test, with our packages from their sources. */
export async function bundlePrograms() {
  await build({
    entryPoints: ['client', 'server', 'interop-client'].map((name) =>
      path.join(root, 'test/conformance/programs', `${name}.ts`),
    ),
    outdir: programs,
    bundle: true,
    // What a package says of its built files does not hold for its sources.
    ignoreAnnotations: true,
    platform: 'node',
    target: 'node20',
    sourcemap: 'inline',
    alias: {
      '@plugd/protocol': path.join(root, 'proto/src'),
      '@plugd/host': path.join(root, 'host/src'),
      '@plugd/sdk': path.join(root, 'sdk/src'),
    },
    // grpc-js asks for it only where its own admin services are offered.
    external: ['@grpc/proto-loader'],
    logLevel: 'warning',
  });
}
