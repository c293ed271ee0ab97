import type { Server } from '@grpc/grpc-js';
import { type CounterServer, CounterService } from '@plugd/protocol/gen/samples/counter/v1/counter';

/** The contract whose calls go over the broker, answered without it. */
export function addPretendedCounter(server: Server): void {
  const values = new Map<string, number>();
  const signature = { servedBy: 'chaos', pid: process.pid };
  const service: CounterServer = {
    put: ({ request: { key, value } }, answer) => {
      const sum = (values.get(key) ?? 0) + value;
      values.set(key, sum);
      answer(null, { value: sum, ...signature });
    },
    get: ({ request: { key } }, answer) =>
      answer(null, { found: values.has(key), value: values.get(key) ?? 0, ...signature }),
    // The id at which `lying-broker` announces something.
    open: (_, answer) => answer(null, { session: 1, ...signature }),
  };
  server.addService(CounterService, service);
}
