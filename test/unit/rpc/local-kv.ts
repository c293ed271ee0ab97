import { setTimeout as sleep } from 'node:timers/promises';
import type { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import type { ServiceImplementation } from '@plugd/protocol/rpc/service';

/** The sample contract, answered by a named version. */
export function kvService(servedBy = 'v1'): ServiceImplementation<KvDefinition> {
  const stored = new Map<string, Buffer>();
  return {
    async get({ key }) {
      const value = stored.get(key);
      return value === undefined ? { found: false, servedBy } : { found: true, value, servedBy };
    },
    async put({ key, value }) {
      stored.set(key, value);
      return { servedBy };
    },
    async *watch({ count, intervalMs }, call) {
      for (let sequence = 1; count === 0 || sequence <= count; sequence++) {
        if (intervalMs > 0) await sleep(intervalMs, undefined, { signal: call.signal });
        yield { sequence, servedBy };
      }
    },
    async load(requests) {
      let count = 0;
      for await (const { key, value } of requests) {
        stored.set(key, value);
        count++;
      }
      return { stored: count, servedBy };
    },
    async *chat(requests) {
      for await (const { sequence, text } of requests) yield { sequence, text: text.toUpperCase(), servedBy };
    },
  };
}

/** Waits for something that another part of the program brings about. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    if (tries > 1000) throw new Error(`it never came to pass: ${what}`);
    await sleep(5);
  }
}

/** What a promise was rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => Promise.reject(new Error('it was not rejected')),
    (error: unknown) => error,
  );
}

export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of source) all.push(one);
  return all;
}
