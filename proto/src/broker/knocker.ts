import type { ConnInfo } from '../gen/plugin/grpc_broker';
import type { PluginError } from '../plugin-error';
import { printable } from '../printable';
import { brokerError } from './broker-error';
import type { Clock } from './clock';
import { MAX_WAITING, WAIT_MS } from './rules';

interface Pending {
  readonly id: number;
  settle(error?: PluginError): void;
}

export interface KnockerOptions {
  readonly clock: Clock;
  send(info: ConnInfo): Promise<void>;
  /**
   * A knock that was given up is answered after all: the other side gives the next stream to that id, so one must be
   * opened for it, or the ids of all that follow were mixed up.
   */
  onLate(id: number): void;
}

/** Asks the other side to take the next stream for an id, and waits for its word. One knock at a time. */
export class Knocker {
  readonly #options: KnockerOptions;
  readonly #givenUp = new Map<number, number>();
  #pending: Pending | undefined;
  #closed: PluginError | undefined;

  constructor(options: KnockerOptions) {
    this.#options = options;
  }

  /** @throws PluginError BROKER_TIMEOUT, BROKER_REFUSED, BROKER_PROTOCOL, or why it was closed */
  async knock(id: number): Promise<void> {
    if (this.#closed !== undefined) throw this.#closed;
    await new Promise<void>((resolve, reject) => {
      const cancel = this.#options.clock.after(WAIT_MS, () => {
        this.#giveUp(id);
        pending.settle(timedOut(id));
      });
      const pending: Pending = {
        id,
        settle: (error) => {
          cancel();
          this.#pending = undefined;
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      this.#pending = pending;
      const knock = { knock: true, ack: false, error: '' };
      this.#options
        .send({ serviceId: id, network: '', address: '', knock })
        .catch((error: PluginError) => this.close(error));
    });
  }

  /** A message that is no knock of the other side's. */
  answered({ serviceId, knock }: ConnInfo): void {
    const pending = this.#pending;
    if (pending?.id !== serviceId) {
      if (knock?.ack) this.#late(serviceId, knock.error);
    } else if (!knock?.knock || !knock.ack) {
      pending.settle(
        brokerError(
          'BROKER_PROTOCOL',
          `The other side answered the knock for id ${serviceId} with something else.`,
          {
            serviceId,
          },
        ),
      );
    } else if (knock.error !== '') {
      const error = printable(knock.error.slice(0, 1000));
      pending.settle(
        brokerError('BROKER_REFUSED', `The other side refused the knock for id ${serviceId}: ${error}.`, {
          serviceId,
          error,
        }),
      );
    } else {
      pending.settle();
    }
  }

  close(reason: PluginError): void {
    this.#closed ??= reason;
    this.#pending?.settle(reason);
  }

  #giveUp(id: number): void {
    if (this.#givenUp.size < MAX_WAITING) this.#givenUp.set(id, (this.#givenUp.get(id) ?? 0) + 1);
  }

  /** Only knocks of ours have answers: an answer to another is a peer's mistake and has no effect. */
  #late(id: number, error: string): void {
    const count = this.#givenUp.get(id);
    if (count === undefined) return;
    if (count > 1) this.#givenUp.set(id, count - 1);
    else this.#givenUp.delete(id);
    if (error === '') this.#options.onLate(id);
  }
}

function timedOut(serviceId: number): PluginError {
  return brokerError(
    'BROKER_TIMEOUT',
    `The other side did not answer the knock for id ${serviceId} within ${WAIT_MS} ms.`,
    { serviceId, waitedMs: WAIT_MS },
  );
}
