import { performance } from 'node:perf_hooks';
import type { KvClient, KvDefinition, WatchResponse } from '@plugd/protocol/gen/samples/kv/v1/kv';
import type { ProbeClient, ProbeDefinition } from '@plugd/protocol/gen/samples/probe/v1/probe';
import type { PromiseClient } from '@plugd/protocol/rpc/client';
import { measure } from '../harness';
import type { GoHost } from './go-host';

/** Of one stretch of calls, or of the messages of one stream. */
export interface CallSample {
  readonly perSecond: number;
  /** What the caller's process spent on one, in user and system time. */
  readonly cpuUs: number;
}

/** A way of calling one plugin. */
export interface Caller {
  /** So many loops call Probe.Echo with that payload until the time is over. */
  unary(loops: number, size: number, millis: number): Promise<CallSample>;
  /** Reads one stream of so many messages that carry so many bytes each. */
  stream(count: number, size: number): Promise<CallSample>;
}

const STREAM_KEY = 'bench';

/** A generated stub: callbacks and a readable, as grpc-js has them. */
export function stubCaller(kv: KvClient, probe: ProbeClient): Caller {
  return {
    unary(loops, size, millis) {
      const payload = payloadOf(size);
      return loopsOf(loops, millis, (done) => {
        probe.echo({ payload }, done);
      });
    },
    async stream(count, size) {
      await new Promise<void>((resolve, reject) => {
        kv.put({ key: STREAM_KEY, value: payloadOf(size) }, (error) => (error ? reject(error) : resolve()));
      });
      return counted(count, () => {
        let messages = 0;
        const stream = kv.watch({ key: STREAM_KEY, count, intervalMs: 0 });
        return new Promise<number>((resolve, reject) => {
          stream.on('data', (_message: WatchResponse) => {
            messages++;
          });
          stream.once('end', () => resolve(messages));
          stream.once('error', reject);
        });
      });
    },
  };
}

/** Our promise client: promises and async iteration. */
export function promiseCaller(
  kv: PromiseClient<KvDefinition>,
  probe: PromiseClient<ProbeDefinition>,
): Caller {
  return {
    unary(loops, size, millis) {
      const payload = payloadOf(size);
      return loopsOf(loops, millis, (done) => {
        probe.echo({ payload }).then(() => done(null), done);
      });
    },
    async stream(count, size) {
      await kv.put({ key: STREAM_KEY, value: payloadOf(size) });
      return counted(count, async () => {
        let messages = 0;
        for await (const _message of kv.watch({ key: STREAM_KEY, count })) messages++;
        return messages;
      });
    },
  };
}

/** The same calls, made by the plugin that runs under a Go host. */
export function goHostCaller(host: GoHost): Caller {
  return {
    unary: (loops, size, millis) => host.unary(loops, size, millis),
    stream: (count, size) => host.stream(count, size),
  };
}

async function loopsOf(
  loops: number,
  millis: number,
  begin: (done: (error: Error | null) => void) => void,
): Promise<CallSample> {
  let calls = 0;
  const until = performance.now() + millis;
  const loop = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const next = (): void =>
        begin((error) => {
          calls++;
          if (error !== null) reject(error);
          else if (performance.now() >= until) resolve();
          else next();
        });
      next();
    });
  const cost = await measure(async () => {
    await Promise.all(Array.from({ length: loops }, loop));
  });
  return { perSecond: (calls * 1000) / cost.elapsedMs, cpuUs: (cost.cpuMs * 1000) / calls };
}

async function counted(count: number, read: () => Promise<number>): Promise<CallSample> {
  let messages = 0;
  const cost = await measure(async () => {
    messages = await read();
  });
  if (messages !== count) throw new Error(`The stream had ${messages} messages in place of ${count}`);
  return { perSecond: (count * 1000) / cost.elapsedMs, cpuUs: (cost.cpuMs * 1000) / count };
}

function payloadOf(size: number): Buffer {
  return Buffer.alloc(size, 'plugd');
}
