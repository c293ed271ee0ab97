import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { root } from './root.mjs';

/** The published JSON schemas: which function makes each, and what it is made from. */
const schemas = [
  {
    file: 'plugin.schema.json',
    module: 'host/src/manifest/json-schema.ts',
    make: 'manifestJsonSchema',
    inputs: [
      'host/src/manifest/json-schema.ts',
      'host/src/manifest/manifest-schema.ts',
      'host/src/manifest/option-schemas.ts',
      'host/src/manifest/platform-name.ts',
      'host/src/manifest/schema-parts.ts',
      'host/src/manifest/status-names.ts',
      'host/src/manifest/strategy-schemas.ts',
      'host/src/instance/expect-options.ts',
      'proto/src/longest-timer.ts',
    ],
  },
  {
    file: 'plugd.schema.json',
    module: 'host/src/config/json-schema.ts',
    make: 'configJsonSchema',
    inputs: [
      'host/src/config/config-schema.ts',
      'host/src/config/config.ts',
      'host/src/config/json-schema.ts',
    ],
  },
];

export const schemaInputs = () => schemas.flatMap(({ inputs }) => inputs);

/** Writes the schemas into a directory. From the sources: in a fresh clone nothing is built yet. */
export async function writeSchemas(directory) {
  // Here, since this file is read before anything is installed.
  const { build } = await import('esbuild');
  const work = mkdtempSync(path.join(os.tmpdir(), 'plugd-schemas-'));
  try {
    for (const { file, module, make } of schemas) {
      const outfile = path.join(work, `${file}.cjs`);
      await build({
        entryPoints: [path.join(root, module)],
        outfile,
        bundle: true,
        platform: 'node',
        format: 'cjs',
        alias: { '@plugd/protocol': path.join(root, 'proto', 'src') },
        logLevel: 'silent',
      });
      const schema = createRequire(import.meta.url)(outfile)[make]();
      writeFileSync(path.join(directory, file), `${JSON.stringify(schema, undefined, 2)}\n`);
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
