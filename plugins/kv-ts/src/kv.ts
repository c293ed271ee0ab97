import type { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import type { ServiceImplementation } from '@plugd/sdk';
import { pause } from './pause';

/** samples.kv.v1.Kv over a store in memory, which is gone with the process. */
export function kvService(version: string): ServiceImplementation<KvDefinition> {
  const values = new Map<string, Buffer>();
  const signature = { servedBy: version, pid: process.pid };
  return {
    get({ key }) {
      const value = values.get(key);
      return value === undefined ? { found: false, ...signature } : { found: true, value, ...signature };
    },

    put({ key, value }) {
      values.set(key, value);
      return signature;
    },

    async *watch({ key, count, intervalMs }, call) {
      const endless = count === 0;
      const reasonsToStop = endless ? [call.signal, call.draining] : [call.signal];
      for (let sequence = 1; endless || sequence <= count; sequence++) {
        if (sequence > 1 && intervalMs > 0) await pause(intervalMs, reasonsToStop);
        if (reasonsToStop.some((signal) => signal.aborted)) return;
        const value = values.get(key);
        yield { sequence, ...(value === undefined ? {} : { value }), ...signature };
      }
    },

    async load(requests) {
      let stored = 0;
      for await (const { key, value } of requests) {
        values.set(key, value);
        stored++;
      }
      return { stored, ...signature };
    },

    async *chat(requests) {
      for await (const { sequence, text } of requests) yield { sequence, text, ...signature };
    },
  };
}
