// The main job: runs the samples, calls them without pause, and replaces each again and again under that load.
// Ends by itself; the last line says how many calls were made, how many failed, and how many upgrades there were.
import path from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { createHost, formatReport, PluginError } from '@plugd/host';
import { CallbackLoad } from './demo/callback-load.mjs';
import { Load } from './demo/load.mjs';
import { findGo } from './lib/go.mjs';
import { root } from './lib/root.mjs';

const UPGRADES = 10;
const LOOPS = 64;
/** Each with two connections of its own, which TLS makes dear. */
const CALLBACK_LOOPS = 16;
const STREAMS = 4;
const PAUSE_MS = 250;

const windows = process.platform === 'win32';

/** A script with a #! line is a program of its own everywhere but on Windows. */
const script = (path) => (windows ? { command: process.execPath, args: [path] } : { command: path });

const kvCookie = ['KV_PLUGIN', 'hello'];
const counterCookie = ['COUNTER_PLUGIN', 'hello'];
const file = (...names) => path.join(root, 'plugins', ...names);
const program = (name) => ({ command: file('go', 'bin', windows ? `${name}.exe` : name) });

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
    },
    {
      name: 'counter',
      about: `calls its host back; ${problem ? 'TypeScript' : 'version 1 in Go, version 2 in TypeScript'}, multiplexed`,
      cookie: counterCookie,
      versions: counter,
      options: { multiplex: true },
      load: CallbackLoad,
      loops: CALLBACK_LOOPS,
      streams: 0,
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
  const { loops, streams } = sample;
  console.log(`\n${sample.name}: ${UPGRADES} upgrades under ${loops} loops and ${streams} streams`);
  const load = new sample.load(plugin);
  load.start({ loops, streams });
  try {
    for (let i = 0; i < UPGRADES && !signal.aborted; i++) {
      await sleep(PAUSE_MS);
      // Version 2 and version 1 by turns.
      const version = i % 2 === 0 ? 2 : 1;
      const [{ pid }] = plugin.status().instances;
      const upgrade = plugin.upgrade({ version: `${version}.0.0`, ...sample.versions[version - 1] });
      for await (const { step, phase } of upgrade) if (step === 'swap' && phase === 'done') load.retire(pid);
      console.log(formatReport(await upgrade));
      total.upgrades++;
    }
  } finally {
    await load.stop();
    total.calls += load.calls;
    total.failed += load.failures.length;
    for (const failure of load.failures.slice(0, 5)) console.log(`failed: ${failure.message}`);
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(
    error instanceof PluginError ? `${error.message}\n${JSON.stringify(error.facts, null, 2)}` : error,
  );
  process.exitCode = 1;
}
