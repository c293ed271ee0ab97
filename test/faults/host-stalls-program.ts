// An application with a host that stands still: bundled and run by host-stalls.test.ts.
// argv: JSON, see Order. Takes commands on stdin and answers each on stdout, a line of JSON apiece.
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { createHost } from '../../host/src/create-host';
import type { HostEvent } from '../../host/src/events/host-event';
import type { LoadOptions } from '../../host/src/instance/load-options';
import type { StallFigures } from '../../host/src/supervision/stall-meter';

export interface Order {
  readonly runDir: string;
  readonly load: readonly LoadOptions[];
  /** Names of those that are called all the time; the others are left alone. */
  readonly called: readonly string[];
}

export type Command = { readonly do: 'block'; readonly ms: number } | { readonly do: 'report' | 'close' };

/** How things stand. */
export interface Report {
  /** What has happened since all plugins served. */
  readonly events: readonly HostEvent[];
  /** The processes that serve, by the names of their plugins. */
  readonly pids: Readonly<Record<string, number>>;
  /** Calls that were answered. */
  readonly calls: number;
  /** Those that were not, and what the plugins that nobody calls say when they are asked. */
  readonly errors: readonly string[];
  readonly stalls: StallFigures;
}

const answerLimitMs = 10_000;
const pauseMs = 20;
const startsAtATime = 4;

async function main({ runDir, load, called }: Order): Promise<void> {
  const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };
  const host = await createHost({ runDir, logger: silent });
  const left = [...load];
  const loadOthers = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) await host.load(next);
  };
  await Promise.all(Array.from({ length: startsAtATime }, loadOthers));
  const events: HostEvent[] = [];
  host.on('event', (event) => events.push(event));
  const errors: string[] = [];
  let calls = 0;
  let calling = true;
  const loops = called.map(async (name) => {
    const client = host.plugin(name)?.client(KvDefinition);
    while (calling) {
      await client?.get({ key: 'k' }).then(
        () => calls++,
        (error: unknown) => errors.push(`${name}: ${error}`),
      );
      await sleep(pauseMs);
    }
  });

  const report = async (): Promise<Report> => {
    const asked = host.plugins().map(async (plugin): Promise<[string, number]> => {
      await plugin.client(KvDefinition).get({ key: 'k' }, { timeoutMs: answerLimitMs });
      return [plugin.name, plugin.status().instances[0]?.pid ?? 0];
    });
    const answers = await Promise.allSettled(asked);
    const failed = answers.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []));
    const pids = Object.fromEntries(
      answers.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])),
    );
    return { events, pids, calls, errors: [...errors, ...failed], stalls: host.snapshot().stalls };
  };
  const obey = async (command: Command): Promise<unknown> => {
    if (command.do === 'report') return report();
    if (command.do === 'block') {
      // Nothing runs meanwhile: to the loop it is all the same whether it waits or computes.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, command.ms);
      return {};
    }
    calling = false;
    await Promise.all(loops);
    await host.close();
    return {};
  };

  const say = (what: unknown): void => void process.stdout.write(`${JSON.stringify(what)}\n`);
  say(await report());
  for await (const line of createInterface({ input: process.stdin })) {
    say(await obey(JSON.parse(line) as Command));
  }
  process.exit();
}

void main(JSON.parse(process.argv[2] ?? '') as Order);
