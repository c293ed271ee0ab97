import type { Server } from '@grpc/grpc-js';
import { type KvServer, KvService } from '@plugd/protocol/gen/samples/kv/v1/kv';
import type { Behaviour, CallKind } from './behaviour';
import { block, crash, panic } from './mischief';
import { applyLater } from './modes';

/** A put with this key is no put: its value is what the plugin is to do from now on, as in `CHAOS`. */
const TELL = 'chaos';

/** The samples' contract, so that a sample can be upgraded to this plugin; small, and with the faults asked for. */
export function addKv(server: Server, behaviour: Behaviour): void {
  const values = new Map<string, Buffer>();
  const servedBy = process.env['CHAOS_SERVED_BY'] ?? 'chaos';
  const { pid } = process;
  const act = (answer: () => void): void => {
    if (behaviour.call === 'crashes') crash();
    if (behaviour.call === 'panics') panic();
    if (behaviour.call === 'blocks') block();
    if (behaviour.call === 'answers') answer();
  };
  /** A call begins. */
  const enter = (kind: CallKind, answer: () => void): void => {
    if (behaviour.callKind === 'any' || (behaviour.callKind === kind && isUnary(kind))) act(answer);
    else answer();
  };
  /** A stream goes on, behind its first message. */
  const goOn = (kind: CallKind, answer: () => void): void => {
    if (behaviour.callKind === kind) act(answer);
    else answer();
  };
  const service: KvServer = {
    get: ({ request }, callback) =>
      enter('get', () => {
        const value = values.get(request.key);
        callback(null, { found: value !== undefined, value: value ?? Buffer.alloc(0), servedBy, pid });
      }),
    put: ({ request }, callback) => {
      const answer = (): void => callback(null, { servedBy, pid });
      if (request.key === TELL) {
        answer();
        // The answer is under way before anything happens.
        setTimeout(() => void applyLater(behaviour, Buffer.from(request.value).toString()), 20);
        return;
      }
      enter('put', () => {
        values.set(request.key, Buffer.from(request.value));
        answer();
      });
    },
    watch: (call) =>
      enter('watch', () => {
        const { key, count, intervalMs } = call.request;
        let sequence = 0;
        const next = (): void => {
          if (call.cancelled) return;
          sequence += 1;
          call.write({ sequence, value: values.get(key) ?? Buffer.alloc(0), servedBy, pid });
          if (sequence === count) call.end();
          else setTimeout(() => goOn('watch', next), intervalMs);
        };
        next();
      }),
    load: (call, callback) =>
      enter('load', () => {
        let stored = 0;
        call.on('data', ({ key, value }: { key: string; value: Uint8Array }) =>
          goOn('load', () => {
            values.set(key, Buffer.from(value));
            stored += 1;
          }),
        );
        call.on('end', () => {
          if (behaviour.call !== 'hangs' || behaviour.callKind !== 'load')
            callback(null, { stored, servedBy, pid });
        });
      }),
    chat: (call) =>
      enter('chat', () => {
        let sequences = 0;
        call.on('data', ({ sequence, text }: { sequence: number; text: string }) => {
          const answer = (): void => void call.write({ sequence, text, servedBy, pid });
          sequences += 1;
          if (sequences === 1) answer();
          else goOn('chat', answer);
        });
        call.on('end', () => {
          if (behaviour.call !== 'hangs' || behaviour.callKind !== 'chat') call.end();
        });
      }),
  };
  server.addService(KvService, service);
}

function isUnary(kind: CallKind): boolean {
  return kind === 'get' || kind === 'put';
}
