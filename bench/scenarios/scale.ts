import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Figures, Scenario, ScenarioContext } from '../harness';
import { builtLanguages } from './samples';
import type { Counts, Memory, ScaleOrder, ScaleResult } from './scale-host';

const FULL = { go: 100, ts: 50 } as const;
/** As long as it takes to ask each plugin at rest once how it is. */
const IDLE_MS = 60_000;
const KIB = 1024;

/** What many plugins cost their host, which runs in a process of its own. */
export const scale: Scenario = {
  name: 'scale',
  about: `${FULL.go} Go and ${FULL.ts} TypeScript plugins on one host`,
  async run(context) {
    const counts: Counts = Object.fromEntries(
      builtLanguages(context.progress).map((language) => [language, FULL[language]]),
    );
    const number = Object.values(counts).reduce((sum, count) => sum + count, 0);
    const figures: Figures = { plugins: number };
    const rows = [
      [
        'host',
        'RSS KiB/plugin',
        'live KiB/plugin',
        'RSS from fresh',
        'idle CPU %',
        'load s',
        'stop s',
        'left over',
      ],
    ];
    for (const autoMtls of [false, true]) {
      const name = autoMtls ? 'automtls' : 'plain';
      const { result, left } = await runHost(context, name, { counts, autoMtls, idleMs: IDLE_MS });
      const perPlugin = (of: keyof Memory, since: 'warm' | 'fresh' = 'warm'): number =>
        (result.loaded[of] - result[since][of]) / number / KIB;
      Object.assign(figures, {
        [`${name}_rss_kib_per_plugin`]: perPlugin('resident'),
        [`${name}_live_kib_per_plugin`]: perPlugin('live'),
        [`${name}_rss_kib_per_plugin_from_fresh_host`]: perPlugin('resident', 'fresh'),
        [`${name}_host_rss_mib`]: result.loaded.resident / KIB / KIB,
        [`${name}_idle_cpu_percent`]: result.idleCpuPercent,
        [`${name}_load_all_ms`]: result.loadMs,
        [`${name}_stop_all_ms`]: result.stopMs,
        [`${name}_left_over`]: left,
      });
      rows.push([
        name,
        perPlugin('resident').toFixed(0),
        perPlugin('live').toFixed(0),
        perPlugin('resident', 'fresh').toFixed(0),
        result.idleCpuPercent.toFixed(2),
        (result.loadMs / 1000).toFixed(1),
        (result.stopMs / 1000).toFixed(1),
        String(left),
      ]);
    }
    rows.push(['target', '≤ 200 plain, ≤ 350 automtls', '', '', '< 1', '', '', '0']);
    context.table(rows);
    return figures;
  },
};

/** Runs one host in a directory of its own; counts the processes and files that it left. */
async function runHost(
  context: ScenarioContext,
  name: string,
  order: ScaleOrder,
): Promise<{ result: ScaleResult; left: number }> {
  const directory = mkdtempSync(join(tmpdir(), 'plugd-bench-'));
  try {
    const result = await orderHost(context, name, order, directory);
    const alive = result.pids.filter(isAlive).length;
    return { result, left: alive + readdirSync(directory).length };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function orderHost(
  context: ScenarioContext,
  name: string,
  order: ScaleOrder,
  directory: string,
): Promise<ScaleResult> {
  const child = fork(process.argv[1] ?? '', ['--scale-host'], {
    execArgv: ['--expose-gc'],
    env: { ...process.env, XDG_RUNTIME_DIR: directory },
  });
  let result: ScaleResult | undefined;
  child.on('message', (message: { progress?: string; result?: ScaleResult }) => {
    if (message.progress !== undefined) context.progress(`${name}: ${message.progress}`);
    result ??= message.result;
  });
  child.send(order);
  const [code] = await once(child, 'exit');
  if (result === undefined) throw new Error(`The host ended with ${code} before it had a result`);
  return result;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
