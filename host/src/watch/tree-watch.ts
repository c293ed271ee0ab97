import { type FSWatcher, watch } from 'node:fs';
import type { Directories } from './list-versions';

/** The system has a limit for all programs together; the periodic look finds what happens in the rest. */
const mostDirectories = 2_000;

/**
 * Says that something has happened in one of these directories, and nothing else: events get lost, come twice, and tell of
 * names that mean something else by now.
 */
export class TreeWatch {
  readonly #onChange: () => void;
  readonly #most: number;
  readonly #watchers = new Map<
    string,
    { readonly watcher: FSWatcher; readonly identity: string | undefined }
  >();

  constructor(onChange: () => void, most = mostDirectories) {
    this.#onChange = onChange;
    this.#most = most;
  }

  /**
   * Watches these directories from now on, and no others; where there are too many, the first. One that stands where another one stood is watched anew: nobody tells of a
   * link that leads elsewhere, or of a directory above that was renamed.
   *
   * @returns whether one of them was not watched before: what has happened in it until now nobody is told of
   */
  follow(directories: Directories): boolean {
    const wanted = new Map([...directories].slice(0, this.#most));
    for (const [path, { identity }] of [...this.#watchers])
      if (!wanted.has(path) || wanted.get(path) !== identity) this.#end(path);
    let begun = false;
    for (const [path, identity] of wanted) {
      if (!this.#watchers.has(path) && this.#begin(path, identity)) begun = true;
    }
    return begun;
  }

  #begin(path: string, identity: string | undefined): boolean {
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
      this.#watchers.set(path, { watcher, identity });
      return true;
    } catch {
      // It is gone, or there are too many of them.
      return false;
    }
  }

  #end(path: string): void {
    this.#watchers.get(path)?.watcher.close();
    this.#watchers.delete(path);
  }

  close(): void {
    for (const path of [...this.#watchers.keys()]) this.#end(path);
  }
}
