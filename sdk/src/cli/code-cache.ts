import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { scrubEnvironment } from '@plugd/protocol/environment';
import type * as Esbuild from 'esbuild';
import { runProgram } from './child';
import { CommandError, reasonOf } from './command-error';
import { withWorkshop } from './workshop';

/**
 * What V8 has compiled when the plugin's modules have been run once, by the Node that will run them.
 * @throws CommandError
 */
export function makeCodeCache(payload: string, scriptPath: string, node: string): Promise<Buffer> {
  return withWorkshop(async (directory) => {
    const source = join(directory, 'payload.js');
    const output = join(directory, 'cache');
    await writeFile(source, payload);
    const said = await runProgram(
      node,
      [join(__dirname, 'runtime/make-cache.js'), source, scriptPath, output],
      {
        env: scrubEnvironment(process.env),
      },
    );
    try {
      return await readFile(output);
    } catch (error) {
      throw new CommandError(`No code cache was made: ${said || reasonOf(error)}`, 1, { cause: error });
    }
  });
}

/** The beginning of a script, which looks for this very cache. */
export async function cachedStart(esbuild: typeof Esbuild, seam: string, cache: Buffer): Promise<string> {
  const { outputFiles } = await esbuild.build({
    absWorkingDir: __dirname,
    entryPoints: [join(__dirname, 'runtime/cached-start.js')],
    write: false,
    bundle: true,
    minify: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    define: {
      PLUGD_SEAM: JSON.stringify(seam),
      PLUGD_CACHE_SHA256: JSON.stringify(createHash('sha256').update(cache).digest('hex')),
    },
    logLevel: 'silent',
  });
  return outputFiles[0]?.text ?? '';
}
