/** What the first bytes of a file say that it is. */
export type ExecutableKind = 'elf' | 'macho' | 'pe' | 'script' | 'unknown';

export interface ExecutableFormat {
  readonly kind: ExecutableKind;
  /** In the words of `process.arch`; several for a universal Mach-O file, none for a script. */
  readonly architectures: readonly string[];
  /** What runs it: the program of a `#!` line, or the loader that an ELF file asks for. */
  readonly interpreter?: string;
  /** What follows the interpreter on a `#!` line. */
  readonly interpreterArgument?: string;
}

/** How much of a file {@link readFormat} wants to see: headers lie well within it. */
export const FORMAT_HEAD_BYTES = 4096;

const unknown: ExecutableFormat = { kind: 'unknown', architectures: [] };

/** Looks at the head of a file. Damaged headers give `unknown`, or an architecture named by its number. */
export function readFormat(head: Buffer): ExecutableFormat {
  if (head.length >= 2 && head.toString('latin1', 0, 2) === '#!') return readScript(head);
  if (head.length < 4) return unknown;
  if (head.readUInt32BE(0) === 0x7f454c46) return readElf(head);
  return readMachO(head) ?? readPe(head) ?? unknown;
}

function readScript(head: Buffer): ExecutableFormat {
  const end = head.indexOf(0x0a);
  const line = head.toString('utf8', 2, end === -1 ? head.length : end);
  // As Linux reads it: blanks around, the first word is the program, the rest is one argument. A carriage return
  // belongs to the word: that it does is the reason why such scripts do not run.
  const match = /^[ \t]*([^ \t]*)(?:[ \t]+(.*?))?[ \t]*$/s.exec(line);
  const interpreter = match?.[1] ?? '';
  const argument = match?.[2];
  return {
    kind: 'script',
    architectures: [],
    interpreter,
    ...(argument ? { interpreterArgument: argument } : {}),
  };
}

function elfMachine(machine: number, is64: boolean, littleEndian: boolean): string {
  switch (machine) {
    case 3:
      return 'ia32';
    case 8:
      return littleEndian ? 'mipsel' : 'mips';
    case 20:
      return 'ppc';
    case 21:
      return 'ppc64';
    case 22:
      return is64 ? 's390x' : 's390';
    case 40:
      return 'arm';
    case 62:
      return 'x64';
    case 183:
      return 'arm64';
    case 243:
      return is64 ? 'riscv64' : 'riscv32';
    case 258:
      return 'loong64';
    default:
      return `elf-machine-${machine}`;
  }
}

function readElf(head: Buffer): ExecutableFormat {
  if (head.length < 52) return unknown;
  const is64 = head[4] === 2;
  const littleEndian = head[5] !== 2;
  const u16 = (at: number): number => (littleEndian ? head.readUInt16LE(at) : head.readUInt16BE(at));
  const u32 = (at: number): number => (littleEndian ? head.readUInt32LE(at) : head.readUInt32BE(at));
  const word = (at: number): number =>
    is64 ? Number(littleEndian ? head.readBigUInt64LE(at) : head.readBigUInt64BE(at)) : u32(at);
  const format: ExecutableFormat = {
    kind: 'elf',
    architectures: [elfMachine(u16(18), is64, littleEndian)],
  };
  if (head.length < (is64 ? 64 : 52)) return format;
  // The program header of type PT_INTERP (3) points at the loader's path.
  const table = word(is64 ? 32 : 28);
  const size = Math.max(u16(is64 ? 54 : 42), is64 ? 56 : 32);
  const count = u16(is64 ? 56 : 44);
  // Headers may lie beyond what was read: tools that put something into a finished program move them to its end.
  for (let entry = table, i = 0; i < count && entry + size <= head.length; entry += size, i++) {
    if (u32(entry) !== 3) continue;
    const offset = word(entry + (is64 ? 8 : 4));
    const end = offset < head.length ? head.indexOf(0, offset) : -1;
    if (end > offset) return { ...format, interpreter: head.toString('utf8', offset, end) };
  }
  return format;
}

function machoCpu(type: number): string {
  switch (type) {
    case 0x07:
      return 'ia32';
    case 0x0100_0007:
      return 'x64';
    case 0x0c:
      return 'arm';
    case 0x0100_000c:
      return 'arm64';
    default:
      return `macho-cpu-${type}`;
  }
}

function readMachO(head: Buffer): ExecutableFormat | undefined {
  const magic = head.readUInt32BE(0);
  if (head.length < 8) return undefined;
  if (magic === 0xfeedface || magic === 0xfeedfacf)
    return { kind: 'macho', architectures: [machoCpu(head.readUInt32BE(4))] };
  if (magic === 0xcefaedfe || magic === 0xcffaedfe)
    return { kind: 'macho', architectures: [machoCpu(head.readUInt32LE(4))] };
  if (magic !== 0xcafebabe) return undefined;
  const count = head.readUInt32BE(4);
  // Java class files share this magic; what stands here in them is a version, 45 or more.
  if (count === 0 || count > 30 || head.length < 8 + count * 20) return undefined;
  return {
    kind: 'macho',
    architectures: Array.from({ length: count }, (_, i) => machoCpu(head.readUInt32BE(8 + i * 20))),
  };
}

function peMachine(machine: number): string {
  switch (machine) {
    case 0x014c:
      return 'ia32';
    case 0x01c0:
    case 0x01c4:
      return 'arm';
    case 0x6264:
      return 'loong64';
    case 0x8664:
      return 'x64';
    case 0xaa64:
      return 'arm64';
    default:
      return `pe-machine-${machine}`;
  }
}

function readPe(head: Buffer): ExecutableFormat | undefined {
  if (head.length < 64 || head.toString('latin1', 0, 2) !== 'MZ') return undefined;
  const at = head.readUInt32LE(60);
  if (at + 6 > head.length || head.toString('latin1', at, at + 4) !== 'PE\0\0') return undefined;
  return { kind: 'pe', architectures: [peMachine(head.readUInt16LE(at + 4))] };
}
