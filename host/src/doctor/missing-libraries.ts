import { readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type ElfLinks, readElfLinks } from './elf-file';
import { readLoaderCache } from './loader-cache';

/** A library that the loader won't find, or not in the version that is needed. */
export interface MissingLibrary {
  readonly name: string;
  /** The file that needs it. */
  readonly neededBy: string;
  /** What is there instead; undefined: nothing of that name. */
  readonly found?: string;
  /** Versions of symbols that the one that is there lacks: `GLIBC_2.38`. */
  readonly lacks?: readonly string[];
}

export interface LibrarySearch {
  /** Names that were found, each with its file. */
  readonly found: ReadonlyMap<string, string>;
  readonly missing: readonly MissingLibrary[];
  /** The program asks for no loader: nothing is looked up. */
  readonly isStatic: boolean;
}

/** Programs with more are not looked through to their end. */
const mostLibraries = 500;

/**
 * What the system's loader would look up for a program, without running anything: `ldd` runs the program's own loader.
 * Undefined where the file is no ELF program that can be read.
 */
export function searchLibraries(
  path: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): LibrarySearch | undefined {
  const program = readable(path);
  if (program === undefined) return undefined;
  if (program.interpreter === undefined) return { found: new Map(), missing: [], isStatic: true };
  const search = new Search(path, program, env['LD_LIBRARY_PATH'] ?? '');
  return search.run();
}

function readable(path: string): ElfLinks | undefined {
  try {
    return readElfLinks(path);
  } catch {
    return undefined;
  }
}

interface Wanting {
  readonly path: string;
  readonly links: ElfLinks;
  /** RPATHs of those that brought it in, which count for it too. */
  readonly inherited: readonly string[];
}

class Search {
  readonly #program: Wanting;
  readonly #given: readonly string[];
  readonly #isMusl: boolean;
  readonly #defaults: readonly string[];
  readonly #cache: ReadonlyMap<string, readonly string[]>;
  readonly #found = new Map<string, { readonly path: string; readonly links: ElfLinks }>();
  readonly #missing: MissingLibrary[] = [];

  constructor(path: string, links: ElfLinks, libraryPath: string) {
    this.#program = { path, links, inherited: [] };
    this.#given = libraryPath.split(/[:;]/).filter((one) => one !== '');
    const { interpreter = '' } = links;
    this.#isMusl = basename(interpreter).startsWith('ld-musl-');
    this.#cache = this.#isMusl ? new Map() : readLoaderCache();
    this.#defaults = this.#isMusl ? muslDirectories(interpreter) : glibcDirectories(links.is64);
  }

  run(): LibrarySearch {
    const waiting: Wanting[] = [this.#program];
    const loader = readable(this.#program.links.interpreter ?? '');
    const loaderPath = this.#program.links.interpreter ?? '';
    // It is in memory already, under its own name.
    if (loader !== undefined)
      this.#found.set(loader.soname ?? basename(loaderPath), { path: loaderPath, links: loader });
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
      const own = one.links.runpath.length > 0 ? [] : expand(one.links.rpath, one.path);
      const inherited = [...own, ...one.inherited];
      for (const name of one.links.needed) {
        if (this.#found.has(name) || this.#found.size > mostLibraries) continue;
        if (this.#missing.some((missing) => missing.name === name)) continue;
        // Of musl the loader is the C library, by whatever name.
        if (this.#isMusl && /^libc\.(?:musl-.*\.)?so/.test(name)) continue;
        const found = this.#find(name, one, inherited);
        if (found === undefined) {
          this.#missing.push({ name, neededBy: one.path });
          continue;
        }
        this.#found.set(name, found);
        waiting.push({ ...found, inherited });
      }
      this.#checkVersions(one);
    }
    return {
      found: new Map([...this.#found].map(([name, { path }]) => [name, path])),
      missing: this.#missing,
      isStatic: false,
    };
  }

  #find(
    name: string,
    { path, links }: Wanting,
    inherited: readonly string[],
  ): { path: string; links: ElfLinks } | undefined {
    if (name.includes('/')) return this.#fitting(name);
    const before = links.runpath.length > 0 ? [] : inherited;
    const own = expand(links.runpath, path);
    const places = [
      ...[...before, ...this.#given, ...own].map((directory) => join(directory, name)),
      ...(this.#cache.get(name) ?? []),
      ...this.#defaults.map((directory) => join(directory, name)),
    ];
    for (const place of places) {
      const found = this.#fitting(place);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** The loader passes over what is for another machine. */
  #fitting(path: string): { path: string; links: ElfLinks } | undefined {
    if (!isFile(path)) return undefined;
    const links = readable(path);
    if (links === undefined) return undefined;
    const { is64, machine } = this.#program.links;
    return links.is64 === is64 && links.machine === machine ? { path, links } : undefined;
  }

  #checkVersions({ path, links }: Wanting): void {
    for (const [name, versions] of links.neededVersions) {
      const found = this.#found.get(name);
      // A library without versions at all is taken for any.
      if (found === undefined || found.links.offeredVersions.size === 0) continue;
      const lacks = versions.filter((version) => !found.links.offeredVersions.has(version));
      if (lacks.length > 0) this.#missing.push({ name, neededBy: path, found: found.path, lacks });
    }
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function expand(directories: readonly string[], file: string): string[] {
  const origin = dirname(realOr(file));
  return directories.map((directory) => directory.replace(/\$(?:ORIGIN\b|\{ORIGIN\})/g, () => origin));
}

function realOr(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** Where glibc looks behind its cache. Debian's builds have one directory more for each kind of machine. */
function glibcDirectories(is64: boolean): string[] {
  const kinds = ['x86_64', 'aarch64', 'i386', 'arm', 'powerpc64le', 's390x', 'riscv64'];
  const multiarch = kinds.flatMap((kind) => ['gnu', 'gnueabihf'].map((abi) => `${kind}-linux-${abi}`));
  const plain = is64 ? ['/lib64', '/usr/lib64', '/lib', '/usr/lib'] : ['/lib', '/usr/lib'];
  return [...multiarch.flatMap((kind) => [`/lib/${kind}`, `/usr/lib/${kind}`]), ...plain];
}

function muslDirectories(interpreter: string): string[] {
  const kind = /^ld-musl-(.*)\.so/.exec(basename(interpreter))?.[1] ?? '';
  try {
    const list = readFileSync(`/etc/ld-musl-${kind}.path`, 'utf8');
    return list.split(/[\n:]/).filter((one) => one !== '');
  } catch {
    return ['/lib', '/usr/local/lib', '/usr/lib'];
  }
}
