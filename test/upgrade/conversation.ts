import type { Plugin } from '@plugd/host';
import { type ChatRequest, type ChatResponse, KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { Gate } from './gate';

/** A chat that is in flight for as long as a test wants it to be. */
export class Conversation {
  readonly #answers: AsyncIterator<ChatResponse>;
  #next = new Gate();
  #message: ChatRequest | undefined;
  #sequence = 0;

  constructor(plugin: Plugin) {
    this.#answers = plugin.client(KvDefinition).chat(this.#messages())[Symbol.asyncIterator]();
  }

  async *#messages(): AsyncGenerator<ChatRequest, void, undefined> {
    for (;;) {
      await this.#next.passed;
      this.#next = new Gate();
      if (this.#message === undefined) return;
      yield this.#message;
    }
  }

  /** Says something and returns who answered. */
  async say(): Promise<ChatResponse> {
    this.#message = { sequence: ++this.#sequence, text: 'hello' };
    this.#next.open();
    const { value, done } = await this.#answers.next();
    if (done) throw new Error('the conversation has ended');
    return value;
  }

  /** Resolves when the other side has ended it too. */
  async end(): Promise<void> {
    this.#message = undefined;
    this.#next.open();
    const { done } = await this.#answers.next();
    if (!done) throw new Error('there was more to come');
  }

  /** Waits for an answer that nobody asked for: for the failure that comes in its place. */
  async failure(): Promise<unknown> {
    return this.#answers.next().then(
      () => new Error('the conversation did not fail'),
      (error: unknown) => error,
    );
  }
}
