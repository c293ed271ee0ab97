import type { PluginError } from '@plugd/protocol/plugin-error';
import type { Cause } from '../events/host-event';
import type { Logger } from '../events/logger';
import type { Instance } from '../instance/instance';
import type { PluginSpec } from '../instance/plugin-spec';
import { type DrainResult, Endpoint } from '../routing/endpoint';
import type { Refusal } from '../routing/refusal';

/** For a plugin to take note that it drains. What it does then has the drain's own limit. */
const announceTimeoutMs = 1_000;

/** One of the equal instances of a generation, with its place in the route. */
export class Replica {
  readonly endpoint: Endpoint;
  /** When it began to serve: `performance.now()`. */
  readonly servedSince = performance.now();

  constructor(
    readonly instance: Instance,
    readonly spec: PluginSpec,
  ) {
    this.endpoint = new Endpoint(instance.identity.generation, instance.connection.channel);
  }

  get id(): string {
    return this.instance.identity.id;
  }

  /** Whether its process is there. */
  get alive(): boolean {
    return !this.instance.ended && this.instance.launched.exit === undefined;
  }

  /** Undefined once the process is gone. */
  get pid(): number | undefined {
    return this.alive ? this.instance.launched.record.pid : undefined;
  }

  /** Lets it finish its calls, now that no new ones come; what is left at the limit is cut. May be called again. */
  drain(limitMs: number, cause: Cause, refusal?: Refusal): Promise<DrainResult> {
    const { instance, endpoint } = this;
    if (!instance.ended && instance.state !== 'draining') instance.transition('draining', cause);
    // Not awaited: calls may end long before the plugin has answered. One without calls need not know.
    if (endpoint.inFlight > 0 && !instance.ended) {
      void instance.connection.lifecycle.announceDrain(limitMs, { timeoutMs: announceTimeoutMs });
    }
    return endpoint.drain(limitMs, refusal);
  }

  /** Asks it to leave, and sees to it that it does. Throws PluginError STOP_FAILED. */
  stop(cause: Cause): Promise<void> {
    return this.instance.stop(this.spec.stopTimeoutMs, cause);
  }

  /** Sends it away while others serve: it finishes what it has, and is ended. What can't be is logged. */
  async dismiss(cause: Cause, logger: Logger): Promise<void> {
    await this.drain(this.spec.drainTimeoutMs, cause);
    await this.#end(cause, logger);
  }

  /** Gives it up, since it does not answer: after a moment of grace its calls are lost, and it is ended. */
  async abandon(cause: Cause, logger: Logger): Promise<void> {
    this.endpoint.lose();
    const details = `Plugin ${this.instance.identity.plugin}: its process did not answer any more, and was given up`;
    await this.drain(this.spec.stopTimeoutMs, cause, { code: 'INSTANCE_LOST', details });
    await this.#end(cause, logger);
  }

  /**
   * After its process has ended by itself: logs its last words, and removes what is left of it: descendants, sockets, the
   * directory. Throws PluginError STOP_FAILED, and logs it.
   */
  async clear({ code, summary }: PluginError, logger: Logger): Promise<void> {
    const { launched, origin } = this.instance;
    // The exit is often known before the last of its output has been read.
    await launched.outputEnded;
    logger.error(summary, { ...origin, ...launched.error(code, summary).facts });
    await this.#end({ reason: 'crash' }, logger);
  }

  async #end(cause: Cause, logger: Logger): Promise<void> {
    try {
      await this.stop(cause);
    } catch (left) {
      logger.error('a process could not be ended', { ...this.instance.origin, error: String(left) });
      throw left;
    }
  }
}
