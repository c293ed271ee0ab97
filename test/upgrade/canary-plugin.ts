// A plugin that does as well or as badly as it is told: bundled and run by the tests of strategies, through CanaryProgram.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CounterDefinition } from '@plugd/protocol/gen/samples/counter/v1/counter';
import { definePlugin, RpcError, serve } from '@plugd/sdk';
import { ownFailure } from '../support/canary-failure';
import { type CanaryLatency, drawLatency } from '../support/canary-latency';
import { SeededRandom } from '../support/seeded-random';

/** What the plugin is: CANARY says it as JSON. */
export interface CanaryOrder {
  readonly version?: string;
  readonly seed?: number;
  /** Default: it answers at once. */
  readonly latency?: CanaryLatency;
  /** So many of its calls fail, from 0 to 1, with this status. */
  readonly errors?: { readonly share: number; readonly code: number };
  /** Its process is killed at its nth call: 5 ms after the answer, or `unanswered`. */
  readonly crash?: { readonly atCall: number; readonly unanswered?: boolean };
  /** From its nth call on it does not answer; or its whole process stands still, health checks included. */
  readonly hang?: { readonly atCall: number; readonly what: 'calls' | 'process' };
  /** It says for ever that it does not serve. */
  readonly unhealthy?: boolean;
  /** Crash, hang and ill health come to the nth process alone that has noted its start in this directory. */
  readonly only?: { readonly directory: string; readonly nth: number };
  /** It declares a state. Default: none. */
  readonly state?: 'kept' | 'shareable';
  /** A file that holds the number by which every process is slower at the moment. */
  readonly weather?: string;
}

const order: CanaryOrder = JSON.parse(process.env['CANARY'] ?? '{}');
const { version = '1.0.0', latency, errors, weather } = order;
const random = order.seed === undefined ? new SeededRandom() : new SeededRandom(order.seed);
const signature = { servedBy: version, pid: process.pid };
const struck = order.only === undefined || startNumber(order.only.directory) === order.only.nth;
const never = new Promise<never>(() => {});

const WEATHER_EVERY_MS = 50;
const ANSWER_LEAVES_MS = 5;

let calls = 0;
let slowdown = 1;
if (weather !== undefined) {
  const look = (): void => {
    try {
      slowdown = Number(readFileSync(weather, 'utf8')) || 1;
    } catch {
      slowdown = 1;
    }
  };
  look();
  setInterval(look, WEATHER_EVERY_MS).unref();
}

/** 1, 2, 3 … over all processes that use this directory. */
function startNumber(directory: string): number {
  for (let nth = 1; ; nth++) {
    try {
      writeFileSync(join(directory, String(nth)), String(process.pid), { flag: 'wx' });
      return nth;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** What every call goes through. */
async function live(): Promise<void> {
  const call = ++calls;
  const { crash, hang } = order;
  if (struck && hang !== undefined && call >= hang.atCall) {
    if (hang.what === 'calls') await never;
    for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  }
  if (latency !== undefined) await sleep(slowdown * drawLatency(latency, random));
  if (struck && crash !== undefined && call === crash.atCall) {
    if (crash.unanswered === true) process.kill(process.pid, 'SIGKILL');
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), ANSWER_LEAVES_MS);
  }
  if (errors !== undefined && random.next() < errors.share) {
    throw new RpcError(errors.code, ownFailure(version, process.pid));
  }
}

const plugin = definePlugin<Record<string, number>>({
  name: 'canary',
  version,
  handshake: { cookie: ['COUNTER_PLUGIN', 'hello'], protocolVersions: [1, 2] },
  ...(order.state === undefined
    ? {}
    : { state: { schema: 1, initial: () => ({}), shareable: order.state === 'shareable' } }),
  setup(ctx) {
    if (struck && order.unhealthy === true) {
      ctx.health.set('', 'NOT_SERVING');
      ctx.health.set('plugin', 'NOT_SERVING');
    }
    ctx.service(CounterDefinition, {
      async get() {
        await live();
        return { found: false, ...signature };
      },
      async put({ value }) {
        await live();
        return { value, ...signature };
      },
      open: () => ({ session: 0, ...signature }),
    });
  },
});

void serve(plugin);
