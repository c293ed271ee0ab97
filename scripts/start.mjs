// The main job: runs the samples, calls them without pause, and replaces each again and again under that load: those that
// keep nothing by overlap, the counter by handing over what it has counted, from Go to TypeScript and back. Versions of it that
// would do harm are refused, and one that is only slow is given up by a canary. Ends by itself; the last line says how many calls were made, how many failed, and how many upgrades there were.
import path from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { createHost, formatReport, PluginError } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { CallbackLoad } from './demo/callback-load.mjs';
import { Load } from './demo/load.mjs';
import { findGo } from './lib/go.mjs';
import { root } from './lib/root.mjs';

const UPGRADES = 8;
const LOOPS = 64;
/** Each call with two connections of its own. */
const CALLBACK_LOOPS = 8;
const STREAMS = 4;
const PAUSE_MS = 150;

const windows = process.platform === 'win32';

/** A script with a #! line is a program of its own everywhere but on Windows. */
const script = (path) => (windows ? { command: process.execPath, args: [path] } : { command: path });

const kvCookie = ['KV_PLUGIN', 'hello'];
const counterCookie = ['COUNTER_PLUGIN', 'hello'];
const file = (...names) => path.join(root, 'plugins', ...names);
const program = (name) => ({ command: file('go', 'bin', windows ? `${name}.exe` : name) });

/** What must not get in, and the code that says why. */
const badCounters = [
  { what: 'contract', code: 'CONTRACT_BROKEN' },
  { what: 'state', code: 'STATE_SCHEMA_UNKNOWN' },
];

/** Each with its two versions, which replace each other by turns. */
function samples() {
  const { problem } = findGo();
  if (problem) console.log(`${problem}: the Go samples are left out`);
  const counter = ['counter-ts-v1', 'counter-ts-v2'].map((name) => script(file('counter-ts', 'dist', name)));
  if (!problem) counter[0] = program('counter-v1');
  return [
    {
      name: 'kv-go',
      about: 'Go, unmodified hashicorp/go-plugin',
      cookie: kvCookie,
      versions: ['kv-v1', 'kv-v2'].map(program),
      load: Load,
      loops: LOOPS,
      streams: STREAMS,
      left: problem,
    },
    {
      name: 'kv-ts',
      about: 'TypeScript, @plugd/sdk',
      cookie: kvCookie,
      versions: ['kv-ts-v1', 'kv-ts-v2'].map((name) => script(file('kv-ts', 'dist', name))),
      load: Load,
      loops: LOOPS,
      streams: STREAMS,
      // All that is asked of its versions: other services that they have may come and go.
      options: { contract: KvDefinition },
      slow: { command: process.execPath, args: [path.join(root, 'scripts', 'demo', 'slow-kv.mjs')] },
    },
    {
      name: 'counter',
      about: `keeps a state and calls its host back; ${problem ? 'TypeScript' : 'version 1 in Go, version 2 in TypeScript'}, all on one socket`,
      cookie: counterCookie,
      versions: counter,
      // On a slow machine calls in flight take long to end, and a handoff waits for them.
      options: { multiplex: true, autoMtls: false, restart: { hold: { limitMs: 10_000 } } },
      load: CallbackLoad,
      loops: CALLBACK_LOOPS,
      streams: 0,
      bad: badCounters,
    },
  ].filter(({ left }) => !left);
}

async function main() {
  const total = { calls: 0, failed: 0, upgrades: 0 };
  const host = await createHost();
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  try {
    const loaded = [];
    for (const sample of samples()) {
      const [first] = sample.versions;
      const handshake = { cookie: sample.cookie, protocolVersions: [1, 2] };
      const options = { name: sample.name, version: '1.0.0', handshake, ...first, ...sample.options };
      loaded.push({ sample, plugin: await host.load(options) });
    }
    for (const { plugin, sample } of loaded) {
      const { version, protocolVersion, instances } = plugin.status();
      console.log(
        `${sample.name} (${sample.about}): version ${version}, protocol ${protocolVersion}, pid ${instances[0].pid}`,
      );
    }
    for (const { plugin, sample } of loaded) await underLoad(plugin, sample, total, interrupted.signal);
  } finally {
    await host.close();
  }
  console.log(`calls ${total.calls}, failed ${total.failed}, upgrades ${total.upgrades}`);
  if (interrupted.signal.aborted) return 130;
  return total.failed === 0 ? 0 : 1;
}

async function underLoad(plugin, sample, total, signal) {
  const { loops, streams, bad = [], slow } = sample;
  console.log(`\n${sample.name}: ${UPGRADES} upgrades under ${loops} loops and ${streams} streams`);
  const load = new sample.load(plugin);
  load.start({ loops, streams });
  await sleep(PAUSE_MS);
  try {
    for (let i = 0; i < UPGRADES && !signal.aborted; i++) {
      // Version 2 and version 1 by turns.
      const version = i % 2 === 0 ? 2 : 1;
      const [{ pid }] = plugin.status().instances;
      const upgrade = plugin.upgrade({ version: `${version}.0.0`, ...sample.versions[version - 1] });
      let counted;
      for await (const { step, phase } of upgrade) {
        if (step === 'hold' && phase === 'done') counted = load.counted;
        if (step === 'swap' && phase === 'done') load.retire(pid);
      }
      const report = await upgrade;
      console.log(formatReport(report));
      total.upgrades++;
      await sleep(PAUSE_MS);
      if (report.stateBytes !== undefined) sayHandedOver(report, counted, load.counted);
    }
    if (slow !== undefined && !signal.aborted) await giveUp(plugin, slow);
    for (const { what, code } of bad) if (!signal.aborted) await refuse(plugin, what, code);
  } finally {
    await load.stop();
    total.calls += load.calls;
    total.failed += load.failures.length;
    for (const failure of load.failures.slice(0, 5)) console.log(`failed: ${failure.message}`);
  }
}

function sayHandedOver({ stateBytes, pauseMs, calls, from, to }, before, after) {
  console.log(
    `  ${stateBytes} bytes of state: pid ${from.pid} had counted to ${before} when calls were held, pid ${to.pid} has gone on to ` +
      `${after}; ${calls.held} calls waited, at most ${pauseMs.toFixed(1)} ms`,
  );
}

/** A version that does what it should, only now and then late: that shows in calls alone, and few of them get it. */
async function giveUp(plugin, slow) {
  const before = plugin.status();
  const upgrade = plugin.upgrade({
    version: '3.0.0',
    ...slow,
    strategy: 'canary',
    canary: { steps: [{ weight: 5 }, { weight: 25 }, { weight: 100 }], bakeMs: 5_000 },
  });
  let progress;
  for await (const { shift } of upgrade) progress = shift ?? progress;
  const failure = await upgrade.then(undefined, (error) => error);
  if (!(failure instanceof PluginError) || failure.code !== 'CANARY_REFUSED') {
    throw failure ?? new Error('a slow version was promoted');
  }
  const { calls, step, steps } = progress.facts;
  console.log(`${plugin.name}: 3.0.0 given up at step ${step} of ${steps}: ${failure.message}`);
  const now = plugin.status();
  if (now.version !== before.version || now.instances[0].pid !== before.instances[0].pid) throw failure;
  console.log(
    `  it had answered ${calls.new} calls in that step, and ${before.version} ${calls.old}; ${now.version} serves on, pid ${now.instances[0].pid}`,
  );
}

/** Under the same load, which notices nothing. */
async function refuse(plugin, what, code) {
  const { version, instances } = plugin.status();
  const script = path.join(root, 'scripts', 'demo', 'bad-counter.mjs');
  try {
    await plugin.upgrade({ version: '3.0.0', command: process.execPath, args: [script, what] });
  } catch (error) {
    if (!(error instanceof PluginError) || error.code !== code) throw error;
    const now = plugin.status();
    console.log(`${plugin.name}: 3.0.0 refused: ${error.message}`);
    if (now.version !== version || now.instances[0].pid !== instances[0].pid) throw error;
    console.log(`  ${now.version} serves on, pid ${now.instances[0].pid}`);
    return;
  }
  throw new Error(`version 3.0.0 of ${plugin.name}, whose ${what} is bad, was let in`);
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(
    error instanceof PluginError ? `${error.message}\n${JSON.stringify(error.facts, null, 2)}` : error,
  );
  process.exitCode = 1;
}
