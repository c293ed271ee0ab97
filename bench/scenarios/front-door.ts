import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import { createHost } from '@plugd/host';
import { KvClient, KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { ProbeClient, ProbeDefinition } from '@plugd/protocol/gen/samples/probe/v1/probe';
import { createFrontDoor } from '../../host/src/front-door/front-door';
import { type Figures, interleave, median, ratios, type Scenario, withSpread } from '../harness';
import { type CallSample, stubCaller } from './callers';
import { builtLanguages, sample } from './samples';

const ROUNDS = 15;
const WARM_UP = 2;
const SAMPLE_MS = 150;
const STREAM = { messages: 2_000, bytes: 1024 };

/** Where one plugin is found: at its own address, and through the front door of its host. */
interface Targets {
  readonly direct: string;
  readonly door: string;
}

/** What the front door costs: the same client and the same plugin, with it and without it. */
export const frontDoor: Scenario = {
  name: 'frontdoor',
  about: "calls through the front door of another process, against calls on the plugin's own address",
  async run(context) {
    const { targets, cpuMs, stop } = await startDoor();
    const clients = { direct: clientOf(targets.direct), door: clientOf(targets.door) };
    const figures: Figures = {};
    try {
      for (const { caller } of Object.values(clients)) {
        await caller.unary(16, 100, 600);
        await caller.stream(STREAM.messages, STREAM.bytes);
      }
      const measured: [name: string, unit: string, take: (of: keyof Targets) => Promise<CallSample>][] = [
        ['100b_c1', 'call', (of) => clients[of].caller.unary(1, 100, SAMPLE_MS)],
        ['100b_c64', 'call', (of) => clients[of].caller.unary(64, 100, SAMPLE_MS)],
        ['1mib_c1', 'call', (of) => clients[of].caller.unary(1, 1024 ** 2, SAMPLE_MS)],
        ['stream_1kib', 'message', (of) => clients[of].caller.stream(STREAM.messages, STREAM.bytes)],
      ];
      const rows = [['', 'direct', 'through the door', 'rate ×direct', 'µs more each', 'CPU µs of the door']];
      for (const [name, unit, take] of measured) {
        context.progress(name);
        const samples = await interleave(ROUNDS, WARM_UP, {
          direct: async () => ({ ...(await take('direct')), doorCpuUs: 0 }),
          door: async () => {
            const [cpuBefore, begun] = [await cpuMs(), performance.now()];
            const sampled = await take('door');
            const seconds = (performance.now() - begun) / 1000;
            const cpuUs = ((await cpuMs()) - cpuBefore) * 1000;
            return { ...sampled, doorCpuUs: cpuUs / (sampled.perSecond * seconds) };
          },
        });
        const cpu = samples.door.map(({ doorCpuUs }) => doorCpuUs);
        const direct = samples.direct.map(({ perSecond }) => perSecond);
        const door = samples.door.map(({ perSecond }) => perSecond);
        const against = ratios(door, direct);
        const more = door.map((rate, i) => 1e6 / rate - 1e6 / (direct[i] ?? Number.NaN));
        figures[`${name}_direct_${unit}s_per_second`] = median(direct);
        figures[`${name}_door_${unit}s_per_second`] = median(door);
        figures[`${name}_rate_ratio_to_direct`] = median(against);
        figures[`${name}_us_more_per_${unit}`] = median(more);
        figures[`${name}_door_cpu_us_per_${unit}`] = median(cpu);
        rows.push([
          `${name}, ${unit}s/s`,
          withSpread(direct, 0),
          withSpread(door, 0),
          withSpread(against, 2),
          withSpread(more, 1),
          withSpread(cpu, 1),
        ]);
      }
      context.table(rows);
      return figures;
    } finally {
      for (const { close } of Object.values(clients)) close();
      await stop();
    }
  },
};

function clientOf(target: string) {
  const kv = new KvClient(target, credentials.createInsecure());
  const probe = new ProbeClient(target, credentials.createInsecure());
  return {
    caller: stubCaller(kv, probe),
    close: () => {
      kv.close();
      probe.close();
    },
  };
}

/** The host is another process, as a daemon is. */
async function startDoor() {
  const directory = mkdtempSync(join(tmpdir(), 'plugd-bench-'));
  const child = fork(process.argv[1] ?? '', ['--front-door', join(directory, 'door')], { execArgv: [] });
  const stop = async (): Promise<void> => {
    await end(child);
    rmSync(directory, { recursive: true, force: true });
  };
  const [targets] = await Promise.race([once(child, 'message'), once(child, 'exit')]);
  if (!isTargets(targets)) {
    await stop();
    throw new Error('The host with the front door did not start');
  }
  /** What its process has spent so far, in user and system time. */
  const cpuMs = async (): Promise<number> => {
    child.send('cpu');
    const [ms] = await once(child, 'message');
    return Number(ms);
  };
  return { targets, cpuMs, stop };
}

function isTargets(value: unknown): value is Targets {
  return typeof value === 'object' && value !== null && 'direct' in value && 'door' in value;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.disconnect();
  await gone;
}

/** The host's side: runs until its parent lets go of it. */
export async function serveFrontDoor(socket: string): Promise<void> {
  const [language = 'ts'] = builtLanguages(() => {});
  const host = await createHost();
  const plugin = await host.load({ ...sample(language), name: 'kv', autoMtls: false });
  const door = await createFrontDoor({ socket });
  door.offer(plugin, [KvDefinition.fullName, ProbeDefinition.fullName]);
  process.once('disconnect', () => {
    void door
      .close({ timeoutMs: 0 })
      .then(() => host.close())
      .then(() => process.exit());
  });
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send?.((user + system) / 1000);
  });
  const [instance] = plugin.status().instances;
  process.send?.({ direct: `unix:${instance?.address ?? ''}`, door: door.target });
}
