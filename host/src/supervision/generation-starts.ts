import { PluginError } from '@plugd/protocol/plugin-error';
import type { GenerationContract } from '../contract/generation-contract';
import type { Instance } from '../instance/instance';
import type { InstanceFactory, RunStep } from '../instance/instance-factory';
import type { PluginSpec } from '../instance/plugin-spec';
import type { GenerationResources } from '../resources/generation-resources';
import { beginLife, type KeptState } from './begin-life';

/** What the instances of one generation have in common. */
export interface StartsOptions {
  readonly spec: PluginSpec;
  readonly generation: number;
  readonly factory: InstanceFactory;
  readonly contract: GenerationContract;
  readonly resources: GenerationResources;
  /** The state to begin with, if one is kept. */
  readonly kept: KeptState;
}

/** Makes the instances of one generation. */
export class GenerationStarts {
  readonly #options: StartsOptions;

  constructor(options: StartsOptions) {
    this.#options = options;
  }

  /** An instance, proved. Throws what {@link InstanceFactory.start} throws. */
  one(about: { readonly signal: AbortSignal; readonly runStep: RunStep }): Promise<Instance> {
    const { factory, spec, generation, contract, resources } = this.#options;
    return factory.start(spec, { generation, contract, resources, ...about });
  }

  /** An instance that is about to serve. Nothing is left of one that can't begin, or is not wanted any more. */
  async begun(signal: AbortSignal): Promise<Instance> {
    const instance = await this.one({ signal, runStep: quietStep });
    try {
      await beginLife(instance, this.#options.kept);
      // It may have come up just as nobody wanted it any more.
      signal.throwIfAborted();
      return instance;
    } catch (error) {
      await instance.kill({ reason: 'refused' });
      throw error;
    }
  }
}

/** Tells nobody of the steps, except in what ends them. */
export const quietStep: RunStep = async (step, work) => {
  try {
    return await work();
  } catch (error) {
    throw error instanceof PluginError ? error.withFacts({ step }) : error;
  }
};
