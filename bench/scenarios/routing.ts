import { performance } from 'node:perf_hooks';
import { Channel, credentials } from '@grpc/grpc-js';
import { KvClient } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { createStub } from '../../host/src/routing/stub';
import { SwapChannel } from '../../host/src/routing/swap-channel';
import {
  type Figures,
  interleave,
  measure,
  median,
  quantile,
  ratios,
  type Scenario,
  type ScenarioContext,
  withSpread,
} from '../harness';
import { startEchoServer } from './echo-server';

const ROUNDS = 60;
const WARM_UP = 8;
const SAMPLE_MS = 100;

interface Sample {
  readonly cpuPerCallUs: number;
  readonly callsPerSecond: number;
  readonly p50Ms: number;
}

/** What the swap channel costs: the same stub class, calls and server, with it and without it. */
export const routing: Scenario = {
  name: 'routing',
  about: 'the swap channel against a raw grpc-js channel, unary calls to another process',
  async run(context) {
    const server = await startEchoServer();
    const channels = [1, 2, 3].map(() => new Channel(server.target, credentials.createInsecure(), {}));
    const [first, second, third] = channels;
    if (first === undefined || second === undefined || third === undefined) throw new Error('no channels');
    const route = new SwapChannel({ name: 'bench' });
    route.swap({ number: 1, channel: first });
    const stubs = {
      swap: createStub(KvClient, route.facade()),
      raw: createStub(KvClient, second),
      // Raw again, as its own opponent: what it differs from itself is noise.
      control: createStub(KvClient, third),
    };
    try {
      return {
        ...(await compare(context, stubs, 1)),
        ...(await compare(context, stubs, 64)),
      };
    } finally {
      for (const channel of channels) channel.close();
      await server.stop();
    }
  },
};

type Stubs = Readonly<Record<'swap' | 'raw' | 'control', KvClient>>;

async function compare(context: ScenarioContext, stubs: Stubs, callers: number): Promise<Figures> {
  const samples = await interleave(
    ROUNDS,
    WARM_UP,
    {
      raw: () => sample(stubs.raw, callers),
      swap: () => sample(stubs.swap, callers),
      control: () => sample(stubs.control, callers),
    },
    (round, of) => context.progress(`${callers} callers, round ${round} of ${of}`),
  );
  const pick = (name: keyof Stubs, figure: keyof Sample) => samples[name].map((one) => one[figure]);
  const against = (name: keyof Stubs, figure: keyof Sample) =>
    ratios(pick(name, figure), pick('raw', figure));
  const row = (name: keyof Stubs) => [
    name,
    withSpread(pick(name, 'cpuPerCallUs'), 1),
    withSpread(pick(name, 'callsPerSecond'), 0),
    withSpread(pick(name, 'p50Ms'), 3),
    withSpread(against(name, 'cpuPerCallUs')),
    withSpread(against(name, 'callsPerSecond')),
    withSpread(against(name, 'p50Ms')),
  ];
  context.table([
    [`${callers} callers`, 'CPU µs/call', 'calls/s', 'p50 ms', 'CPU ×raw', 'calls/s ×raw', 'p50 ×raw'],
    row('raw'),
    row('swap'),
    row('control'),
  ]);
  return {
    [`c${callers}_cpu_ratio`]: median(against('swap', 'cpuPerCallUs')),
    [`c${callers}_calls_per_second_ratio`]: median(against('swap', 'callsPerSecond')),
    [`c${callers}_p50_ratio`]: median(against('swap', 'p50Ms')),
    [`c${callers}_control_cpu_ratio`]: median(against('control', 'cpuPerCallUs')),
    [`c${callers}_raw_cpu_us_per_call`]: median(pick('raw', 'cpuPerCallUs')),
    [`c${callers}_swap_cpu_us_per_call`]: median(pick('swap', 'cpuPerCallUs')),
  };
}

async function sample(stub: KvClient, callers: number): Promise<Sample> {
  const latencies: number[] = [];
  const until = performance.now() + SAMPLE_MS;
  const cost = await measure(async () => {
    await Promise.all(Array.from({ length: callers }, () => loop(stub, until, latencies)));
  });
  return {
    cpuPerCallUs: (cost.cpuMs * 1000) / latencies.length,
    callsPerSecond: (latencies.length * 1000) / cost.elapsedMs,
    p50Ms: quantile(latencies, 0.5),
  };
}

function loop(stub: KvClient, until: number, latencies: number[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const call = (): void => {
      const begin = performance.now();
      stub.get({ key: 'some-key' }, (error) => {
        const end = performance.now();
        latencies.push(end - begin);
        if (error !== null) reject(error);
        else if (end >= until) resolve();
        else call();
      });
    };
    call();
  });
}
