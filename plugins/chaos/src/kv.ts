import type { Server } from '@grpc/grpc-js';
import { type KvServer, KvService } from '@plugd/protocol/gen/samples/kv/v1/kv';
import type { Behaviour } from './behaviour';
import { crash, panic } from './mischief';

/** The samples' contract, so that a sample can be upgraded to this plugin; small, and with the faults asked for. */
export function addKv(server: Server, behaviour: Behaviour): void {
  const values = new Map<string, Buffer>();
  const servedBy = process.env['CHAOS_SERVED_BY'] ?? 'chaos';
  const { pid } = process;
  const enter = (answer: () => void): void => {
    if (behaviour.call === 'crashes') crash();
    if (behaviour.call === 'panics') panic();
    if (behaviour.call === 'answers') answer();
  };
  const service: KvServer = {
    get: ({ request }, callback) =>
      enter(() => {
        const value = values.get(request.key);
        callback(null, { found: value !== undefined, value: value ?? Buffer.alloc(0), servedBy, pid });
      }),
    put: ({ request }, callback) =>
      enter(() => {
        values.set(request.key, Buffer.from(request.value));
        callback(null, { servedBy, pid });
      }),
    watch: (call) =>
      enter(() => {
        const { key, count, intervalMs } = call.request;
        let sequence = 0;
        const next = (): void => {
          if (call.cancelled) return;
          sequence += 1;
          call.write({ sequence, value: values.get(key) ?? Buffer.alloc(0), servedBy, pid });
          if (sequence === count) call.end();
          else setTimeout(next, intervalMs);
        };
        next();
      }),
    load: (call, callback) =>
      enter(() => {
        let stored = 0;
        call.on('data', ({ key, value }: { key: string; value: Uint8Array }) => {
          values.set(key, Buffer.from(value));
          stored += 1;
        });
        call.on('end', () => callback(null, { stored, servedBy, pid }));
      }),
    chat: (call) =>
      enter(() => {
        call.on('data', ({ sequence, text }: { sequence: number; text: string }) =>
          call.write({ sequence, text, servedBy, pid }),
        );
        call.on('end', () => call.end());
      }),
  };
  server.addService(KvService, service);
}
