import { type FSWatcher, watch } from 'node:fs';

/** The system has a limit for all programs together; the periodic look finds what happens in the rest. */
const mostDirectories = 2_000;

/**
 * Says that something has happened in one of these directories, and nothing else: events get lost, come twice, and tell of
 * names that mean something else by now.
 */
export class TreeWatch {
  readonly #onChange: () => void;
  readonly #watchers = new Map<string, FSWatcher>();

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /**
   * Watches these directories from now on, and no others.
   *
   * @returns whether one of them was not watched before: what has happened in it until now nobody is told of
   */
  follow(directories: ReadonlySet<string>): boolean {
    for (const path of this.#watchers.keys()) if (!directories.has(path)) this.#end(path);
    let begun = false;
    for (const path of directories) {
      if (this.#watchers.size >= mostDirectories) break;
      if (!this.#watchers.has(path) && this.#begin(path)) begun = true;
    }
    return begun;
  }

  #begin(path: string): boolean {
    try {
      const watcher = watch(path, { persistent: false });
      // A directory that was replaced by another of the same name is told of as renamed: it is watched anew.
      watcher.on('change', (kind) => {
        if (kind === 'rename') this.#end(path);
        this.#onChange();
      });
      watcher.on('error', () => {
        this.#end(path);
        this.#onChange();
      });
      this.#watchers.set(path, watcher);
      return true;
    } catch {
      // It is gone, or there are too many of them.
      return false;
    }
  }

  #end(path: string): void {
    this.#watchers.get(path)?.close();
    this.#watchers.delete(path);
  }

  close(): void {
    for (const path of [...this.#watchers.keys()]) this.#end(path);
  }
}
