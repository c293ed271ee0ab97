import { dirname } from 'node:path';
import type { BrokerSecurity } from '@plugd/protocol/broker/security';
import type { PluginError } from '@plugd/protocol/plugin-error';
import type { ChannelSecurity } from '../connection/channel';
import { Connection } from '../connection/connection';
import type { Description } from '../connection/lifecycle';
import { MultiplexedWire } from '../connection/multiplexed-wire';
import { reflectContract } from '../connection/reflected-contract';
import type { Contract } from '../contract/contract';
import { GenerationContract } from '../contract/generation-contract';
import { errorCause } from '../events/error-cause';
import type { Cause, EmitEvent, InstanceState } from '../events/host-event';
import { type Logger, logPluginRecord } from '../events/logger';
import type { InstanceRecord } from '../launch/instance-record';
import type { ExitInfo } from '../launch/keeper';
import type { LaunchedInstance } from '../launch/launched-instance';
import { waitAtMost } from '../launch/wait-at-most';
import { transitions } from './transitions';

/** What every instance of a host shares. */
export interface InstanceSurroundings {
  readonly emit: EmitEvent;
  readonly logger: Logger;
}

/** How long a plugin may take to tell its contract: nobody waits for it. */
const reflectionTimeoutMs = 10_000;

export interface InstanceIdentity {
  readonly id: string;
  readonly plugin: string;
  readonly version: string;
  readonly generation: number;
}

/**
 * One process with its connection: the state machine of its life. It can be built from a record without having
 * started the process.
 */
export class Instance {
  readonly identity: InstanceIdentity;
  readonly #surroundings: InstanceSurroundings;
  #state: InstanceState | undefined;
  #launched: LaunchedInstance | undefined;
  #connection: Connection | undefined;
  /** What the plugin says of itself, once it was asked; undefined where it says nothing. */
  description: Description | undefined;
  #stopping: Promise<void> | undefined;
  readonly #onExit = new Set<() => void>();
  readonly #contract: GenerationContract;
  /** Fires when it is to leave: questions of the host's own are given up then. */
  readonly #leaving = new AbortController();

  /** @param contract shared by the instances of a generation */
  constructor(
    identity: InstanceIdentity,
    surroundings: InstanceSurroundings,
    contract: GenerationContract = new GenerationContract(),
  ) {
    this.identity = identity;
    this.#surroundings = surroundings;
    this.#contract = contract;
    this.transition('starting', { reason: 'asked' });
  }

  get state(): InstanceState {
    return this.#state ?? 'starting';
  }

  /** Undefined until the process has shaken hands. */
  get record(): InstanceRecord | undefined {
    return this.#launched?.record;
  }

  get launched(): LaunchedInstance {
    if (this.#launched === undefined) throw new Error(`instance ${this.identity.id} has no process yet`);
    return this.#launched;
  }

  get connection(): Connection {
    if (this.#connection === undefined) throw new Error(`instance ${this.identity.id} has no connection yet`);
    return this.#connection;
  }

  /** Opens the channel to a process that has shaken hands. Throws PluginError CONNECT_FAILED. */
  async connect(launched: LaunchedInstance, security: ChannelSecurity | undefined): Promise<void> {
    const { record } = launched;
    this.#launched = launched;
    const { multiplex } = record.capabilities;
    const wire = multiplex ? await MultiplexedWire.connect(record, record.directory) : undefined;
    const connection = new Connection(record, security ?? autoMtlsSecurity(record), wire);
    this.#connection = connection;
    void launched.exited.then(() => {
      connection.processEnded();
      for (const listener of this.#onExit) listener();
      this.#onExit.clear();
    });
  }

  /**
   * Calls back when the process has ended, however it came to that; at once, if it has. What this returns takes it back:
   * for those who wait often in a long life, whom a promise of its exit would all keep.
   */
  onExit(listener: () => void): () => void {
    if (this.launched.exit !== undefined) {
      listener();
      return () => {};
    }
    const own = (): void => listener();
    this.#onExit.add(own);
    return () => void this.#onExit.delete(own);
  }

  /** Opens the instance's broker: for whoever started the process, once. */
  openBroker(tls: ChannelSecurity | undefined): void {
    const { record } = this.launched;
    this.connection.openBroker(
      record.directory,
      brokerSecurity(tls ?? autoMtlsSecurity(record)),
      peerDirectory(record),
    );
  }

  /** Reads the plugin's stdio stream into the host's log. */
  readStdio(): void {
    this.connection.readStdio((record) => logPluginRecord(this.#surroundings.logger, this.origin, record));
  }

  /** The contract as far as it is known: what the application gave, and once {@link contract} has asked, all of it. */
  get contractNow(): Contract {
    return this.#contract.now;
  }

  /**
   * What the application gave, over what the plugin says of itself. It is asked once in a generation's life; if it can't
   * be, the given one is all there is.
   */
  async contract(): Promise<Contract> {
    const { signal } = this.#leaving;
    try {
      return await this.#contract.ask(() =>
        reflectContract(this.connection.channel, { timeoutMs: reflectionTimeoutMs, signal }),
      );
    } catch (error) {
      // One that leaves meanwhile has nothing to be asked any more.
      if (signal.aborted) return this.contractNow;
      const about = { ...this.origin, error: String(error) };
      this.#surroundings.logger.debug('the plugin could not be asked for its contract', about);
      return this.contractNow;
    }
  }

  get origin(): { readonly plugin: string; readonly instance: string } {
    return { plugin: this.identity.plugin, instance: this.identity.id };
  }

  /** The only way in which the state changes. An illegal change is a defect of the host, and throws. */
  transition(to: InstanceState, cause: Cause): void {
    const from = this.#state;
    if (from !== undefined && !transitions[from].includes(to)) {
      throw new Error(`instance ${this.identity.id} can't go from ${from} to ${to}`);
    }
    this.#state = to;
    const { id, plugin, version, generation } = this.identity;
    this.#surroundings.emit({
      type: 'instance',
      plugin,
      instance: id,
      version,
      generation,
      pid: this.#launched?.record.pid,
      from,
      to,
      cause,
    });
  }

  /** Marks the instance as lost, unless it has ended already. */
  fail(error: PluginError): void {
    if (this.ended) return;
    this.transition('failed', errorCause(error));
  }

  /** Whether its state is an end: nothing comes after it. */
  get ended(): boolean {
    return this.#state === 'stopped' || this.#state === 'failed';
  }

  /** Calls back when the process ends although nobody asked it to. */
  onCrash(listener: (exit: ExitInfo) => void): void {
    void this.launched.exited.then((exit) => {
      if (this.#stopping === undefined && !this.ended) listener(exit);
    });
  }

  /**
   * Shutdown with a deadline, SIGTERM, SIGKILL; then nothing of it is left. May be called again. The caller has
   * drained it. Throws PluginError STOP_FAILED.
   */
  stop(timeoutMs: number, cause: Cause): Promise<void> {
    this.#stopping ??= this.#stop(timeoutMs, cause);
    return this.#stopping;
  }

  async #stop(timeoutMs: number, cause: Cause): Promise<void> {
    this.#leaving.abort();
    const launched = this.#launched;
    try {
      if (launched === undefined) return;
      if (launched.exit === undefined && launched.record.foreign !== 'leave') {
        const answer = await this.#connection?.shutdown(timeoutMs);
        // What the plugin prints last comes through the connection, which is closed when the process is gone. One
        // that knows no Shutdown, or did not answer, won't leave by being waited for.
        if (answer === 'answered') await waitAtMost(launched.exited, timeoutMs);
      }
      if (launched.record.foreign === 'ask' && launched.exit === undefined) {
        this.#surroundings.logger.warn('the process did not leave, and is not this host’s to end', {
          ...this.origin,
          pid: launched.record.pid,
        });
      }
      await launched.stop({ timeoutMs });
    } finally {
      this.#connection?.close();
      if (!this.ended) this.transition('stopped', cause);
    }
  }

  /** Ends it at once: for one that never served. */
  async kill(cause: Cause): Promise<void> {
    this.#leaving.abort();
    this.#stopping ??= (async () => {
      this.#connection?.close();
      await this.#launched?.kill();
    })();
    await this.#stopping;
    if (!this.ended) this.transition('stopped', cause);
  }

  /** Lets go of the process without ending it: it is another host's now. */
  release(): void {
    this.#leaving.abort();
    this.#stopping ??= Promise.resolve();
    this.#connection?.close();
  }
}

/** Where the plugin's own sockets may lie. One that was started by hand chose the place itself. */
function peerDirectory({ foreign, network, address, directory }: InstanceRecord): string | undefined {
  if (foreign === undefined) return directory;
  return network === 'unix' ? dirname(address) : undefined;
}

/** Brokered connections are secured as the first one; without a certificate of the host's own they can't be. */
function brokerSecurity(security: ChannelSecurity | undefined): BrokerSecurity | undefined {
  if (security?.ca === undefined || security.certificate === undefined || security.key === undefined)
    return undefined;
  return {
    certificatePem: security.certificate.toString(),
    keyPem: security.key.toString(),
    peerCertificatePem: security.ca.toString(),
  };
}

/** With AutoMTLS each side trusts the other's one certificate, and nobody else. */
function autoMtlsSecurity(record: InstanceRecord): ChannelSecurity | undefined {
  if (record.hostCertificate === null || record.pluginCertificatePem === null) return undefined;
  return {
    ca: record.pluginCertificatePem,
    certificate: record.hostCertificate.certificatePem,
    key: record.hostCertificate.keyPem,
  };
}
