// Tries versions by canary again and again, with real processes under load: bad ones have to be refused, equal ones promoted.
// Bundled and run by scripts/canary.mjs. argv: a file of JSON, see Task.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHost, type Host, type Logger, type Plugin } from '@plugd/host';
import { CounterDefinition } from '@plugd/protocol/gen/samples/counter/v1/counter';
import { processesWith } from '../support/processes';
import type { CanaryOrder } from '../upgrade/canary-plugin';
import { callsNeeded } from './lab';
import { type Outcome, tryOnce } from './run';
import { type Scenario, scenarios } from './scenario';
import { judgeRuns, type ScenarioFigures, type Spread, spread } from './verdict';

export interface Task {
  /** The plugin's program. */
  readonly program: string;
  /** Of each scenario. */
  readonly runs: number;
  readonly seed: number;
  /** The new one's share of the calls, in percent. */
  readonly weight: number;
  /** How many trials go on at a time. */
  readonly lanes: number;
  /** Part of the names of the scenarios that are wanted. */
  readonly only: string;
}

const mark = `canary-${process.pid}`;
const LAB_RUNS = 50;
const quiet = (): void => {};
const logger: Logger = { trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet };

/** Asked to end: no further trial is begun, and what was seen is told. */
const asked = new AbortController();
process.once('SIGINT', () => asked.abort()).once('SIGTERM', () => asked.abort());

async function main(task: Task): Promise<number> {
  const runDir = mkdtempSync(join(tmpdir(), 'plugd-canary-run-'));
  const host = await createHost({ runDir, logger });
  const figures: (ScenarioFigures & Needed)[] = [];
  const begun = performance.now();
  try {
    for (const scenario of scenarios.filter(({ name }) => name.includes(task.only))) {
      if (asked.signal.aborted) break;
      const outcomes = await tryAll(host, scenario, task);
      const judged = { ...judgeRuns(scenario, outcomes), ...needed(scenario, outcomes, task) };
      figures.push(judged);
      console.log(`${scenario.name}: ${JSON.stringify(judged)}`);
    }
  } finally {
    await host.close();
  }
  const left = { processes: processesWith(`CANARY_MARK=${mark}`), files: readdirSync(runDir) };
  for (const pid of left.processes) process.kill(pid, 'SIGKILL');
  if (existsSync(runDir)) rmSync(runDir, { recursive: true, force: true });
  const faults = figures.flatMap(({ name, faults }) => faults.map((fault) => `${name}: ${fault}`));
  if (left.processes.length > 0) faults.push(`${left.processes.length} processes are left`);
  if (left.files.length > 0) faults.push(`left in the run directory: ${left.files.join(', ')}`);
  const { runs, lanes, seed, weight } = task;
  const seconds = Math.round((performance.now() - begun) / 1000);
  const held = faults.length === 0 && figures.length > 0;
  console.log(JSON.stringify({ held, faults, runs, lanes, seed, weight, seconds, scenarios: figures }));
  return held ? 0 : 1;
}

/** Several trials go on at a time, each in a lane with a plugin of its own: a trial takes seconds, however many calls there are. */
async function tryAll(host: Host, scenario: Scenario, task: Task): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  let begun = 0;
  const lane = async (_: unknown, index: number): Promise<void> => {
    const { name, latency } = scenario;
    const weather = join(tmpdir(), `${mark}-${name}-${index}`);
    const options = (order: CanaryOrder) => ({
      version: order.version ?? '1.0.0',
      command: task.program,
      env: { CANARY_MARK: mark, CANARY: JSON.stringify(order) },
    });
    const old = options({ version: '1.0.0', latency, weather, seed: task.seed - index });
    const plugin = await host.load({
      name: `${name}-${index}`,
      handshake: { cookie: ['COUNTER_PLUGIN', 'hello'], protocolVersions: [1, 2] },
      contract: [CounterDefinition],
      ...old,
    });
    while (begun < task.runs && !asked.signal.aborted) {
      const run = ++begun;
      const { version: from } = plugin.status();
      const { weight, seed } = task;
      const seeded = (order: CanaryOrder) => options({ ...order, seed: seed + run });
      const outcome = await tryOnce({
        scenario,
        plugin,
        from,
        to: `2.0.${run}`,
        weight,
        weather,
        options: seeded,
      });
      outcomes.push(outcome);
      if (outcome.outcome !== scenario.expected || outcome.wrong.length > 0) {
        console.log(`${name} run ${run}: ${JSON.stringify(outcome)}`);
      }
      await goBack(plugin, scenario, old);
    }
    await plugin.stop();
  };
  await Promise.all(Array.from({ length: Math.min(task.lanes, task.runs) }, lane));
  return outcomes;
}

/** What the test by itself needs of calls to the new one, and how many times that many the trials took, in the middle. */
interface Needed {
  readonly callsNeeded?: Spread;
  readonly timesNeeded?: number;
}

function needed(scenario: Scenario, outcomes: readonly Outcome[], { weight, seed }: Task): Needed {
  if (scenario.expected !== 'refused') return {};
  const calls = outcomes.reduce((sum, { callsNew, callsOld }) => sum + callsNew + callsOld, 0);
  const elapsedMs = outcomes.reduce((sum, outcome) => sum + outcome.sharedMs, 0);
  const callsPerSecond = (1000 * calls) / elapsedMs;
  const callsNeededBy = (run: number): number =>
    callsNeeded(scenario, { weight, callsPerSecond, seed: seed + run });
  const needs = spread(Array.from({ length: LAB_RUNS }, (_, run) => callsNeededBy(run)));
  const took = spread(outcomes.map(({ callsNew }) => callsNew));
  return { callsNeeded: needs, timesNeeded: Math.round((100 * took.p50) / needs.p50) / 100 };
}

/** A bad version that was promoted nevertheless is nothing to compare with. */
async function goBack(
  plugin: Plugin,
  { expected }: Scenario,
  old: Parameters<Plugin['upgrade']>[0],
): Promise<void> {
  if (expected === 'refused' && plugin.status().version !== '1.0.0') await plugin.upgrade(old);
}

void main(JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Task).then((code) => {
  process.exitCode = code;
});
