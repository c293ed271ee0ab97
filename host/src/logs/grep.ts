import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { PluginError } from '@plugd/protocol/plugin-error';

/** How long an expression may take for a batch of messages, of at most {@link batchCharacters} or one. */
const batchLimitMs = 2_000;
const startLimitMs = 30_000;

/** Without these an expression is a text that is looked for. */
const special = /[\\^$.*+?()[\]{}|]/;

const program = `
const { parentPort, workerData } = require('node:worker_threads');
const expression = new RegExp(workerData);
parentPort.on('message', (texts) => parentPort.postMessage(texts.map((text) => expression.test(text))));
`;

/**
 * Looks for an expression in messages. One can be written that takes longer than the universe lasts, for a message that a plugin
 * chose: so it runs in a thread of its own, which is ended when its time is over.
 */
export class Grep {
  readonly #pattern: string;
  readonly #limitMs: number;
  #worker: Worker | undefined;

  /** @param limitMs for a batch */
  constructor(pattern: string, limitMs = batchLimitMs) {
    this.#pattern = pattern;
    this.#limitMs = limitMs;
  }

  /** Which of the texts it is found in. One question at a time. Throws PluginError OPTIONS_INVALID where it takes too long. */
  async test(texts: readonly string[]): Promise<readonly boolean[]> {
    if (texts.length === 0) return [];
    if (!special.test(this.#pattern)) return texts.map((text) => text.includes(this.#pattern));
    this.#worker ??= await this.#start();
    const worker = this.#worker;
    const limit = AbortSignal.timeout(this.#limitMs);
    const answer = once(worker, 'message', { signal: limit });
    worker.postMessage(texts);
    let found: unknown[];
    try {
      found = await answer;
    } catch (cause) {
      this.close();
      throw this.#failed(limit.aborted, cause);
    }
    const [flags] = found;
    return Array.isArray(flags) ? flags.map((flag) => flag === true) : [];
  }

  async #start(): Promise<Worker> {
    const worker = new Worker(program, {
      eval: true,
      workerData: this.#pattern,
      env: {},
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 8 },
    });
    // Nobody may be left waiting for it when the process ends.
    worker.unref();
    await once(worker, 'online', { signal: AbortSignal.timeout(startLimitMs) });
    return worker;
  }

  #failed(late: boolean, cause: unknown): PluginError {
    const why = late ? `takes too long: more than ${this.#limitMs} ms for a few messages` : 'can’t be run';
    return new PluginError('OPTIONS_INVALID', `The expression of option grep ${why}.`, {
      facts: { option: 'grep' },
      hint: 'Write it without repetitions inside of repetitions.',
      cause,
    });
  }

  /** Ends its thread. May be called again. */
  close(): void {
    void this.#worker?.terminate();
    this.#worker = undefined;
  }
}
