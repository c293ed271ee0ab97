// The main job: starts the daemon with the samples, calls them without pause, and does by the command `plugd` what operators do:
// an upgrade by overlap, one with a handoff of the state, a version that is refused, one that a canary gives up, a crash, and a rollback. Then it stays up to be
// played with; with --once it ends by itself. The last line says how many calls were made, how many failed, and how many upgrades there were.
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectHost, PluginError } from '@plugd/host';
import { CounterLoad } from './demo/counter-load.mjs';
import { Load } from './demo/load.mjs';
import { Shell } from './demo/shell.mjs';
import { findGo } from './lib/go.mjs';
import { root } from './lib/root.mjs';

const ROUNDS = 4;
const LOOPS = 48;
const STREAMS = 4;
const COUNTER_LOOPS = 8;
/** Between two calls of a loop while it only waits for somebody to play with it. */
const IDLE_PAUSE_MS = 250;
const SETTLE_MS = 150;

const once = process.argv.includes('--once');
const total = { calls: 0, failed: 0, upgrades: 0 };

const artifact = (name, version) => path.join(root, 'plugins', 'artifacts', name, version);

/** A directory of plugins with one version of each, and a config beside it. */
function makePlace() {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'plugd-demo-'));
  for (const name of ['kv', 'counter']) {
    mkdirSync(path.join(directory, 'plugins', name), { recursive: true });
    cpSync(artifact(name, '1.0.0'), path.join(directory, 'plugins', name, '1.0.0'), { recursive: true });
  }
  writeFileSync(
    path.join(directory, 'plugd.yaml'),
    `version: 1
pluginsDir: plugins
stateDir: state
socket: plugd.sock
frontDoor: { socket: front.sock }
metrics: { socket: metrics.sock }
`,
  );
  return directory;
}

async function main() {
  const { problem } = findGo();
  if (problem) console.log(`${problem}: versions 1.0.0 of the samples are those in TypeScript`);
  const directory = makePlace();
  const shell = new Shell(directory);
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => interrupted.abort());
  try {
    await shell.plugd('start', '--background');
    try {
      await walk(shell, interrupted.signal);
      if (!once && !interrupted.signal.aborted) await stay(shell, interrupted.signal);
    } finally {
      await shell.plugd('stop', '--yes');
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  console.log(`\ncalls ${total.calls}, failed ${total.failed}, upgrades ${total.upgrades}`);
  if (total.failed > 0) return 1;
  return interrupted.signal.aborted && once ? 130 : 0;
}

async function walk(shell, signal) {
  await shell.plugd('list');
  await withHost(shell, async (kv, counter) => {
    const loads = [new Load(kv), new Load(kv), new CounterLoad(counter)];
    const [calls, streams, counting] = loads;
    calls.start({ loops: LOOPS, streams: 0 });
    streams.start({ loops: 0, streams: STREAMS });
    counting.start({ loops: COUNTER_LOOPS });
    try {
      console.log(
        `\nunder load from now on: ${LOOPS} loops and ${STREAMS} streams on kv, ${COUNTER_LOOPS} loops on counter`,
      );
      await sleep(SETTLE_MS);
      for (const act of [overlap, handoff, refused, canary]) if (!signal.aborted) await act(shell, loads);
      // A crash cuts what can't be made again; the calls of the loops can.
      await streams.stop();
      for (const act of [crash, rollback, more]) if (!signal.aborted) await act(shell, loads);
    } finally {
      for (const load of loads) await end(load);
    }
  });
}

/** The plugins as an application sees them that shares them with others. */
async function withHost(shell, use) {
  const host = await connectHost({ socket: shell.socket });
  try {
    await use(...['kv', 'counter'].map((name) => host.plugin(name)));
  } finally {
    await host.close();
  }
}

async function overlap(shell) {
  shell.say('An upgrade by overlap: version 2 is in TypeScript, and takes the calls over while both run.');
  await shell.plugd('upgrade', 'kv', artifact('kv', '2.0.0'));
  total.upgrades++;
}

async function handoff(shell) {
  shell.say('An upgrade with a handoff: what version 1 has counted goes over to version 2.');
  const get = ['call', 'counter', 'samples.counter.v1.Counter/Get', '-d', '{"key":"c0"}'];
  await shell.plugd(...get);
  await shell.plugd('upgrade', 'counter', artifact('counter', '2.0.0'));
  total.upgrades++;
  await shell.plugd(...get);
}

async function refused(shell) {
  shell.say('A bad version: 3.0.0 reads nothing of what was counted before it.');
  await shell.fails('upgrade', 'counter', artifact('counter', '3.0.0'));
  await shell.plugd('list');
}

async function canary(shell) {
  shell.say(
    'A version that is now and then late: 3.0.0 of kv shows it in calls alone, and gets few of them.',
  );
  const shares = ['--strategy', 'canary', '--step', '5,25,100', '--bake', '15s'];
  await shell.fails('upgrade', 'kv', artifact('kv', '3.0.0'), ...shares);
  await shell.plugd('list');
}

async function crash(shell, [calls]) {
  const [{ pid }] = (await shell.json('describe', 'kv')).snapshot.instances;
  shell.say(`A crash: kill -9 ${pid}, the process of kv.`);
  calls.retire(pid);
  process.kill(pid, 'SIGKILL');
  for (let restarts = 0; restarts === 0; await sleep(SETTLE_MS)) {
    [{ restarts }] = (await shell.json('list')).filter(({ name }) => name === 'kv');
  }
  await shell.plugd('status', 'kv');
}

async function rollback(shell) {
  shell.say('A rollback: kv goes back to version 1.');
  await shell.plugd('rollback', 'kv', '--yes');
  total.upgrades++;
}

async function more(shell) {
  shell.say(`And ${ROUNDS} more upgrades, of both.`);
  const turns = { kv: ['2.0.0', '1.0.0'], counter: ['1.0.0', '2.0.0'] };
  for (let i = 0; i < ROUNDS; i++) {
    for (const [name, versions] of Object.entries(turns)) {
      await shell.briefly('upgrade', name, artifact(name, versions[i % 2]));
      total.upgrades++;
    }
  }
}

async function stay(shell, signal) {
  const { directory } = shell;
  console.log(`
The daemon stays up, with some calls, until you press Ctrl-C. In another terminal:

  cd ${directory}
  export PLUGD_SOCKET=${shell.socket} PATH=${path.join(root, 'node_modules', '.bin')}:$PATH
  plugd list
  plugd status kv
  plugd events --follow
  plugd upgrade kv ${artifact('kv', '1.0.0')}
  plugd logs --follow
  plugd --help
`);
  await withHost(shell, async (kv, counter) => {
    const loads = [new Load(kv), new CounterLoad(counter)];
    for (const load of loads) load.start({ loops: 2, streams: 0, pauseMs: IDLE_PAUSE_MS });
    try {
      // Whoever waits for a signal alone would let Node end at once.
      while (!signal.aborted) await sleep(1_000, undefined, { signal }).catch(() => {});
    } finally {
      for (const load of loads) await end(load);
    }
  });
}

/** Ends a load, once, and adds it up. */
async function end(load) {
  await load.stop();
  total.calls += load.calls;
  total.failed += load.failures.length;
  for (const failure of load.failures.slice(0, 5)) console.log(`failed: ${failure.message}`);
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(
    error instanceof PluginError ? `${error.message}\n${JSON.stringify(error.facts, null, 2)}` : error,
  );
  process.exitCode = 1;
}
