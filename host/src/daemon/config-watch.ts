import { type FSWatcher, statSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';

/** Whoever writes a file may do it in several steps. */
const gatherMs = 200;
/** The system may tell of nothing, as on some network drives. */
const lookMs = 5_000;

/** What a file is like now, to tell by when it has become another one. One file, of the system's own: nothing that takes time. */
export function lookOf(file: string): string {
  try {
    const { ino, size, mtimeNs, ctimeNs } = statSync(file, { bigint: true });
    return `${ino} ${size} ${mtimeNs} ${ctimeNs}`;
  } catch {
    return 'gone';
  }
}

/** Tells when a file may have become another one. */
export class ConfigWatch {
  readonly #file: string;
  readonly #onChange: () => void;
  #watcher: FSWatcher | undefined;
  #gathering: NodeJS.Timeout | undefined;
  readonly #looking: NodeJS.Timeout;
  #seen: string;

  /** @param seen what it was like before it was read: what has changed since then is told too */
  constructor(file: string, onChange: () => void, seen = lookOf(file)) {
    this.#file = file;
    this.#onChange = onChange;
    this.#looking = setInterval(() => this.#compare(), lookMs);
    this.#looking.unref();
    this.#seen = seen;
    try {
      // Of its directory: editors put another file in its place.
      this.#watcher = watch(dirname(file), { persistent: false }, (_event, name) => {
        if (name === null || name === basename(file)) this.#soon();
      });
      this.#watcher.on('error', () => this.#watcher?.close());
    } catch {
      // What the system doesn't tell shows when it is looked at.
    }
    this.#soon();
  }

  close(): void {
    this.#watcher?.close();
    clearInterval(this.#looking);
    clearTimeout(this.#gathering);
  }

  #soon(): void {
    clearTimeout(this.#gathering);
    this.#gathering = setTimeout(() => this.#compare(), gatherMs);
  }

  #compare(): void {
    const seen = lookOf(this.#file);
    if (seen === this.#seen) return;
    this.#seen = seen;
    this.#onChange();
  }
}
