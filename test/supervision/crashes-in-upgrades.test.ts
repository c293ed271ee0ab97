import type { HostEvent, OperationHandle, Plugin } from '@plugd/host';
import { PluginError } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { middleAndMost, noteFigures } from '../support/figures';
import { HostRoom, servingPid } from '../support/host-room';
import { Load } from '../support/load';
import { goIsHere } from '../support/needs-go';
import { eventually, isRunning } from '../support/processes';
import { kvGo, kvTs } from '../support/samples';
import { SeededRandom } from '../support/seeded-random';
import { answered, counted, often } from './often-crashing';
import { faults, Watches } from './watches';

// Upgrades under load, in which either generation is killed, or both, at any moment.

const full = process.env['PLUGD_FULL'] === '1';
const upgrades = full ? 300 : 7;
/** How many calls are answered between two upgrades. */
const answersEach = 64;

const samples = [
  { command: kvTs('1'), version: '1.0.0' },
  { command: kvTs('2'), version: '2.0.0' },
  ...(goIsHere
    ? [
        { command: kvGo('1'), version: '1.0.0' },
        { command: kvGo('2'), version: '2.0.0' },
      ]
    : []),
];

/**
 * When somebody is killed: the old one while the new one starts, the new one before it has shaken hands, the new one
 * when it is ready, either of them at the swap, the old one while it drains, the new one right after the swap; and
 * either of them at any time. Every day one in each step, and both.
 */
const daily = [
  'nobody',
  'old at start',
  'new at start',
  'new when ready',
  'old at swap',
  'new at swap',
  'both in drain',
] as const;
const more = [
  'old when new is ready',
  'old in drain',
  'new in drain',
  'old at any time',
  'new at any time',
] as const;
const moments = full ? [...daily, ...more] : daily;
type Moment = (typeof daily | typeof more)[number];

test(
  `every call is answered once, by a generation of its time, over ${upgrades} upgrades with crashes of either generation`,
  async () => {
    const random = new SeededRandom();
    const room = await HostRoom.open();
    try {
      await random.during(() => run(room, random));
    } finally {
      await room.close();
    }
  },
  60_000 + upgrades * 4_000,
);

async function run(room: HostRoom, random: SeededRandom): Promise<void> {
  const ledger = room.ledger('kv');
  const first = sampleAt(0);
  const plugin = await room.load(first.command, {
    ...often,
    version: first.version,
    contract: [KvDefinition],
  });
  const load = await Load.start(plugin, ledger, { unary: 48, streams: false, restMs: 10 });
  const watches = new Watches(plugin, ledger, 4);
  const begun = performance.now();
  const outcomes: Record<string, number> = {};
  const unexpected: string[] = [];
  const backMs: number[] = [];
  let kills = 0;
  try {
    await answered(ledger, plugin, answersEach);
    // Each moment comes as often as the others, in an order of its own.
    let order: Moment[] = [];
    for (let i = 1; i <= upgrades; i++) {
      if (order.length === 0) order = shuffled(random);
      const moment = order.pop() ?? 'nobody';
      const round = new Round(room, plugin, moment, random);
      const { command, version } = sampleAt(i);
      const outcome = await round.upgrade(() => plugin.upgrade({ command, version }));
      kills += round.killed.length;
      const what = outcome instanceof PluginError ? outcome.code : outcome;
      outcomes[what] = (outcomes[what] ?? 0) + 1;
      // Only the crash of the new one is a reason for an upgrade to fail.
      if (outcome instanceof PluginError && !round.killedNew)
        unexpected.push(`${moment}: ${outcome.message}`);
      const endedAt = performance.now();
      await answered(ledger, plugin, answersEach);
      backMs.push(performance.now() - endedAt);
    }
  } finally {
    await load.stop();
    await watches.stop();
  }
  expect(faults(ledger)).toEqual([]);
  expect(unexpected).toEqual([]);
  expect(Object.keys(outcomes).filter((what) => !ways.includes(what))).toEqual([]);

  // What serves in the end is the one process that is left.
  expect(plugin.status()).toMatchObject({ state: 'serving', instances: [{ state: 'serving' }] });
  const pid = servingPid(plugin);
  const answer = await plugin.client(KvDefinition).get({ key: 'k' });
  expect(answer).toMatchObject({ pid, servedBy: plugin.status().version });
  await eventually(() => room.processes().length === 1, 10_000, 'nothing else is left');
  expect(room.processes()).toEqual([pid]);
  const { calls, restarts, held } = counted(room);
  expect(calls).toMatchObject({ lost: watches.torn, cut: 0 });
  expect(restarts.givenUp).toBe(0);
  noteFigures('crashes in upgrades', {
    seed: random.seed,
    upgrades,
    kills,
    outcomes,
    calls: ledger.entries.length,
    errors: faults(ledger).length,
    acrossASwap: ledger.entries.filter(({ from, to }) => from !== to).length,
    retried: calls.retried,
    heldEver: held.heldEver,
    restarts,
    streams: { whole: watches.whole, torn: watches.torn },
    answersAgainMs: middleAndMost(backMs),
    seconds: Math.round((performance.now() - begun) / 1000),
  });
}

/** How an upgrade may end in which the new one is killed. */
const ways = ['swapped', 'PLUGIN_EXITED', 'EXITED_BEFORE_HANDSHAKE', 'CONNECT_FAILED'];

function sampleAt(i: number): { readonly command: string; readonly version: string } {
  const sample = samples[i % samples.length];
  if (sample === undefined) throw new Error('no samples');
  return sample;
}

function shuffled(random: SeededRandom): Moment[] {
  const order: Moment[] = [...moments];
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const [a, b] = [order[i], order[j]];
    if (a !== undefined && b !== undefined) [order[i], order[j]] = [b, a];
  }
  return order;
}

/** One upgrade, and who is killed in it. */
class Round {
  readonly killed: number[] = [];
  killedNew = false;
  readonly #old: number;
  readonly #oldGeneration: number;
  readonly #timers = new Set<NodeJS.Timeout>();
  #new: number | undefined;

  constructor(
    private readonly room: HostRoom,
    plugin: Plugin,
    private readonly moment: Moment,
    private readonly random: SeededRandom,
  ) {
    this.#old = servingPid(plugin);
    this.#oldGeneration = plugin.status().generation;
  }

  /** Returns how it ended, without throwing. */
  async upgrade(start: () => OperationHandle): Promise<'swapped' | 'verified' | PluginError> {
    const onEvent = (event: HostEvent): void => this.#hear(event);
    this.room.host.on('event', onEvent);
    try {
      if (this.moment === 'old at any time') this.#soon(600, () => this.#killOld());
      if (this.moment === 'new at any time') this.#soon(600, () => this.#killNew());
      return (await start()).outcome;
    } catch (error) {
      if (error instanceof PluginError) return error;
      throw error;
    } finally {
      this.room.host.off('event', onEvent);
      for (const timer of this.#timers) clearTimeout(timer);
    }
  }

  #hear(event: HostEvent): void {
    if (event.type === 'instance' && event.to === 'ready' && event.pid !== undefined) {
      // The old one may be started anew meanwhile.
      if (event.generation === this.#oldGeneration) return;
      this.#new = event.pid;
      if (this.moment === 'new when ready') this.#soon(15, () => this.#killNew());
      if (this.moment === 'old when new is ready') this.#soon(15, () => this.#killOld());
    }
    if (event.type !== 'operation' || event.phase !== 'started') return;
    const { step } = event;
    if (step === 'start' && this.moment === 'old at start') this.#soon(200, () => this.#killOld());
    if (step === 'start' && this.moment === 'new at start') this.#soon(200, () => this.#killNew());
    if (step === 'swap' && this.moment === 'old at swap') this.#soon(4, () => this.#killOld());
    if (step === 'swap' && this.moment === 'new at swap') this.#soon(4, () => this.#killNew());
    if (step !== 'drain') return;
    if (this.moment === 'old in drain' || this.moment === 'both in drain')
      this.#soon(30, () => this.#killOld());
    if (this.moment === 'new in drain' || this.moment === 'both in drain')
      this.#soon(30, () => this.#killNew());
  }

  /** Within so many milliseconds. */
  #soon(withinMs: number, kill: () => void): void {
    this.#timers.add(setTimeout(kill, this.random.below(withinMs)));
  }

  #killOld(): void {
    this.#kill(this.#old);
  }

  /** The one that is being started: before its handshake only its environment tells. */
  #killNew(): void {
    const pid = this.#new ?? this.room.processes().find((one) => one !== this.#old);
    if (pid === undefined) return;
    this.killedNew = true;
    this.#kill(pid);
  }

  #kill(pid: number): void {
    if (!isRunning(pid)) return;
    process.kill(pid, 'SIGKILL');
    this.killed.push(pid);
  }
}
