import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { createHost, type Host } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import {
  type Figures,
  interleave,
  median,
  ratios,
  type Scenario,
  type ScenarioContext,
  withSpread,
} from '../harness';
import { GoHost } from './go-host';
import { builtLanguages, type Language, sample } from './samples';

const ROUNDS = 30;
const WARM_UP = 4;
/** One after the other: V8 has compiled by then what a call runs through. */
const WARM_UP_CALLS = 3_000;

type Variant =
  | 'go_plain'
  | 'go_automtls'
  | 'go_plain_go_host'
  | 'go_automtls_go_host'
  | 'ts_plain'
  | 'ts_automtls'
  | 'node_e_0';

/** From nothing to the first answered call, on a host that has been running for a while. */
export const start: Scenario = {
  name: 'start',
  about: 'from load to the first answered call, against a Go host and against `node -e 0`',
  async run(context) {
    const languages = builtLanguages(context.progress);
    const host = await createHost();
    const goHost = languages.includes('go') ? new GoHost() : undefined;
    try {
      for (const language of languages) await warmUp(context, host, language);
      return await compare(context, host, goHost);
    } finally {
      await host.close();
      await goHost?.stop();
    }
  },
};

async function compare(context: ScenarioContext, host: Host, goHost: GoHost | undefined): Promise<Figures> {
  const variants: Partial<Record<Variant, () => Promise<number>>> = {
    node_e_0: spawnToExitMs,
    ts_plain: () => firstAnswerMs(host, 'ts', false),
    ts_automtls: () => firstAnswerMs(host, 'ts', true),
  };
  if (goHost !== undefined) {
    variants.go_plain = () => firstAnswerMs(host, 'go', false);
    variants.go_plain_go_host = () => goHost.firstAnswerMs(sample('go'), false);
    variants.go_automtls = () => firstAnswerMs(host, 'go', true);
    variants.go_automtls_go_host = () => goHost.firstAnswerMs(sample('go'), true);
  }
  const times: Readonly<Record<string, number[]>> = await interleave(
    ROUNDS,
    WARM_UP,
    variants as Record<string, () => Promise<number>>,
    (round, of) => context.progress(`round ${round} of ${of}`),
  );
  return report(context, times);
}

/** Each figure is taken round by round from variants that ran side by side. */
function report(context: ScenarioContext, times: Readonly<Record<string, number[]>>): Figures {
  const figures: Figures = {};
  const rows: string[][] = [['first answered call', 'ms', 'against', '', 'target']];
  const against = (name: Variant, peer: Variant, by: 'ratio' | 'difference', target: number): void => {
    const [own, others] = [times[name], times[peer]];
    if (own === undefined || others === undefined) return;
    const ratio = by === 'ratio';
    const compared = ratio
      ? ratios(own, others)
      : own.map((time, round) => time - (others[round] ?? Number.NaN));
    figures[ratio ? `${name}_ratio` : `${name}_over_node_ms`] = median(compared);
    const text = ratio ? `× ${withSpread(compared, 2)}` : `+ ${withSpread(compared, 1)} ms`;
    rows.push([name, withSpread(own, 1), peer, text, ratio ? `≤ × ${target}` : `≤ + ${target} ms`]);
  };
  against('go_plain', 'go_plain_go_host', 'ratio', 2);
  against('go_automtls', 'go_automtls_go_host', 'ratio', 1.5);
  against('ts_plain', 'node_e_0', 'difference', 75);
  against('ts_automtls', 'node_e_0', 'difference', 110);
  for (const name of ['go_plain_go_host', 'go_automtls_go_host', 'node_e_0'] as const) {
    const own = times[name];
    if (own !== undefined) rows.push([name, withSpread(own, 1), '', '', '']);
  }
  for (const [name, own] of Object.entries(times)) figures[`${name}_ms`] = median(own);
  context.table(rows);
  return figures;
}

async function warmUp(context: ScenarioContext, host: Host, language: Language): Promise<void> {
  context.progress(`warming up with ${language}`);
  const plugin = await host.load({ ...sample(language), name: `warm-${language}` });
  const client = plugin.client(KvDefinition);
  for (let call = 0; call < WARM_UP_CALLS; call++) await client.get({ key: 'key' });
  await plugin.stop();
}

let loaded = 0;

async function firstAnswerMs(host: Host, language: Language, autoMtls: boolean): Promise<number> {
  const options = { ...sample(language), name: `kv-${++loaded}`, autoMtls };
  const begin = performance.now();
  const plugin = await host.load(options);
  try {
    await plugin.client(KvDefinition).get({ key: 'key' });
    return performance.now() - begin;
  } finally {
    await plugin.stop();
  }
}

/** What any program in Node costs, however little it does. */
async function spawnToExitMs(): Promise<number> {
  const begin = performance.now();
  const child = spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' });
  await once(child, 'exit');
  return performance.now() - begin;
}
