import { PluginError } from '@plugd/protocol/plugin-error';
import type { InstanceRecord } from '../launch/instance-record';
import { waitAtMost } from '../launch/wait-at-most';
import type { ConfigCopies, ConfigCopy } from './config-copies';
import { unreadable } from './config-tree';
import type { PortBook, PortClaim, Ports } from './port-book';

/** What the host is to keep for a plugin that knows nothing of it: see `LoadOptions`. */
export interface ResourceWishes {
  readonly name: string;
  readonly scratch: boolean;
  /** Absolute. */
  readonly config: string | undefined;
  readonly ports: Ports;
  readonly startTimeoutMs: number;
  readonly stopTimeoutMs: number;
}

/** What one process has of it, until it is gone. */
export interface InstanceResources {
  readonly scratch: boolean;
  readonly configDirectory: string | undefined;
  readonly ports: Ports | undefined;
  /** Its process is gone. Never rejects; may be called again. */
  release(): Promise<void>;
}

/** The books of a host. */
export interface ResourceBooks {
  readonly configs: ConfigCopies;
  readonly ports: PortBook;
}

/**
 * What the processes of one generation have in common: also one that is started much later, in the place of a lost one,
 * gets the configuration with which its generation began.
 */
export class GenerationResources {
  readonly #wishes: ResourceWishes;
  readonly #books: ResourceBooks;
  /** The generation's own use, beside those of its processes. */
  #config: Promise<ConfigCopy> | undefined;
  #ended = false;

  constructor(wishes: ResourceWishes, books: ResourceBooks) {
    this.#wishes = wishes;
    this.#books = books;
  }

  /**
   * What a process is to be started with. Waits until its ports are free, for `stopTimeoutMs`.
   *
   * Throws PluginError CONFIG_UNREADABLE, RUN_DIR_FULL, PORT_IN_USE, and the signal's reason.
   */
  async forInstance(instance: string, signal: AbortSignal): Promise<InstanceResources> {
    const { name, scratch, config, ports, startTimeoutMs, stopTimeoutMs } = this.#wishes;
    const copy = config === undefined ? undefined : await this.#ownCopy(config, startTimeoutMs);
    try {
      signal.throwIfAborted();
      if (Object.keys(ports).length === 0) return held(scratch, copy, undefined);
      const claim = await this.#books.ports.claim(name, instance, ports, { limitMs: stopTimeoutMs, signal });
      return held(scratch, copy, claim);
    } catch (error) {
      await copy?.release();
      throw error;
    }
  }

  /** What a process has that another host started. */
  adopt({ id, plugin, configDirectory, ports }: InstanceRecord): InstanceResources & { abandon(): void } {
    const { configs, ports: book } = this.#books;
    const copy = configDirectory === undefined ? undefined : configs.adopt(configDirectory);
    if (configDirectory !== undefined && !this.#ended) {
      this.#config ??= Promise.resolve(configs.adopt(configDirectory));
    }
    const claim = ports === undefined ? undefined : book.adopt(plugin, id, ports);
    const abandon = (): void => {
      copy?.abandon();
      claim?.release();
    };
    return { ...held(false, copy, claim), abandon };
  }

  /** The generation has ended, or is not to come: nothing is started any more. Never rejects; may be called again. */
  release(): Promise<void> {
    return this.#end((copy) => copy.release());
  }

  /** The generation goes on, but not in this host: what its processes use stays where it is. Never rejects. */
  abandon(): Promise<void> {
    return this.#end(async (copy) => copy.abandon());
  }

  async #end(how: (copy: ConfigCopy) => Promise<void>): Promise<void> {
    this.#ended = true;
    const config = this.#config;
    this.#config = undefined;
    await config?.then(how, () => {});
  }

  /** For one process: a use of its own of what the generation uses. */
  async #ownCopy(source: string, limitMs: number): Promise<ConfigCopy> {
    if (this.#ended) throw ended();
    this.#config ??= this.#books.configs.take(source);
    const config = this.#config;
    const copy = await waitAtMost(config, limitMs).catch((error: unknown) => {
      this.#forget(config);
      throw error;
    });
    if (copy === undefined) {
      this.#forget(config);
      // It may come yet.
      config.then(
        (late) => late.release(),
        () => {},
      );
      throw unreadable(source, `it was not read within ${limitMs} ms`);
    }
    if (this.#ended) throw ended();
    if (copy.usable) return copy.another();
    this.#forget(config);
    await copy.release();
    return this.#ownCopy(source, limitMs);
  }

  /** A later start is to try again. */
  #forget(config: Promise<ConfigCopy>): void {
    if (this.#config === config) this.#config = undefined;
  }
}

function ended(): PluginError {
  return new PluginError('ABORTED', 'The generation that was to be started has ended.');
}

function held(
  scratch: boolean,
  copy: ConfigCopy | undefined,
  claim: PortClaim | undefined,
): InstanceResources {
  return {
    scratch,
    configDirectory: copy?.path,
    ports: claim?.numbers,
    release: async () => {
      claim?.release();
      await copy?.release();
    },
  };
}
