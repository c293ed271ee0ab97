import { type Plugin, PluginError, type UpgradeOptions } from '@plugd/host';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';
import { HostRoom, servingPid } from '../support/host-room';
import { checkLinearizable } from '../support/linearizability';
import { poll } from '../support/poll';
import { SeededRandom } from '../support/seeded-random';
import { Callers, Handed } from './handed';
import type { Misdeed } from './handed-plugin';

// Operations of all kinds, one after the other, of which most go wrong somewhere: whatever comes of each, the plugin serves
// again, one process is left, and what was counted since a process took the last of it with it is all there.

const full = process.env['PLUGD_FULL'] === '1';
const rounds = full ? 40 : 1;
jest.setTimeout(full ? 600_000 : 90_000);

const handed = new Handed();
afterAll(() => handed.dispose());

const resources = { port: 'exclusive' } as const;
const methods = ['pause', 'snapshot', 'release', 'restore', 'check', 'activate', 'resume'] as const;
const misdeeds = ['error', 'late-error', 'exit', 'hang', 'rubbish'] as const;
const steps = [
  'health',
  'contract',
  'hold',
  'quiesce',
  'pause',
  'snapshot',
  'release',
  'restore',
  'check',
  'swap',
  'activate',
  'release-calls',
  'drain',
  'stop',
] as const;

/** Sends signals, or does whatever else, when a step of some operation begins. */
class Striker {
  #strike: ((step: string) => void) | undefined;

  constructor({ host }: HostRoom) {
    host.on('event', (event) => {
      if (event.type === 'operation' && event.phase === 'started') this.#strike?.(event.step);
    });
  }

  next(strike: ((step: string) => void) | undefined): void {
    this.#strike = strike;
  }
}

/** Eras in which the only process that had the numbers was killed. */
const lossy = new Set<number>();

test('whatever happens to a counter, it serves again, and nothing is left of what failed', async () => {
  const random = new SeededRandom();
  await random.during(() => series(random));
});

async function series(random: SeededRandom): Promise<void> {
  const room = await HostRoom.open();
  try {
    const plugin = await handed.load(
      room,
      { resources },
      {
        drainTimeoutMs: 2000,
        stopTimeoutMs: 300,
        restart: { hold: { limitMs: 3000 }, budget: { crashes: 1000 } },
        // One that stands still where no step asks anything of it is found out by this.
        health: { intervalMs: 500, idleIntervalMs: 500, timeoutMs: 2000, failures: 2 },
      },
    );
    const striker = new Striker(room);
    const callers = new Callers(plugin);
    for (let round = 0; round < rounds; round++) {
      await callers.more();
      const { told, down } = await oneRound(random, room, plugin, striker, round);
      // What the last process knew that had it is lost, if it was killed: what is kept of it is older.
      callers.turnThePage();
      handed.tell({});
      striker.next(undefined);
      try {
        // Two faults may be too much: then neither version could be started.
        if (!down) await callers.more();
        await poll(
          () => room.processes(),
          (pids) => pids.length === (down ? 0 : 1),
        );
      } catch (error) {
        throw new Error(`after ${told}`, { cause: error });
      }
      const report = await plugin.upgrade(handed.options(room, good(round)));
      expect([told, report.outcome]).toEqual([told, 'swapped']);
    }
    const { entries, errors } = await callers.end();
    expect(errors.filter((error) => !(error instanceof RpcError))).toEqual([]);
    const kept = entries.filter(({ key }) => !lossy.has(Number.parseInt(key, 10)));
    expect(await checkLinearizable(kept)).toMatchObject({ linearizable: true, wrong: [] });
  } finally {
    await room.close();
  }
}

const good = (round: number) => ({ version: `${round + 2}.0.0`, schema: 1 + (round % 2), resources });

async function oneRound(
  random: SeededRandom,
  room: HostRoom,
  plugin: Plugin,
  striker: Striker,
  round: number,
): Promise<{ readonly told: string; readonly down: boolean }> {
  const version = `${round + 2}.${random.below(100) + 1}.0`;
  const from = plugin.status().version;
  const before = servingPid(plugin);
  const notes: string[] = [];
  if (random.next() < 0.6) {
    const method = random.pick(methods);
    const misdeed: Misdeed = random.pick(misdeeds);
    const side = random.next() < 0.5 ? from : version;
    handed.tell({ [side]: { [method]: misdeed } });
    notes.push(`${method} ${misdeed} of the ${side === from ? 'old' : 'new'} one`);
    if (side === from && misdeed === 'exit') lossy.add(round);
  }
  if (random.next() < 0.7) {
    const at = random.pick(steps);
    const signal = random.pick(['SIGKILL', 'SIGSTOP'] as const);
    const old = random.next() < 0.5;
    notes.push(`${signal} for the ${old ? 'old' : 'new'} one at ${at}`);
    // Before calls are let go the new one has nothing that the old one has not.
    if (old || ['release-calls', 'drain', 'stop'].includes(at)) lossy.add(round);
    striker.next((step) => {
      if (step !== at) return;
      striker.next(undefined);
      const pid = old ? before : room.processes().find((one) => one !== before);
      try {
        if (pid !== undefined) process.kill(pid, signal);
      } catch {
        // It has left by itself.
      }
    });
  }
  const strategy = random.pick(['handoff', 'handoff', 'recreate'] as const);
  const options: UpgradeOptions = {
    ...handed.options(room, { version, schema: 1 + (round % 2), resources }),
    strategy,
    ...(random.next() < 0.3 ? { bakeMs: 300 } : {}),
  };
  let down = false;
  const outcome = await Promise.resolve(plugin.upgrade(options)).then(
    (report) => report.outcome,
    (error: unknown) => {
      if (!(error instanceof PluginError)) return String(error);
      down = error.facts['outcome'] === 'down';
      return `${error.code} at ${error.facts['step']}`;
    },
  );
  return { told: `round ${round}, ${strategy}: ${notes.join(', ')}: ${outcome}`, down };
}
