import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { isRangeError, textAt } from './bytes';

/** What an ELF file asks of libraries, and what it offers. */
export interface ElfLinks {
  readonly is64: boolean;
  /** Number of the machine in ELF's words. */
  readonly machine: number;
  /** The loader's path; undefined for a library, or a program that is linked statically. */
  readonly interpreter: string | undefined;
  /** Names of libraries, as the loader looks for them. */
  readonly needed: readonly string[];
  readonly soname: string | undefined;
  /** Directories of its own, with $ORIGIN as it stands there. */
  readonly rpath: readonly string[];
  readonly runpath: readonly string[];
  /** Versions of symbols that it needs, by library: `libc.so.6` → `GLIBC_2.34`. */
  readonly neededVersions: ReadonlyMap<string, readonly string[]>;
  /** Versions that it has; empty for one without versions. */
  readonly offeredVersions: ReadonlySet<string>;
}

const dynamicTag = {
  needed: 1,
  stringTable: 5,
  stringTableSize: 10,
  soname: 14,
  rpath: 15,
  runpath: 29,
  versionNeed: 0x6ffffffe,
  versionDefinition: 0x6ffffffc,
} as const;

const segment = { load: 1, dynamic: 2, interpreter: 3 } as const;

/** Files are a stranger's: no table is taken to be longer. */
const mostEntries = 10_000;
const longestTable = 16 * 1024 * 1024;

/** Undefined where it is no ELF file, or a damaged one. Throws the system's error where it can't be read. */
export function readElfLinks(path: string): ElfLinks | undefined {
  const file = openSync(path, 'r');
  try {
    const elf = new Elf(file);
    return elf.isElf ? elf.links() : undefined;
  } catch (error) {
    if (isRangeError(error)) return undefined;
    throw error;
  } finally {
    closeSync(file);
  }
}

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

/** Reads past the end, and of tables without end, are RangeErrors. */
class Elf {
  readonly #file: number;
  readonly #length: number;
  readonly #head: Buffer;
  #segments: readonly Segment[] = [];
  #strings: Buffer = Buffer.alloc(0);
  #visited = 0;

  constructor(file: number) {
    this.#file = file;
    this.#length = fstatSync(file).size;
    this.#head = this.#length >= 64 ? this.#read(0, 64) : Buffer.alloc(64);
  }

  get isElf(): boolean {
    return this.#head.readUInt32BE(0) === 0x7f454c46;
  }

  get #is64(): boolean {
    return this.#head[4] === 2;
  }

  links(): ElfLinks {
    this.#segments = this.#readSegments();
    const dynamic = this.#dynamic();
    const values = (tag: number) => dynamic.filter((one) => one.tag === tag).map(({ value }) => value);
    const [table] = values(dynamicTag.stringTable);
    const [size] = values(dynamicTag.stringTableSize);
    if (table !== undefined && size !== undefined)
      this.#strings = this.#read(this.#offsetOf(table), Math.min(size, longestTable));
    const texts = (tag: number) => values(tag).map((at) => this.#string(at));
    const directories = (tag: number) =>
      texts(tag).flatMap((list) => list.split(':').filter((one) => one !== ''));
    return {
      is64: this.#is64,
      machine: this.#u16(this.#head, 18),
      interpreter: this.#interpreter(),
      needed: texts(dynamicTag.needed),
      soname: texts(dynamicTag.soname)[0],
      rpath: directories(dynamicTag.rpath),
      runpath: directories(dynamicTag.runpath),
      neededVersions: this.#neededVersions(values(dynamicTag.versionNeed)[0]),
      offeredVersions: this.#offeredVersions(values(dynamicTag.versionDefinition)[0]),
    };
  }

  #readSegments(): Segment[] {
    const table = this.#word(this.#head, this.#is64 ? 32 : 28);
    const size = this.#u16(this.#head, this.#is64 ? 54 : 42);
    const count = this.#u16(this.#head, this.#is64 ? 56 : 44);
    const bytes = this.#read(table, size * count);
    return Array.from({ length: count }, (_, index) => {
      const at = index * size;
      return {
        type: this.#u32(bytes, at),
        offset: this.#word(bytes, at + (this.#is64 ? 8 : 4)),
        address: this.#word(bytes, at + (this.#is64 ? 16 : 8)),
        size: this.#word(bytes, at + (this.#is64 ? 32 : 16)),
      };
    });
  }

  #interpreter(): string | undefined {
    const found = this.#segments.find(({ type }) => type === segment.interpreter);
    if (found === undefined) return undefined;
    return textAt(this.#read(found.offset, Math.min(found.size, 4_096)), 0);
  }

  #dynamic(): { readonly tag: number; readonly value: number }[] {
    const found = this.#segments.find(({ type }) => type === segment.dynamic);
    if (found === undefined) return [];
    const width = this.#is64 ? 8 : 4;
    const bytes = this.#read(found.offset, Math.min(found.size, mostEntries * width * 2));
    const entries: { tag: number; value: number }[] = [];
    for (let at = 0; at + 2 * width <= bytes.length; at += 2 * width) {
      const tag = this.#word(bytes, at);
      if (tag === 0) break;
      entries.push({ tag, value: this.#word(bytes, at + width) });
    }
    return entries;
  }

  #neededVersions(address: number | undefined): Map<string, readonly string[]> {
    const found = new Map<string, string[]>();
    this.#chain(address, 16, (entry, at) => {
      const versions = found.get(this.#string(this.#u32(entry, 4))) ?? [];
      found.set(this.#string(this.#u32(entry, 4)), versions);
      this.#chain(at + this.#u32(entry, 8), 16, (inner) => {
        const isWeak = (this.#u16(inner, 4) & 2) !== 0;
        if (!isWeak) versions.push(this.#string(this.#u32(inner, 8)));
        return this.#u32(inner, 12);
      });
      return this.#u32(entry, 12);
    });
    return found;
  }

  #offeredVersions(address: number | undefined): Set<string> {
    const found = new Set<string>();
    this.#chain(address, 20, (entry, at) => {
      const name = this.#read(this.#offsetOf(at + this.#u32(entry, 12)), 8);
      found.add(this.#string(this.#u32(name, 0)));
      return this.#u32(entry, 16);
    });
    return found;
  }

  /** Entries each of which says how far the next one is, 0 for the last. */
  #chain(address: number | undefined, size: number, visit: (entry: Buffer, address: number) => number): void {
    let at = address;
    while (at !== undefined) {
      this.#visited++;
      if (this.#visited > mostEntries) throw new RangeError('a list without an end');
      const step = visit(this.#read(this.#offsetOf(at), size), at);
      at = step === 0 ? undefined : at + step;
    }
  }

  /** Where in the file stands what is at this address in memory. */
  #offsetOf(address: number): number {
    const found = this.#segments.find(
      (one) => one.type === segment.load && address >= one.address && address < one.address + one.size,
    );
    if (found === undefined) throw new RangeError('an address that nothing is at');
    return found.offset + (address - found.address);
  }

  #string(at: number): string {
    return textAt(this.#strings, at);
  }

  #u16(bytes: Buffer, at: number): number {
    return this.#head[5] === 2 ? bytes.readUInt16BE(at) : bytes.readUInt16LE(at);
  }

  #u32(bytes: Buffer, at: number): number {
    return this.#head[5] === 2 ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at);
  }

  #word(bytes: Buffer, at: number): number {
    if (!this.#is64) return this.#u32(bytes, at);
    return Number(this.#head[5] === 2 ? bytes.readBigUInt64BE(at) : bytes.readBigUInt64LE(at));
  }

  #read(offset: number, length: number): Buffer {
    if (length > longestTable || offset + length > this.#length) throw new RangeError('behind the end');
    const buffer = Buffer.alloc(length);
    const read = readSync(this.#file, buffer, 0, length, offset);
    if (read < length) throw new RangeError('behind the end');
    return buffer;
  }
}
