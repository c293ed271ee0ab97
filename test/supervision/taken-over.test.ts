import type { HandedOver, Plugin } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { ManagedPlugin } from '../../host/src/managed-plugin';
import { noteFigures } from '../support/figures';
import { HostRoom, servingPid } from '../support/host-room';
import { Load } from '../support/load';
import { describeWithGo, goIsHere } from '../support/needs-go';
import { poll } from '../support/poll';
import { isRunning } from '../support/processes';
import { kvGo, kvTs } from '../support/samples';
import { answered, counted, firstAnswerMs, often } from './often-crashing';
import { faults } from './watches';

// A process that this host did not start is not its child: its end is learnt in another way, and is no less noticed.

jest.setTimeout(120_000);

let first: HostRoom;
let second: HostRoom;
beforeEach(async () => {
  first = await HostRoom.open();
  second = await HostRoom.open();
});
afterEach(async () => {
  await second.close();
  await first.close();
});

const GET = '/samples.kv.v1.Kv/Get';

/** A plugin of one host, taken over by another one by way of a file; its options come along, the contract does not. */
async function takenOver(command: string, instances = 1): Promise<Plugin> {
  await first.load(command, { ...often, instances });
  const [handedOver] = await first.host.handOver();
  const plugin = await second.host.attach(JSON.parse(JSON.stringify(handedOver)) as HandedOver);
  expect(plugin.status()).toMatchObject({ state: 'serving', generation: 1 });
  expect(plugin.status().instances).toHaveLength(instances);
  return plugin;
}

/** Every day the rest is tried in one language: what it was made in says nothing to a host that has its options. */
const whole = process.env['PLUGD_FULL'] === '1' || !goIsHere;

function suite(language: string, command: string, testRest = test): void {
  test('is started anew when it crashes, and callers of methods that may be repeated see nothing of it', async () => {
    const ledger = second.ledger('kv');
    const plugin = await takenOver(command);
    // Which methods may be repeated is known once the plugin has told.
    const known = () => plugin instanceof ManagedPlugin && plugin.serving?.contract.isIdempotent(GET);
    await poll(known, (is) => is === true);
    const load = await Load.start(plugin, ledger, { unary: 16, streams: false, restMs: 5 });
    const awayMs: number[] = [];
    const pids: number[] = [];
    try {
      pids.push(await answered(ledger, plugin, 100));
      // The first crash is of the process that was taken over, the second of one of this host's own.
      for (let crash = 1; crash <= 2; crash++) {
        const killedAt = performance.now();
        process.kill(servingPid(plugin), 'SIGKILL');
        const pid = await answered(ledger, plugin, 100);
        awayMs.push(Math.round(firstAnswerMs(ledger, pid, killedAt)));
        pids.push(pid);
      }
    } finally {
      await load.stop();
    }
    expect(faults(ledger)).toEqual([]);
    expect(new Set(pids).size).toBe(3);
    expect(counted(second).restarts).toMatchObject({ lost: { crash: 2 }, restarts: 2 });
    expect(plugin.status()).toMatchObject({ state: 'serving', generation: 1 });
    noteFigures(`crash of a plugin that was taken over, ${language}`, {
      awayMs,
      calls: ledger.entries.length,
      errors: faults(ledger).length,
    });
  });

  testRest('of several instances one that crashes is replaced, while the others answer', async () => {
    const plugin = await takenOver(command, 3);
    const [victim] = plugin.status().instances;
    if (victim === undefined) throw new Error('there are three');
    process.kill(victim.pid, 'SIGKILL');
    await poll(
      () => plugin.status().instances.map(({ pid }) => pid),
      (pids) => pids.length === 3 && !pids.includes(victim.pid),
    );
    expect(plugin.status().state).toBe('serving');
    const answers = await Promise.all(
      Array.from({ length: 30 }, () => plugin.client(KvDefinition).get({ key: 'k' })),
    );
    const pids = plugin.status().instances.map(({ pid }) => pid);
    for (const { pid } of answers) expect(pids).toContain(pid);
    // Its place was never empty of all: the plugin did not leave its state.
    const states = second.events.flatMap((event) => (event.type === 'plugin' ? [event.to] : []));
    expect(states).toEqual(['starting', 'serving']);
  });

  testRest('is restarted with the options that came along, until its budget is used up', async () => {
    await first.load(command, {
      restart: { budget: { crashes: 1, withinMs: 600_000 }, backoff: { initialMs: 0, maxMs: 0 } },
    });
    const [handedOver] = await first.host.handOver();
    const plugin = await second.host.attach(JSON.parse(JSON.stringify(handedOver)) as HandedOver);
    const pid = servingPid(plugin);
    process.kill(pid, 'SIGKILL');
    await poll(
      () => plugin.status().instances[0]?.pid,
      (seen) => seen !== undefined && seen !== pid,
    );
    process.kill(servingPid(plugin), 'SIGKILL');
    await poll(
      () => plugin.status().state,
      (state) => state === 'failed',
    );
    await expect(plugin.client(KvDefinition).get({ key: 'k' })).rejects.toMatchObject({
      pluginCode: 'CRASH_LOOP',
      executed: 'no',
    });
    expect(isRunning(pid)).toBe(false);
    await plugin.restart();
    expect(await plugin.client(KvDefinition).get({ key: 'k' })).toMatchObject({ pid: servingPid(plugin) });
  });
}

describe('a plugin in TS that was taken over', () => suite('TS', kvTs('1'), whole ? test : test.skip));
describeWithGo('a plugin in Go that was taken over', () => suite('Go', kvGo('1')));
