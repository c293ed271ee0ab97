import { PluginError } from '@plugd/protocol/plugin-error';
import { verifyChecksum } from '../artifact/checksum';
import { GenerationContract } from '../contract/generation-contract';
import type { EmitEvent } from '../events/host-event';
import { type Logger, logPluginRecord } from '../events/logger';
import type { InstanceRecord, KeyedCertificate } from '../launch/instance-record';
import type { LaunchSpec } from '../launch/launch-spec';
import type { Launcher } from '../launch/launcher';
import type { ReattachLine } from '../launch/reattach-line';
import type { Platform } from '../platform/platform';
import type { GenerationResources, InstanceResources } from '../resources/generation-resources';
import { HostResources } from '../resources/host-resources';
import { CertificateSupply } from './certificates';
import { Instance } from './instance';
import type { PluginSpec } from './plugin-spec';
import { type ProofLimits, proveContract, proveHealth, proveVersion } from './prove';

/** The parts of a start, in their order. */
export type StartStep = 'start' | 'health' | 'contract';

/** How a start reports its parts: it runs each through this. */
export type RunStep = <T>(step: StartStep, work: () => Promise<T>) => Promise<T>;

export interface StartOptions {
  readonly generation: number;
  /** What the instances of the generation share. Default: one of this instance's own. */
  readonly contract?: GenerationContract;
  /** What they share of what the host keeps for them: see {@link InstanceFactory.resourcesFor}. Default: this one's own. */
  readonly resources?: GenerationResources;
  /** Gives the start up; the process is ended and ABORTED thrown. */
  readonly signal: AbortSignal;
  readonly runStep: RunStep;
}

export interface InstanceFactoryOptions {
  readonly launcher: Launcher;
  readonly platform: Platform;
  readonly logger: Logger;
  readonly emit: EmitEvent;
}

/** Makes instances: by starting a process and proving that it answers, or from the record of one that runs. */
export class InstanceFactory {
  readonly #options: InstanceFactoryOptions;
  readonly #certificates = new CertificateSupply();
  readonly #surroundings: { readonly emit: EmitEvent; readonly logger: Logger };
  readonly #resources: HostResources;
  #count = 0;

  constructor(options: InstanceFactoryOptions) {
    this.#options = options;
    this.#resources = new HostResources(options.launcher);
    this.#surroundings = { emit: options.emit, logger: options.logger };
    this.#certificates.prepare();
  }

  /**
   * The absolute path of what a spec names. Throws PluginError COMMAND_NOT_FOUND and its kin; see
   * {@link LoadOptions.command}.
   */
  resolveCommand(spec: PluginSpec): string {
    return this.#options.platform.resolveCommand(spec.command, process.cwd(), process.env);
  }

  /** What the instances of a new generation are to share. Whoever asks for it releases it when the generation has ended. */
  resourcesFor(spec: PluginSpec): GenerationResources {
    return this.#resources.ofGeneration(spec);
  }

  /** A ready instance. On any failure nothing of it is left. Throws PluginError with one of the codes of a start. */
  async start(spec: PluginSpec, options: StartOptions): Promise<Instance> {
    const { logger, launcher } = this.#options;
    const { signal, generation } = options;
    // Inside the step, so that the error which the step reports is the one that is thrown.
    const runStep: RunStep = (step, work) =>
      options.runStep(step, async () => {
        try {
          return await work();
        } catch (error) {
          throw asPluginError(error, signal);
        }
      });
    const id = `${spec.name}-${generation}-${++this.#count}`;
    const instance = new Instance(
      { id, plugin: spec.name, version: spec.version, generation },
      this.#surroundings,
      options.contract ?? new GenerationContract(spec.contract.contract),
    );
    const deadline = performance.now() + spec.startTimeoutMs;
    const limits: ProofLimits = { deadline, signal };
    try {
      await runStep('start', async () => {
        if (spec.sha256 !== undefined) await verifyChecksum(spec.command, spec.sha256);
        const keep = { wishes: spec, instance: id, shared: options.resources, signal };
        const launched = await this.#resources.start(keep, async (resources) => {
          const about = await this.#launchSpec(spec, id, generation, resources);
          return launcher.start(about, {
            signal,
            onOutput: (record) => logPluginRecord(logger, instance.origin, record),
            onRemoved: resources.release,
          });
        });
        await instance.connect(launched, spec.tls);
      });
      await runStep('health', async () => {
        // The connection is up with the first answer, and the second question costs no round trip of its own.
        await Promise.all([proveHealth(instance, limits, logger), proveVersion(instance, limits)]);
        instance.readStdio();
        instance.openBroker(spec.tls);
      });
      if (spec.contract.required.length > 0) {
        await runStep('contract', () => proveContract(instance, spec.contract, limits, logger));
      }
      instance.transition('ready', { reason: 'proved' });
      void instance.contract();
      return instance;
    } catch (error) {
      const failure = asPluginError(error, signal);
      // Whoever asked for it gets it too; its last words are in the facts, which events don't have.
      const { code, summary, facts } = failure;
      logger.info('a start failed', { ...facts, ...instance.origin, code, error: summary });
      instance.fail(failure);
      await instance.kill({ reason: 'start-failed' }).catch((left: unknown) => {
        logger.error('a process could not be ended', { ...instance.origin, error: String(left) });
      });
      throw failure;
    }
  }

  /** An instance for a process that runs. Throws PluginError ATTACH_FAILED and those of a connection. */
  async attach(
    spec: PluginSpec,
    record: InstanceRecord,
    {
      contract,
      signal,
      resources,
    }: Pick<StartOptions, 'signal' | 'resources'> & { readonly contract: GenerationContract },
  ): Promise<Instance> {
    const { id, plugin, version, generation } = record;
    if (record.capabilities.multiplex) {
      throw new PluginError(
        'ATTACH_FAILED',
        `Plugin ${plugin} is multiplexed: its one connection belongs to the host that started it.`,
      );
    }
    const keep = { wishes: spec, record, shared: resources };
    const launched = await this.#resources.attach(keep, ({ release }) =>
      this.#options.launcher.attach(record, { onRemoved: release }),
    );
    const instance = new Instance({ id, plugin, version, generation }, this.#surroundings, contract);
    try {
      await instance.connect(launched, spec.tls);
      const deadline = performance.now() + spec.startTimeoutMs;
      const limits: ProofLimits = { deadline, signal };
      await proveHealth(instance, limits, this.#options.logger);
      await proveVersion(instance, limits);
      instance.transition('ready', { reason: 'attached' });
      void instance.contract();
      return instance;
    } catch (error) {
      // The process was there before us: what we could not reach is not ours to end.
      instance.release();
      const failure = asPluginError(error, signal);
      instance.fail(failure);
      throw failure;
    }
  }

  /**
   * An instance for a process that was started by hand, proved as one that the host starts itself. It is left running
   * whatever fails. Throws PluginError ATTACH_FAILED, and the codes of a start after its handshake.
   */
  async attachByLine(
    spec: PluginSpec,
    line: ReattachLine,
    options: {
      readonly generation: number;
      readonly contract: GenerationContract;
      readonly hostCertificate: KeyedCertificate | null;
      readonly signal: AbortSignal;
    },
  ): Promise<Instance> {
    const { launcher, logger } = this.#options;
    const { generation, contract, hostCertificate, signal } = options;
    const { name: plugin, version } = spec;
    const id = `${plugin}-${generation}-${++this.#count}`;
    const about = { id, plugin, version, generation };
    const launched = await launcher.attachForeign({ ...about, hostCertificate }, line);
    const instance = new Instance(about, this.#surroundings, contract);
    try {
      await instance.connect(launched, spec.tls);
      const limits: ProofLimits = { deadline: performance.now() + spec.startTimeoutMs, signal };
      await proveHealth(instance, limits, logger);
      await proveVersion(instance, limits);
      instance.readStdio();
      instance.openBroker(spec.tls);
      if (spec.contract.required.length > 0) await proveContract(instance, spec.contract, limits, logger);
      instance.transition('ready', { reason: 'attached' });
      void instance.contract();
      return instance;
    } catch (error) {
      const failure = deadAddress(asPluginError(error, signal), line);
      instance.release();
      instance.fail(failure);
      await launched.kill();
      throw failure;
    }
  }

  async #launchSpec(
    spec: PluginSpec,
    id: string,
    generation: number,
    { scratch, configDirectory, ports }: InstanceResources,
  ): Promise<LaunchSpec> {
    return {
      id,
      plugin: spec.name,
      version: spec.version,
      generation,
      command: spec.command,
      args: spec.args,
      env: spec.env,
      inheritEnv: spec.inheritEnv,
      cwd: spec.cwd,
      stdin: spec.stdin,
      cookie: spec.cookie,
      protocolVersions: spec.protocolVersions,
      certificate: spec.autoMtls ? await this.#certificates.take() : null,
      multiplex: spec.multiplex,
      startTimeoutMs: spec.startTimeoutMs,
      scratch,
      ...(configDirectory === undefined ? {} : { configDirectory }),
      ...(ports === undefined ? {} : { ports }),
      ...(spec.unixSocketGroup === undefined ? {} : { unixSocketGroup: spec.unixSocketGroup }),
      ...(spec.minPort === undefined ? {} : { minPort: spec.minPort }),
      ...(spec.maxPort === undefined ? {} : { maxPort: spec.maxPort }),
    };
  }
}

/** Where nothing answers, it is the line that is out of date. */
function deadAddress(error: PluginError, { network, address, pid }: ReattachLine): PluginError {
  if (error.code !== 'CONNECT_FAILED') return error;
  return new PluginError('ATTACH_FAILED', `No plugin answers at ${address}: ${error.summary}`, {
    facts: { ...error.facts, network, address, pid },
    hint: 'The line may be an old one, or the plugin may expect TLS: start it again, and give the line that it prints.',
    cause: error,
  });
}

function asPluginError(error: unknown, signal: AbortSignal): PluginError {
  if (signal.aborted && signal.reason instanceof PluginError) {
    // The same, but it may have been told more on its way here.
    return error instanceof PluginError && error.code === signal.reason.code ? error : signal.reason;
  }
  if (error instanceof PluginError) return error;
  if (signal.aborted) return new PluginError('ABORTED', 'The start was given up.', { cause: error });
  return new PluginError('CONNECT_FAILED', `The plugin could not be asked: ${String(error)}`, {
    cause: error,
  });
}
