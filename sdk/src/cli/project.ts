import { readFileSync } from 'node:fs';
import { basename, dirname, extname, join, relative, sep } from 'node:path';

const MODULES = 'node_modules/';

interface Package {
  readonly directory: string;
  readonly name: string;
}

/** The package that a plugin's entry belongs to, and names for files that are the same on every machine. */
export class Project {
  readonly root: string;
  readonly #known = new Map<string, Package | undefined>();
  readonly #package: Package | undefined;

  constructor(private readonly entry: string) {
    this.#package = this.#packageOf(dirname(entry));
    this.root = this.#package?.directory ?? dirname(entry);
  }

  /** Where a build goes that was told no place. */
  get defaultOutput(): string {
    const name = this.#package?.name.replace(/^@[^/]*\//, '') ?? basename(this.entry, extname(this.entry));
    return join(this.root, 'dist', name);
  }

  /** `src/main.ts` for the project's own files, `name-of-the-package/src/a.ts` for those of others. */
  nameOf(path: string): string {
    const owner = this.#packageOf(dirname(path));
    const directory = owner?.directory ?? this.root;
    const inside = relative(directory, path);
    if (inside.startsWith('..')) return basename(path);
    const name = inside.split(sep).join('/');
    // Sources that a package's maps name but that it does not contain.
    if (name.includes(MODULES)) return name.slice(name.lastIndexOf(MODULES) + MODULES.length);
    return owner === undefined || directory === this.root ? name : `${owner.name}/${name}`;
  }

  #packageOf(directory: string): Package | undefined {
    if (this.#known.has(directory)) return this.#known.get(directory);
    const name = packageName(directory);
    const parent = dirname(directory);
    const found =
      name !== undefined ? { directory, name } : parent === directory ? undefined : this.#packageOf(parent);
    this.#known.set(directory, found);
    return found;
  }
}

/** Undefined where there is no package.json, or one that only says what kind of modules lie there. */
function packageName(directory: string): string | undefined {
  try {
    const content: unknown = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
    const name: unknown =
      typeof content === 'object' && content !== null ? Reflect.get(content, 'name') : undefined;
    return typeof name === 'string' && name !== '' ? name : undefined;
  } catch {
    return undefined;
  }
}
