import { setTimeout as sleep } from 'node:timers/promises';
import { Metadata, type ServiceError } from '@grpc/grpc-js';
import { type Plugin, RpcError } from '@plugd/host';
import { KvClient, KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import type { Book } from './book';
import type { CallKind } from './fault';

/** As Fault.calls has it. */
export function endingOf(error: unknown): string {
  if (!(error instanceof RpcError)) return String(error);
  return error.pluginCode === undefined ? error.codeName : `${error.codeName} ${error.pluginCode}`;
}

/** Calls a plugin again and again until it is stopped. */
export class SteadyCaller {
  readonly #book: Book;
  readonly #loops: Promise<void>[];
  #over = false;

  constructor(plugin: Plugin, book: Book, { loops, restMs }: { loops: number; restMs: number }) {
    this.#book = book;
    // A stub, since its callback would tell of an answer that came twice.
    const stub = plugin.stub(KvClient);
    this.#loops = Array.from({ length: loops }, () => this.#loop(stub, restMs));
  }

  async #loop(stub: KvClient, restMs: number): Promise<void> {
    while (!this.#over) {
      const end = this.#book.begin();
      await new Promise<void>((resolve) => {
        stub.get({ key: 'k' }, new Metadata(), { deadline: Date.now() + 10_000 }, (error) => {
          end(error === null ? 'OK' : endingOf(fromServiceError(error)));
          resolve();
        });
      });
      await sleep(restMs);
    }
  }

  async stop(): Promise<void> {
    this.#over = true;
    await Promise.all(this.#loops);
  }
}

function fromServiceError({ code, details, metadata }: ServiceError): RpcError {
  return new RpcError(code, details, { metadata });
}

/** One call of a kind, streams with their second message behind a pause. Resolves when it has ended, with how. */
export async function callOnce(
  plugin: Plugin,
  kind: CallKind,
  { timeoutMs, onAnswer }: { readonly timeoutMs: number; readonly onAnswer?: () => void },
): Promise<string> {
  try {
    await made(plugin, kind, timeoutMs, onAnswer);
    return 'OK';
  } catch (error) {
    return endingOf(error);
  }
}

const PAUSE_MS = 50;

async function made(
  plugin: Plugin,
  kind: CallKind,
  timeoutMs: number,
  onAnswer: () => void = () => {},
): Promise<void> {
  const kv = plugin.client(KvDefinition);
  const value = Buffer.from('v');
  switch (kind) {
    case 'get':
      await kv.get({ key: 'k' }, { timeoutMs });
      return;
    case 'put':
      await kv.put({ key: 'k', value }, { timeoutMs });
      return;
    case 'load':
      await kv.load(messages({ key: 'k', value }), { timeoutMs });
      return;
    case 'watch':
      for await (const { sequence } of kv.watch({ key: 'k', count: 3, intervalMs: PAUSE_MS }, { timeoutMs }))
        if (sequence === 1) onAnswer();
      return;
    case 'chat':
      for await (const _ of kv.chat(messages({ sequence: 1, text: 't' }), { timeoutMs })) onAnswer();
  }
}

async function* messages<T>(message: T): AsyncGenerator<T, void, undefined> {
  for (let i = 0; i < 3; i++) {
    yield message;
    await sleep(PAUSE_MS);
  }
}
