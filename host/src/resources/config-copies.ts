import { existsSync } from 'node:fs';
import { copyTree, digestOf, unreadable } from './config-tree';

/** Somebody's use of a copy. */
export interface ConfigCopy {
  readonly path: string;
  /** Whether it can be used: not if this use has ended, or if whoever cleans up old files has taken the copy away. */
  readonly usable: boolean;
  /** One more use of the same copy, for somebody else. Only of one that is {@link usable}. */
  another(): ConfigCopy;
  /** It is not used any more by this one; after the last one it is removed. Never rejects; may be called again. */
  release(): Promise<void>;
  /** For a copy that another host made and that goes on to be its own: nothing is removed. */
  abandon(): void;
}

/** Where copies lie: in the directory of the host, which goes with it, however it ends. */
export interface SharedDirectories {
  /** Throws PluginError RUN_DIR_UNSAFE, RUN_DIR_FULL, HOST_CLOSED. */
  makeSharedDirectory(): string;
  /** Of another host: to be removed with this one. */
  guardSharedDirectory(path: string): { release(): void };
  removeSharedDirectory(path: string): Promise<void>;
}

interface Copy {
  readonly made: Promise<string>;
  /** What is done beside the removal when nobody uses it any more. */
  readonly forget: () => void;
  users: number;
}

/** Whoever changes a directory all the time gets no copy that is of one moment. */
const attempts = 3;

/**
 * Copies of configuration directories for reading, one for each content: whoever wants the same content shares it, and it
 * is removed after the last one. The directory that was copied may change meanwhile; who comes then gets another copy.
 */
export class ConfigCopies {
  readonly #directories: SharedDirectories;
  /** Those that whoever comes may share, by the digest of their content. */
  readonly #byDigest = new Map<string, Copy>();
  /** Made by another host, by their paths. */
  readonly #adopted = new Map<string, Copy>();

  constructor(directories: SharedDirectories) {
    this.#directories = directories;
  }

  /** A copy of what the directory holds now. Throws PluginError CONFIG_UNREADABLE, RUN_DIR_FULL, RUN_DIR_UNSAFE. */
  async take(source: string): Promise<ConfigCopy> {
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const digest = await digestOf(source);
      const copy = this.#byDigest.get(digest) ?? this.#begin(source, digest);
      const use = this.#use(copy);
      try {
        const path = await copy.made;
        if (existsSync(path)) return use(path);
        // Whoever cleans up old files has taken it away.
        copy.forget();
      } catch (error) {
        copy.forget();
        if (!(error instanceof Changed)) throw error;
      }
    }
    throw unreadable(source, 'it kept changing while it was copied');
  }

  /** The copy of a process that another host started. */
  adopt(path: string): ConfigCopy {
    const copy = this.#adopted.get(path) ?? this.#adopt(path);
    return this.#use(copy)(path);
  }

  #adopt(path: string): Copy {
    const guarded = this.#directories.guardSharedDirectory(path);
    const forget = (): void => {
      guarded.release();
      this.#adopted.delete(path);
    };
    const copy: Copy = { made: Promise.resolve(path), forget, users: 0 };
    this.#adopted.set(path, copy);
    return copy;
  }

  #begin(source: string, digest: string): Copy {
    const forget = (): void => {
      if (this.#byDigest.get(digest) === copy) this.#byDigest.delete(digest);
    };
    const copy: Copy = { made: this.#make(source, digest), forget, users: 0 };
    this.#byDigest.set(digest, copy);
    return copy;
  }

  async #make(source: string, digest: string): Promise<string> {
    const path = this.#directories.makeSharedDirectory();
    try {
      await copyTree(source, path);
      // What counts is what the plugin will read.
      if ((await digestOf(path)) !== digest) throw new Changed();
      return path;
    } catch (error) {
      await this.#directories.removeSharedDirectory(path).catch(() => {});
      throw error;
    }
  }

  /** Counted at once, so that nobody removes it until it is there. */
  #use(copy: Copy): (path: string) => ConfigCopy {
    copy.users++;
    const useOf = (path: string): ConfigCopy => {
      let using = true;
      const end = (): boolean => {
        if (!using) return false;
        using = false;
        copy.users--;
        if (copy.users === 0) copy.forget();
        return copy.users === 0;
      };
      return {
        path,
        get usable() {
          return using && existsSync(path);
        },
        another: () => {
          if (!using) throw new Error(`the use of ${path} has ended`);
          copy.users++;
          return useOf(path);
        },
        release: async () => {
          // A failure leaves it to the end of the host, which tries again.
          if (end()) await this.#directories.removeSharedDirectory(path).catch(() => {});
        },
        abandon: () => void end(),
      };
    };
    return useOf;
  }
}

/** The copy holds something else than was there when it was begun. */
class Changed extends Error {}
