import { status } from '@grpc/grpc-js';
import type { Broker } from '@plugd/protocol/broker/broker';
import type { Carry } from '@plugd/protocol/broker/brokered-channel';
import type { GRPCBrokerDefinition } from '@plugd/protocol/gen/plugin/grpc_broker';
import { PluginError } from '@plugd/protocol/plugin-error';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';
import type { AdaptOptions, ServiceImplementation } from '@plugd/protocol/rpc/service';
import type { BrokerWays } from './broker-ways';
import type { ContextBroker } from './context-broker';

/** The wire's own limit for everything that a broker waits for. */
const WAIT_MS = 5000;

interface Waiter {
  resolve(broker: Broker): void;
  reject(reason: PluginError): void;
}

/** The plugin's end of go-plugin's broker: a broker for each stream that a host opens, of which the last is used. */
export class PluginBroker {
  readonly #calls: AdaptOptions;
  readonly #carry: Carry;
  readonly #open = new Set<Broker>();
  readonly #waiting = new Set<Waiter>();
  #ways: (() => BrokerWays) | undefined;
  #inUse: Broker | undefined;
  /** Why nobody gets a broker any more, or at all. */
  #refusal: PluginError | undefined;

  /**
   * @param calls for all services that are served
   * @param carry for all calls to the host
   */
  constructor(calls: AdaptOptions, carry: Carry) {
    this.#calls = calls;
    this.#carry = carry;
  }

  /** Registered as plugin.GRPCBroker. What it takes is loaded when a host comes: not at the start. */
  readonly service: ServiceImplementation<GRPCBrokerDefinition> = {
    startStream: (requests, call) => {
      const { openBroker }: typeof import('./open-broker') = require('./open-broker');
      const ways = this.#ways;
      if (ways === undefined) throw new RpcError(status.UNIMPLEMENTED, 'This plugin has no broker.');
      const { broker, outgoing } = openBroker(requests, call, ways(), this.#calls);
      this.#begin(broker);
      return outgoing;
    },
  };

  /** What the plugin's setup gets of it. */
  readonly context: ContextBroker = {
    serve: async (definition, implementation, options = {}) => {
      const broker = await this.#current();
      if (!options.untilLeft) return broker.serve(definition, implementation);
      const { serveUntilLeft }: typeof import('./serve-until-left') = require('./serve-until-left');
      return serveUntilLeft(broker, definition, implementation, this.#calls, this.#ways?.().security);
    },
    dial: async (id) => (await this.#current()).dial(id, { carry: this.#carry }),
    release: async (id) => {
      await this.#inUse?.release(id);
    },
  };

  /** Before the first host comes. @param ways asked for each broker */
  connectBy(ways: () => BrokerWays): void {
    this.#ways = ways;
  }

  /** Nobody waits for a host any more. A broker that is open stays. */
  expectNoMore(
    reason = new PluginError('BROKER_CLOSED', 'The plugin is leaving, and its host has closed the broker.'),
  ): void {
    this.#refusal ??= reason;
    for (const waiter of this.#waiting) waiter.reject(this.#refusal);
  }

  /** Ends all of it: sockets, servers, channels, and the hosts' streams. */
  close(): void {
    this.expectNoMore();
    for (const broker of [...this.#open]) broker.close();
  }

  #begin(broker: Broker): void {
    this.#open.add(broker);
    this.#inUse = broker;
    void broker.closed.then(() => {
      this.#open.delete(broker);
      if (this.#inUse === broker) this.#inUse = undefined;
    });
    for (const waiter of this.#waiting) waiter.resolve(broker);
  }

  #current(): Promise<Broker> {
    if (this.#inUse !== undefined) return Promise.resolve(this.#inUse);
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal);
    return new Promise((resolve, reject) => {
      const settled = (): void => {
        clearTimeout(limit);
        this.#waiting.delete(waiter);
      };
      const waiter: Waiter = {
        resolve: (broker) => {
          settled();
          resolve(broker);
        },
        reject: (reason) => {
          settled();
          reject(reason);
        },
      };
      const limit = setTimeout(() => waiter.reject(noBroker()), WAIT_MS);
      this.#waiting.add(waiter);
    });
  }
}

function noBroker(): PluginError {
  return new PluginError('BROKER_TIMEOUT', `No host has opened the broker within ${WAIT_MS} ms.`);
}
