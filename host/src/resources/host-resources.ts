import type { InstanceRecord } from '../launch/instance-record';
import { ConfigCopies, type SharedDirectories } from './config-copies';
import { GenerationResources, type InstanceResources, type ResourceWishes } from './generation-resources';
import { PortBook } from './port-book';

/** What a host keeps for its plugins without their doing. */
export class HostResources {
  readonly #books: { readonly configs: ConfigCopies; readonly ports: PortBook };

  constructor(directories: SharedDirectories) {
    this.#books = { configs: new ConfigCopies(directories), ports: new PortBook() };
  }

  /** What the instances of a new generation share. Whoever asks for it releases it when the generation has ended. */
  ofGeneration(wishes: ResourceWishes): GenerationResources {
    return new GenerationResources(wishes, this.#books);
  }

  /**
   * Starts a process with what it is to have; whoever starts it releases that when the process is gone. It is given back if
   * the process does not come up.
   *
   * Throws what {@link GenerationResources.forInstance} and `start` throw.
   */
  async start<T>(
    { wishes, instance, shared, signal }: StartWithResources,
    start: (resources: InstanceResources) => Promise<T>,
  ): Promise<T> {
    const generation = shared ?? this.ofGeneration(wishes);
    try {
      const own = await generation.forInstance(instance, signal);
      try {
        return await start(own);
      } catch (error) {
        await own.release();
        throw error;
      }
    } finally {
      if (shared === undefined) await generation.release();
    }
  }

  /** Takes over a process that another host started, with what it was given there. Throws what `attach` throws. */
  async attach<T>(
    { wishes, record, shared }: AttachWithResources,
    attach: (resources: InstanceResources) => Promise<T>,
  ): Promise<T> {
    const generation = shared ?? this.ofGeneration(wishes);
    const own = generation.adopt(record);
    // Of the two uses the process's own is the last one.
    if (shared === undefined) await generation.release();
    try {
      return await attach(own);
    } catch (error) {
      own.abandon();
      throw error;
    }
  }
}

export interface StartWithResources {
  readonly wishes: ResourceWishes;
  /** Its id. */
  readonly instance: string;
  /** What it has in common with others. Default: nothing. */
  readonly shared: GenerationResources | undefined;
  readonly signal: AbortSignal;
}

export interface AttachWithResources {
  readonly wishes: ResourceWishes;
  readonly record: InstanceRecord;
  readonly shared: GenerationResources | undefined;
}
