// The host that is soaked: bundled by scripts/soak.mjs, run by main.ts with options for Node.
// argv: JSON, see Order. Prints its messages, a line of JSON each.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeHeapSnapshot } from 'node:v8';
import { createHost, type Host, type LoadOptions, type PluginStatistics } from '@plugd/host';
import { CounterDefinition } from '@plugd/protocol/gen/samples/counter/v1/counter';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { ProbeDefinition } from '@plugd/protocol/gen/samples/probe/v1/probe';
import { childrenOf } from '../support/processes';
import { SeededRandom } from '../support/seeded-random';
import { Gate } from './gate';
import { SoakLoad } from './load';
import { Mischief, type Soaked, whole } from './mischief';
import { type Reading, takeReading } from './reading';
import { Tally, type TallyFigures } from './tally';

export interface Order {
  readonly runDir: string;
  readonly seed: number;
  /** One thing happens each second, for so long; or as many restarts as fast as possible. */
  readonly until: { readonly seconds: number } | { readonly restarts: number };
  readonly readEveryMs: number;
  /** Command and arguments of both versions of each sample. */
  readonly programs: Readonly<Record<'kvGo' | 'kvTs' | 'counter', Soaked['versions']>>;
  /** Where to write snapshots of the heap, from the middle and the end: to find what leaks. They disturb what is measured. */
  readonly snapshots: string | undefined;
  /** A variable by which what is left of plugins is found. */
  readonly mark: string;
}

/** How it ended. */
export interface End {
  readonly tally: TallyFigures;
  readonly acts: Mischief['done'];
  readonly events: number;
  readonly plugins: Readonly<Record<string, PluginStatistics['restarts'] & { readonly retried: number }>>;
  /** Of this process, before the host was made and after it was closed. */
  readonly descriptors: { readonly before: number; readonly after: number };
  /** After `host.close()`. */
  readonly left: { readonly children: number; readonly files: readonly string[] };
}

export type Message = { readonly reading: Reading } | { readonly end: End };

const secondMs = 1_000;

const say = (message: Message): void => void process.stdout.write(`${JSON.stringify(message)}\n`);
const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

async function main(order: Order): Promise<void> {
  const { runDir, until, seed } = order;
  // Standard output is opened at its first use.
  process.stdout.write('\n');
  const before = openDescriptors();
  const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };
  const host = await createHost({ runDir, logger: silent });
  const tally = new Tally();
  let restarts = 0;
  host.on('event', (event) => {
    if (event.type === 'instance' && event.to === 'serving') restarts++;
    if (event.type === 'restart' && event.phase === 'given-up') tally.note(`${event.plugin} was given up`);
  });
  const soaked = await load(host, order);
  restarts = 0;
  const gate = new Gate();
  const callers = new SoakLoad(
    soaked.map(({ plugin }) => plugin),
    tally,
    gate,
    'seconds' in until ? 100 : 50,
  );
  const mischief = new Mischief(new SeededRandom(seed), tally);
  const begun = performance.now();
  const seconds = (): number => (performance.now() - begun) / 1_000;
  const over = (): boolean => ('seconds' in until ? seconds() >= until.seconds : restarts >= until.restarts);

  let snapshots = 0;
  const snapshotAt = (share: number): void => {
    if (order.snapshots === undefined || snapshots > 0 === share < 1) return;
    const whole = 'seconds' in until ? until.seconds : until.restarts;
    const done = 'seconds' in until ? seconds() : restarts;
    if (done < share * whole) return;
    writeHeapSnapshot(join(order.snapshots, `soak-${++snapshots}.heapsnapshot`));
  };

  /** Everybody rests, and what is then open is what the host holds. */
  const read = async (): Promise<void> => {
    await gate.close();
    for (const one of soaked) await whole(one);
    say({ reading: await takeReading({ seconds: seconds(), restarts }, runDir) });
    snapshotAt(snapshots === 0 ? 0.5 : 1);
    gate.open();
  };

  const work =
    'seconds' in until
      ? eachSecond(soaked, mischief, gate, seed, seconds, over)
      : Promise.all(soaked.map((one) => oneAfterAnother(one, mischief, gate, over)));
  let ended = false;
  void work.finally(() => {
    ended = true;
  });
  while (!ended) {
    await Promise.race([sleep(order.readEveryMs), work]);
    await read();
  }
  await callers.stop();

  const { plugins, events } = host.snapshot();
  const figures = plugins.map(({ name, statistics }) => [
    name,
    { ...statistics.restarts, retried: statistics.calls.retried },
  ]);
  await host.close();
  await sleep(500);
  const end: End = {
    tally,
    acts: mischief.done,
    events: events.emitted,
    plugins: Object.fromEntries(figures),
    descriptors: { before, after: openDescriptors() },
    left: {
      children: childrenOf(process.pid).length,
      files: readdirSync(runDir, { recursive: true }).map(String),
    },
  };
  say({ end });
}

async function load(host: Host, { programs, mark }: Order): Promise<Soaked[]> {
  const kv: Partial<LoadOptions> = { contract: [KvDefinition, ProbeDefinition] };
  const plans: readonly (readonly [string, string, Soaked['versions'], Partial<LoadOptions>])[] = [
    ['kv-go', 'KV_PLUGIN', programs.kvGo, kv],
    ['kv-ts', 'KV_PLUGIN', programs.kvTs, { ...kv, instances: 2 }],
    ['counter', 'COUNTER_PLUGIN', programs.counter, { contract: [CounterDefinition], multiplex: true }],
  ];
  const soaked: Soaked[] = [];
  for (const [name, cookie, versions, over] of plans) {
    const [command = '', ...args] = versions[0];
    const plugin = await host.load({
      name,
      version: '1.0.0',
      command,
      args,
      env: { SOAK_MARK: mark },
      handshake: { cookie: [cookie, 'hello'], protocolVersions: [1, 2] },
      // Nobody is given up here, and nobody waits: what is soaked are the restarts.
      restart: {
        backoff: { initialMs: 0, maxMs: 0 },
        budget: { crashes: 1_000_000 },
        hold: { limitMs: 15_000 },
      },
      attempts: 10,
      // One that hangs has it three times before it is killed.
      stopTimeoutMs: 300,
      health: { intervalMs: 250, idleIntervalMs: 250, timeoutMs: 500, failures: 2 },
      ...over,
    });
    soaked.push({ plugin, versions, instances: over.instances ?? 1 });
  }
  return soaked;
}

/** What falls into a time of rest is made up for. */
async function eachSecond(
  soaked: readonly Soaked[],
  mischief: Mischief,
  gate: Gate,
  seed: number,
  seconds: () => number,
  over: () => boolean,
): Promise<void> {
  const random = new SeededRandom(seed + 1);
  const strikes = new Set<Promise<void>>();
  for (let second = 1; !over(); second++) {
    await sleep(Math.max(secondMs / 5, (second - seconds()) * secondMs));
    await gate.pass(async () => {});
    const victim = soaked[random.below(soaked.length)];
    if (victim === undefined) continue;
    const strike = gate.pass(() => mischief.strike(victim)).finally(() => strikes.delete(strike));
    strikes.add(strike);
  }
  await Promise.all(strikes);
}

async function oneAfterAnother(
  soaked: Soaked,
  mischief: Mischief,
  gate: Gate,
  over: () => boolean,
): Promise<void> {
  while (!over()) await gate.pass(() => mischief.strike(soaked));
}

void main(JSON.parse(process.argv[2] ?? '') as Order);
