import { type Stats, statSync } from 'node:fs';
import { basename } from 'node:path';
import type * as Esbuild from 'esbuild';
import { checkBinaryPossible, makeBinary } from './binary';
import type { BuildOptions } from './build-options';
import { type Bundle, bundle } from './bundle';
import { cachedStart, makeCodeCache } from './code-cache';
import { CommandError } from './command-error';
import { loadPeer } from './peer';
import { Project } from './project';
import { CACHE_SUFFIX } from './runtime/payload';
import { binaryMain, cachedScript, LINES_BEFORE, payload, plainScript, seamFor } from './script';
import { movedDown } from './source-map';
import { windowsLauncher } from './windows-launcher';
import { type WrittenFile, writeWhole } from './written-file';

const EXECUTABLE = 0o755;
const READABLE = 0o644;

/**
 * Makes a plugin's one file, and what was asked for beside it; tells what was written, the plugin first.
 * @param note takes warnings
 * @throws CommandError
 */
export async function build(options: BuildOptions, note: (text: string) => void): Promise<WrittenFile[]> {
  checkEntry(options.entry);
  const project = new Project(options.entry);
  const output = options.output ?? project.defaultOutput;
  checkOutput(output, options.entry);
  if (options.binary) await checkBinaryPossible();
  const esbuild = loadPeer<typeof Esbuild>('esbuild', project.root);
  const bundled = await bundle(esbuild, project, options, note);

  if (options.binary) return [await writeBinary(bundled, project, options, output)];
  const files = options.codeCache
    ? await writeCached(esbuild, bundled, options, output)
    : [await writePlain(bundled, options, output)];
  if (options.windowsLauncher) {
    files.push(await writeWhole(`${output}.cmd`, windowsLauncher(output, options.node), EXECUTABLE));
  }
  return files;
}

function writePlain({ code, map }: Bundle, { node }: BuildOptions, output: string) {
  const script = plainScript(node, code, movedDown(map, LINES_BEFORE.plain));
  return writeWhole(output, script, EXECUTABLE);
}

async function writeCached(
  esbuild: typeof Esbuild,
  { code, map }: Bundle,
  { node }: BuildOptions,
  output: string,
): Promise<WrittenFile[]> {
  const ownPayload = payload(code);
  const seam = seamFor(ownPayload);
  const cache = await makeCodeCache(ownPayload, output, node ?? process.execPath);
  const script = cachedScript({
    node,
    start: await cachedStart(esbuild, seam, cache),
    payload: ownPayload,
    seam,
    map: movedDown(map, LINES_BEFORE.cached),
  });
  // The cache first: until the script is there, the old one knows that it is not its own.
  const beside = await writeWhole(output + CACHE_SUFFIX, cache, READABLE);
  return [await writeWhole(output, script, EXECUTABLE), beside];
}

async function writeBinary({ code, map }: Bundle, project: Project, options: BuildOptions, output: string) {
  const path = process.platform === 'win32' && !/\.exe$/i.test(output) ? `${output}.exe` : output;
  const parts = {
    main: binaryMain(code),
    map: movedDown(map, LINES_BEFORE.plain),
    name: basename(output),
    codeCache: options.codeCache,
  };
  return writeWhole(path, await makeBinary(parts, project.root), EXECUTABLE);
}

function checkEntry(entry: string): void {
  const found = look(entry);
  if (found === undefined) throw new CommandError(`The entry ${entry} does not exist.`);
  if (!found.isFile()) throw new CommandError(`The entry ${entry} is no file.`);
}

function checkOutput(output: string, entry: string): void {
  if (output === entry) throw new CommandError(`The output would replace the entry, ${entry}.`, 2);
  if (look(output)?.isDirectory()) {
    throw new CommandError(`${output} is a directory: --out needs the path of a file.`);
  }
}

/** Undefined where nothing can be seen; whoever then reads or writes there is told why. */
function look(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}
