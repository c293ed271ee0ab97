// A host in a process of its own, with a good plugin at work in it, to which one row of the table happens: bundled and
// run by run-fault.ts. argv: an Order. Prints a Report.
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createHost, type Host, type LoadOptions, type Plugin } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { Book } from './book';
import { SteadyCaller } from './callers';
import type { Fault, Mode, Report } from './fault';
import { OutputMeter } from './output-meter';
import { Victim } from './victim';

/** What this program is asked for. */
export interface Order {
  readonly fault: Fault;
  readonly mode: Mode;
  readonly chaos: string;
  readonly good: string;
  readonly mark: string;
  /** Where the host makes its directory; empty in the end. */
  readonly runDir: string;
  /** Whether the neighbour's latency is to be measured well, which takes some seconds. */
  readonly timed: boolean;
}

const MIB = 1024 * 1024;
const WARM_UP_CALLS = { timed: 300, untimed: 20 };
const QUIET_MS = { timed: 2_000, untimed: 200 };
/** The neighbour is watched for so long, at least, and for a moment after the end. */
const WATCHED_MS = { timed: 3_000, untimed: 0 };
const AFTER_MS = { timed: 500, untimed: 200 };

async function main(order: Order): Promise<Report> {
  const { fault, runDir } = order;
  const pace = order.timed ? 'timed' : 'untimed';
  const meter = new OutputMeter();
  const host = await createHost({ runDir, logger: meter.logger });
  const neighbour = await loadNeighbour(host, order.good);
  const book = new Book();
  const caller = new SteadyCaller(neighbour, book, { loops: 2, restMs: 5 });
  const steadyBook = new Book();
  const victim = new Victim(host, optionsOf(order), meter, {
    runDir,
    mark: order.mark,
    chaosOf: (chaos) => chaosOf(order, chaos),
  });
  const late = fault.acts.some(({ act }) => act === 'load');
  let steady: SteadyCaller | undefined;
  if (!late) {
    await victim.load();
    steady = new SteadyCaller(victim.plugin, steadyBook, { loops: 1, restMs: 10 });
  }
  while (book.ended < WARM_UP_CALLS[pace]) await sleep(20);
  book.takeLatency();
  await sleep(QUIET_MS[pace]);
  const quiet = book.takeLatency();

  const memory = new MemoryPeak();
  const processor = process.cpuUsage();
  const beganAt = performance.now();
  const outcome = await victim.suffer(fault);
  const tookMs = performance.now() - beganAt;
  await sleep(Math.max(AFTER_MS[pace], WATCHED_MS[pace] - tookMs));
  const during = book.takeLatency();
  const used = process.cpuUsage(processor);
  const grownMiB = memory.stop() / MIB;
  await victim.callsEnded();
  await steady?.stop();
  await caller.stop();
  await host.close();
  const files = readdirSync(runDir);
  return {
    ...outcome,
    tookMs,
    calls: Object.fromEntries(victim.book.endings),
    steady: Object.fromEntries(steadyBook.endings),
    miscounted: book.miscounted + victim.book.miscounted + steadyBook.miscounted,
    quiet,
    during,
    neighbourFailed: [...book.endings.keys()].filter((ending) => ending !== 'OK'),
    grownMiB,
    printedMiB: meter.bytes / MIB,
    processorShare: (used.user + used.system) / 1000 / (performance.now() - beganAt),
    leftFiles: files,
  };
}

const handshake = { cookie: ['KV_PLUGIN', 'hello'] as const, protocolVersions: [1, 2] };

function loadNeighbour(host: Host, command: string): Promise<Plugin> {
  return host.load({ name: 'neighbour', version: '1.0.0', command, handshake, contract: [KvDefinition] });
}

function chaosOf({ mode }: Order, chaos = ''): string {
  return mode === 'mux' ? `multiplex;${chaos}` : chaos;
}

/** With limits that let a test see what happens in them. */
function optionsOf(order: Order): LoadOptions {
  const { fault, mode, chaos, mark } = order;
  return {
    name: 'victim',
    version: '1.0.0',
    command: chaos,
    handshake,
    contract: [KvDefinition],
    autoMtls: mode !== 'plain',
    multiplex: mode === 'mux',
    env: { CHAOS: chaosOf(order, fault.chaos), CHAOS_VERSION: '1.0.0', FAULT_MARK: mark },
    health: { intervalMs: 250, idleIntervalMs: 250, timeoutMs: 500, failures: 2 },
    restart: { budget: { crashes: 3, withinMs: 60_000 } },
    startTimeoutMs: fault.startTimeoutMs ?? 8_000,
    drainTimeoutMs: 2_000,
    stopTimeoutMs: 1_000,
  };
}

/** How far the resident memory of this process rises from now on. */
class MemoryPeak {
  readonly #start = process.memoryUsage.rss();
  #peak = this.#start;
  readonly #timer = setInterval(() => this.#look(), 10);

  #look(): void {
    this.#peak = Math.max(this.#peak, process.memoryUsage.rss());
  }

  stop(): number {
    this.#look();
    clearInterval(this.#timer);
    return this.#peak - this.#start;
  }
}

main(JSON.parse(process.argv[2] ?? '') as Order).then(
  (report) => process.stdout.write(`${JSON.stringify(report)}\n`),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
    process.exit(1);
  },
);
