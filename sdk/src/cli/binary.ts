import { existsSync } from 'node:fs';
import { chmod, copyFile, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { runProgram } from './child';
import { CommandError } from './command-error';
import { resolvePeer } from './peer';
import { MAP_ASSET } from './runtime/own-map';
import { withWorkshop } from './workshop';

/** By it Node knows that something has been put into it; public, and the same for all versions. */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
const PLATFORMS: readonly NodeJS.Platform[] = ['linux', 'darwin', 'win32'];

/** What a binary is made of. */
export interface BinaryParts {
  /** A CommonJS module that needs nothing but Node. */
  readonly main: string;
  readonly map: string;
  /** Of the file to be; stack traces show it where no source is known. */
  readonly name: string;
  readonly codeCache: boolean;
}

/** @throws CommandError where this platform or this Node can't, before anything else is done */
export async function checkBinaryPossible(): Promise<void> {
  if (!PLATFORMS.includes(process.platform)) {
    throw new CommandError(`--binary: Node can't be made part of a binary on ${process.platform}.`);
  }
  const node = await readFile(process.execPath);
  if (!node.includes(`${FUSE}:0`)) {
    throw new CommandError(
      `--binary: this Node, ${process.execPath}, has no place for a program: it was built without, or is a small ` +
        'program beside a shared library. The Node of nodejs.org can.',
    );
  }
}

/**
 * This Node with the plugin in it: a single executable application.
 * @throws CommandError
 */
export function makeBinary(parts: BinaryParts, projectRoot: string): Promise<Buffer> {
  const postject = join(dirname(resolvePeer('postject', projectRoot)), 'cli.js');
  return withWorkshop(async (directory) => {
    const blob = await makeBlob(parts, directory);
    const binary = join(directory, basename(process.execPath));
    await copyFile(process.execPath, binary);
    await chmod(binary, 0o755);
    const mac = process.platform === 'darwin';
    // A signature holds for a file as it was; macOS runs none whose signature is wrong.
    if (mac) await runProgram('codesign', ['--remove-signature', binary]);
    const place = ['NODE_SEA_BLOB', blob, '--sentinel-fuse', FUSE];
    if (mac) place.push('--macho-segment-name', 'NODE_SEA');
    const said = await runProgram(process.execPath, [postject, binary, ...place]);
    if (mac) await runProgram('codesign', ['--sign', '-', binary]);
    const content = await readFile(binary);
    if (!content.includes(`${FUSE}:1`)) throw new CommandError(`--binary: postject failed: ${said}`);
    return content;
  });
}

async function makeBlob(parts: BinaryParts, directory: string): Promise<string> {
  const main = `${parts.name}.js`;
  await writeFile(join(directory, main), parts.main);
  await writeFile(join(directory, 'map.json'), parts.map);
  const config = {
    main,
    output: 'blob',
    disableExperimentalSEAWarning: true,
    useCodeCache: parts.codeCache,
    assets: { [MAP_ASSET]: 'map.json' },
  };
  await writeFile(join(directory, 'sea.json'), JSON.stringify(config));
  const said = await runProgram(process.execPath, ['--experimental-sea-config', 'sea.json'], {
    cwd: directory,
  });
  const blob = join(directory, 'blob');
  if (!existsSync(blob)) throw new CommandError(`--binary: Node made no program: ${said}`);
  return blob;
}
