import type { ServiceClientConstructor } from '@grpc/grpc-js';
import type { Plugin } from '@plugd/host';
import {
  type ChatRequest,
  KvClient,
  KvDefinition,
  type LoadRequest,
  type WatchRequest,
} from '@plugd/protocol/gen/samples/kv/v1/kv';
import type { Answer, Ledger } from './ledger';
import { loadedKvClient } from './loaded-kv';

/** A call, made again and again: it resolves with who answered, one a message. */
type Call = () => Promise<readonly Answer[]>;

/** How long a stream rests between two messages, in milliseconds. */
const beatMs = 20;
/** How many messages a stream still exchanges with its generation after that has left the route. */
const lingering = 3;
const finiteLength = 25;

export interface LoadPlan {
  /** How many loops of unary calls, a half of them over ts-proto's stub, a half over proto-loader's. Default 64. */
  readonly unary?: number;
  /** Whether four streams run too, each of which spans swaps. Default true. */
  readonly streams?: boolean;
  /** How long a unary loop rests between two calls, in milliseconds. Default 0. */
  readonly restMs?: number;
  /** Whether a plugin ends a watch without an end by itself when it drains. Default: none does. */
  readonly endsWhenDraining?: (generation: number) => boolean;
}

/** Load on a plugin named kv: callers of every kind, whose calls all stand in a ledger. */
export class Load {
  readonly #plugin: Plugin;
  readonly #ledger: Ledger;
  readonly #stop = new AbortController();
  readonly #loops: Promise<void>[] = [];

  private constructor(plugin: Plugin, ledger: Ledger) {
    this.#plugin = plugin;
    this.#ledger = ledger;
  }

  static async start(plugin: Plugin, ledger: Ledger, plan: LoadPlan = {}): Promise<Load> {
    const load = new Load(plugin, ledger);
    const { unary = 64, streams = true, restMs = 0 } = plan;
    const calls = load.#unaryCalls(await loadedKvClient());
    for (let i = 0; i < unary; i++) {
      const [what, call] = calls[i % calls.length] ?? [];
      if (what !== undefined && call !== undefined) load.#loop(what, call, restMs);
    }
    if (streams) {
      for (const [what, call] of load.#streamCalls(plan.endsWhenDraining ?? (() => false))) {
        load.#loop(what, call, 0);
      }
    }
    return load;
  }

  /** Lets every call that runs come to its end. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#loops);
  }

  #loop(what: string, call: Call, restMs: number): void {
    const { signal } = this.#stop;
    this.#loops.push(
      (async () => {
        while (!signal.aborted) {
          const well = await this.#ledger.enter(what, call);
          // Calls that are refused at once would leave the event loop no time for anything else.
          if (restMs > 0 || !well) await rest(well ? restMs : 20);
        }
      })(),
    );
  }

  /** Every second one over proto-loader's stub; of the others every second one over the promise client. */
  #unaryCalls(Loaded: ServiceClientConstructor): [string, Call][] {
    const typed = this.#plugin.stub(KvClient);
    const loaded = this.#plugin.stub(Loaded);
    const client = this.#plugin.client(KvDefinition);
    const value = Buffer.from('v');
    const get = loaded['get']?.bind(loaded);
    const put = loaded['put']?.bind(loaded);
    if (get === undefined || put === undefined) throw new Error('the contract lacks a method');
    return [
      ['ts-proto get', () => one((done) => typed.get({ key: 'k' }, done))],
      ['proto-loader get', () => one((done) => get({ key: 'k' }, done))],
      ['promise get', async () => [await client.get({ key: 'k' })]],
      ['proto-loader put', () => one((done) => put({ key: 'k', value }, done))],
      ['ts-proto put', () => one((done) => typed.put({ key: 'k', value }, done))],
      ['proto-loader get', () => one((done) => get({ key: 'k' }, done))],
      ['promise put', async () => [await client.put({ key: 'k', value })]],
      ['proto-loader put', () => one((done) => put({ key: 'k', value }, done))],
    ];
  }

  /** Streams that are never idle and never end before their generation has left the route. */
  #streamCalls(endsWhenDraining: (generation: number) => boolean): [string, Call][] {
    const client = this.#plugin.client(KvDefinition);
    const typed = this.#plugin.stub(KvClient);
    const endless: WatchRequest = { key: 'k', count: 0, intervalMs: beatMs };
    return [
      [
        'watch without an end',
        async () => {
          const answers: (Answer & { sequence: number })[] = [];
          let after = 0;
          for await (const answer of client.watch(endless)) {
            answers.push(answer);
            const generation = this.#ledger.generationOf(answer.pid) ?? Number.NaN;
            if (!this.#hasLeft(generation)) continue;
            // Some plugins end it when they drain; the others' is left by the caller.
            if (endsWhenDraining(generation) && !this.#stop.signal.aborted) continue;
            if (++after > lingering) break;
          }
          return inSequence(answers);
        },
      ],
      [
        'watch with an end',
        async () => {
          const answers: (Answer & { sequence: number })[] = [];
          const request: WatchRequest = { key: 'k', count: finiteLength, intervalMs: beatMs };
          for await (const answer of typed.watch(request)) answers.push(answer);
          return complete(inSequence(answers), finiteLength);
        },
      ],
      [
        'load',
        async () => {
          let sent = 0;
          const messages = this.#untilLeft((i): LoadRequest => {
            sent = i;
            return { key: `k${i % 10}`, value: Buffer.from('v') };
          });
          const answer = await client.load(messages);
          if (answer.stored !== sent) throw new Error(`${answer.stored} of ${sent} messages arrived`);
          return [answer];
        },
      ],
      [
        'chat',
        async () => {
          let sent = 0;
          const messages = this.#untilLeft((i): ChatRequest => {
            sent = i;
            return { sequence: i, text: `t${i}` };
          });
          const answers: (Answer & { sequence: number })[] = [];
          for await (const answer of client.chat(messages)) {
            if (answer.text !== `t${answer.sequence}`)
              throw new Error(`${answer.sequence} came as ${answer.text}`);
            answers.push(answer);
          }
          return complete(inSequence(answers), sent);
        },
      ],
    ];
  }

  /** Messages until another generation has come into the route, and a few more to the old one. */
  async *#untilLeft<T>(message: (i: number) => T): AsyncGenerator<T, void, undefined> {
    const generation = this.#ledger.current;
    for (let i = 1, after = 0; after <= lingering; i++) {
      yield message(i);
      await rest(beatMs);
      if (this.#hasLeft(generation)) after++;
    }
  }

  #hasLeft(generation: number): boolean {
    return this.#stop.signal.aborted || this.#ledger.current !== generation;
  }
}

function one(start: (done: (error: Error | null, answer?: Answer) => void) => unknown): Promise<[Answer]> {
  return new Promise((resolve, reject) => {
    start((error, answer) => {
      if (error !== null) reject(error);
      else if (answer === undefined) reject(new Error('neither an error nor an answer'));
      else resolve([answer]);
    });
  });
}

function inSequence<T extends { readonly sequence: number }>(answers: readonly T[]): readonly T[] {
  answers.forEach(({ sequence }, i) => {
    if (sequence !== i + 1) throw new Error(`message ${sequence} came in the place of ${i + 1}`);
  });
  return answers;
}

function complete<T>(answers: readonly T[], length: number): readonly T[] {
  if (answers.length !== length) throw new Error(`short: ${answers.length} of ${length} messages came`);
  return answers;
}

function rest(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
