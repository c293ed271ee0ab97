import { status } from '@grpc/grpc-js';
import type { Plugin } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';
import type { Answer, Ledger } from '../support/ledger';

/** What the ledger reads of a stream of which nothing but its headers came. */
const tornAtOnce = 'torn before its first message';

/** Whether it is the error of a call that was lost with its process. */
export function isLost(error: unknown): error is RpcError {
  return (
    error instanceof RpcError &&
    error.code === status.UNAVAILABLE &&
    error.pluginCode === 'INSTANCE_LOST' &&
    error.executed === 'maybe'
  );
}

/**
 * Loops of streams of ten messages. One of which nothing has come yet may be begun anew; the others are torn by a
 * crash, which is no fault: that is all that anybody could do about them.
 */
export class Watches {
  torn = 0;
  whole = 0;
  readonly #stop = new AbortController();
  readonly #loops: Promise<void>[];

  constructor(plugin: Plugin, ledger: Ledger, count: number) {
    const client = plugin.client(KvDefinition);
    const call = async (): Promise<readonly Answer[]> => {
      const answers: Answer[] = [];
      let answered = false;
      const onHeader = (): void => {
        answered = true;
      };
      try {
        for await (const answer of client.watch({ key: 'k', count: 10, intervalMs: 10 }, { onHeader })) {
          if (answer.sequence !== answers.push(answer)) throw new Error('a message is missing');
        }
        if (answers.length !== 10) throw new Error(`short: ${answers.length} of 10 messages`);
        this.whole++;
      } catch (error) {
        if (!answered || !isLost(error)) throw error;
        this.torn++;
        if (answers.length === 0) throw new Error(tornAtOnce);
      }
      return answers;
    };
    this.#loops = Array.from({ length: count }, async () => {
      while (!this.#stop.signal.aborted) {
        await ledger.enter('watch', call);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    });
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#loops);
  }
}

/** What is wrong in the ledger: streams that broke off after their headers are not. */
export function faults(ledger: Ledger): string[] {
  return ledger.wrong.filter((fault) => !fault.endsWith(tornAtOnce));
}
