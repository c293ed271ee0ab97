import { createHost } from '@plugd/host';
import { KvClient, KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { ProbeClient, ProbeDefinition } from '@plugd/protocol/gen/samples/probe/v1/probe';
import { createStub } from '../../host/src/routing/stub';
import { PluginProcess } from '../../test/support/plugin-process';
import {
  type Figures,
  interleave,
  median,
  ratios,
  type Scenario,
  type ScenarioContext,
  withSpread,
} from '../harness';
import { type Caller, type CallSample, goHostCaller, promiseCaller, stubCaller } from './callers';
import { GoHost } from './go-host';
import { builtLanguages, type Language, sample } from './samples';

const ROUNDS = 9;
const WARM_UP = 2;
const SAMPLE_MS = 70;
/** V8 has compiled by then what a call runs through. */
const WARM_UP_MS = 600;
const LOOPS = [1, 16, 64];
const SIZES = [
  { name: '100b', bytes: 100 },
  { name: '1kib', bytes: 1024 },
  { name: '1mib', bytes: 1024 ** 2 },
];
const STREAM = { messages: 3_000, bytes: 1024 };

/** Who calls, then the language of the plugin that is called. Without Go there is nothing to compare. */
type Variant = 'stub_go' | 'promise_go' | 'raw_go' | 'go_host_go' | 'go_host_ts';

/** What each variant is held against, where that was measured: the same plugin, or the same host. */
const AGAINST: readonly (readonly [Variant, Variant])[] = [
  ['stub_go', 'go_host_go'],
  ['stub_go', 'raw_go'],
  ['promise_go', 'go_host_go'],
  ['promise_go', 'raw_go'],
  ['raw_go', 'go_host_go'],
  ['go_host_ts', 'go_host_go'],
];

type Callers = Partial<Record<Variant, Caller>>;
type Samples = Readonly<Record<string, CallSample[]>>;

/** What calls cost on a connection that stands. */
export const calls: Scenario = {
  name: 'calls',
  about: 'unary calls and a stream: our host, raw grpc-js and a Go host on one Go plugin; a TS plugin',
  async run(context) {
    const languages = builtLanguages(context.progress);
    const figures: Figures = {};
    for (const autoMtls of [false, true]) {
      const room = await openRoom(languages, autoMtls);
      try {
        Object.assign(figures, await compare(context, room.callers, autoMtls ? 'automtls' : 'plain'));
      } finally {
        await room.close();
      }
    }
    return figures;
  },
};

/** All that calls and is called, each caller with a process of the plugin to itself. */
async function openRoom(languages: readonly Language[], autoMtls: boolean) {
  const host = await createHost();
  const closings: (() => Promise<void>)[] = [() => host.close()];
  const close = async (): Promise<void> => {
    for (const one of closings.splice(0).reverse()) await one();
  };
  const underGoHost = async (language: Language): Promise<Caller> => {
    const goHost = new GoHost();
    closings.push(() => goHost.stop());
    await goHost.start(sample(language), autoMtls);
    return goHostCaller(goHost);
  };
  try {
    if (!languages.includes('go')) return { callers: {}, close };
    const plugin = await host.load({ ...sample('go'), name: 'kv-go', autoMtls });
    const bare = new PluginProcess(sample('go').command, { autoMtls });
    closings.push(() => bare.dispose());
    const channel = await bare.connect();
    // Stub and raw are what is compared most closely: before both this process has rested while a Go host called.
    const callers: Callers = {
      go_host_go: await underGoHost('go'),
      stub_go: stubCaller(plugin.stub(KvClient), plugin.stub(ProbeClient)),
      ...(languages.includes('ts') ? { go_host_ts: await underGoHost('ts') } : {}),
      raw_go: stubCaller(createStub(KvClient, channel), createStub(ProbeClient, channel)),
      promise_go: promiseCaller(plugin.client(KvDefinition), plugin.client(ProbeDefinition)),
    };
    return { callers, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function compare(context: ScenarioContext, callers: Callers, security: string): Promise<Figures> {
  const figures: Figures = {};
  context.progress(`${security}: warming up`);
  for (const caller of Object.values(callers)) {
    await caller.unary(16, 100, WARM_UP_MS);
    await caller.stream(STREAM.messages, STREAM.bytes);
  }
  for (const size of SIZES) {
    for (const loops of LOOPS) {
      const name = `${security}_${size.name}_c${loops}`;
      const samples = await sideBySide(context, name, callers, (caller) =>
        caller.unary(loops, size.bytes, SAMPLE_MS),
      );
      Object.assign(figures, report(context, name, 'call', samples));
    }
  }
  const name = `${security}_stream`;
  const samples = await sideBySide(context, name, callers, (caller) =>
    caller.stream(STREAM.messages, STREAM.bytes),
  );
  return { ...figures, ...report(context, name, 'message', samples) };
}

function sideBySide(
  context: ScenarioContext,
  name: string,
  callers: Callers,
  take: (caller: Caller) => Promise<CallSample>,
): Promise<Samples> {
  const variants = Object.fromEntries(
    Object.entries(callers).map(([variant, caller]) => [variant, () => take(caller)]),
  );
  context.progress(name);
  return interleave(ROUNDS, WARM_UP, variants);
}

function report(context: ScenarioContext, name: string, unit: string, samples: Samples): Figures {
  const figures: Figures = {};
  const rows = [
    [name, `${unit}s/s`, `CPU µs/${unit}`, 'rate ×go host', 'CPU ×go host', 'rate ×raw', 'CPU ×raw'],
  ];
  const all = (variant: string, figure: keyof CallSample): number[] =>
    (samples[variant] ?? []).map((one) => one[figure]);
  const compared = (variant: string, peer: Variant, figure: keyof CallSample): string => {
    const wanted = AGAINST.some(([own, other]) => own === variant && other === peer);
    if (!wanted || samples[peer] === undefined) return '';
    const against = ratios(all(variant, figure), all(peer, figure));
    figures[`${name}_${variant}_${figure === 'perSecond' ? 'rate' : 'cpu'}_ratio_to_${peer}`] =
      median(against);
    return withSpread(against, 2);
  };
  for (const variant of Object.keys(samples)) {
    figures[`${name}_${variant}_${unit}s_per_second`] = median(all(variant, 'perSecond'));
    figures[`${name}_${variant}_caller_cpu_us_per_${unit}`] = median(all(variant, 'cpuUs'));
    rows.push([
      variant,
      withSpread(all(variant, 'perSecond'), 0),
      withSpread(all(variant, 'cpuUs'), 1),
      compared(variant, 'go_host_go', 'perSecond'),
      compared(variant, 'go_host_go', 'cpuUs'),
      compared(variant, 'raw_go', 'perSecond'),
      compared(variant, 'raw_go', 'cpuUs'),
    ]);
  }
  context.table(rows);
  return figures;
}
