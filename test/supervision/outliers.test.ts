import { type HostEvent, type Plugin, RpcError } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { HostRoom } from '../support/host-room';
import { poll } from '../support/poll';
import { Moody, tell } from './moody';

// Its first rest is 30 seconds long: only with --full it is waited for.
const full = process.env['PLUGD_FULL'] === '1';

// What has a limit of its own asserts it; this one is only for tests that hang. The first rest of an outlier is 30 s.
jest.setTimeout(150_000);

let moody: Moody;
let room: HostRoom;
beforeAll(() => {
  moody = new Moody();
});
afterAll(() => moody.dispose());
beforeEach(async () => {
  room = await HostRoom.open();
});
afterEach(async () => {
  moody.openGate();
  await room.close();
});

/** Who answered the calls of a few loops since it was last asked, and how many failed. */
class Callers {
  readonly #stop = new AbortController();
  readonly #loops: Promise<void>[];
  #answers = new Map<number, number>();
  #failed: string[] = [];

  constructor(plugin: Plugin) {
    const client = plugin.client(KvDefinition);
    this.#loops = Array.from({ length: 12 }, async () => {
      while (!this.#stop.signal.aborted) {
        try {
          const { pid } = await client.get({});
          this.#answers.set(pid, (this.#answers.get(pid) ?? 0) + 1);
        } catch (error) {
          this.#failed.push(error instanceof RpcError ? error.codeName : String(error));
        }
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    });
  }

  async next(count: number): Promise<{ pids: number[]; failed: string[] }> {
    const answered = () => [...this.#answers.values()].reduce((sum, one) => sum + one, this.#failed.length);
    this.#answers = new Map();
    this.#failed = [];
    await poll(answered, (now) => now >= count);
    return { pids: [...this.#answers.keys()].sort(), failed: this.#failed };
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#loops);
  }
}

const outliers = () =>
  room.events.filter((event): event is HostEvent & { type: 'outlier' } => event.type === 'outlier');

const pidsOf = (plugin: Plugin) =>
  plugin
    .status()
    .instances.map(({ pid }) => pid)
    .sort();

/** Puts one of three in a bad mood under load, and waits until nobody notices it any more. */
async function takenOut(plugin: Plugin, callers: Callers, deed: string, reason: string) {
  const pids = pidsOf(plugin);
  expect(pids).toHaveLength(3);
  expect(await callers.next(200)).toEqual({ pids, failed: [] });
  moody.shutGate();
  const odd = await tell(plugin, deed);
  const status = () => plugin.status().instances.find(({ pid }) => pid === odd);
  const said = { plugin: 'kv', generation: 1, instance: status()?.id };
  await poll(outliers, ({ length }) => length > 0);
  expect(outliers()).toMatchObject([{ ...said, phase: 'out', cause: { reason } }]);
  await poll(status, (seen) => seen?.inFlight === 0);
  expect(await callers.next(200)).toEqual({ pids: pids.filter((pid) => pid !== odd), failed: [] });
  // It rests, and nothing more: its process is as it was.
  expect(status()).toMatchObject({ state: 'serving', inFlight: 0 });
  return { pids, said };
}

test('one of three that fails gets no calls for a while, and then again, when it has come to itself', async () => {
  const plugin = await moody.load(room, { instances: 3 });
  const callers = new Callers(plugin);
  try {
    const { pids, said } = await takenOut(plugin, callers, 'fail', 'errors');
    moody.openGate();
    if (!full) return;
    await poll(outliers, ({ length }) => length > 1, 60_000);
    expect(outliers().slice(1)).toMatchObject([{ ...said, phase: 'back', cause: { reason: 'recovered' } }]);
    expect(await callers.next(200)).toEqual({ pids, failed: [] });
    expect(room.processes().sort()).toEqual(pids);
  } finally {
    await callers.stop();
  }
});

test('one of three that is slow gets no calls for a while', async () => {
  const plugin = await moody.load(room, { instances: 3 });
  const callers = new Callers(plugin);
  try {
    await takenOut(plugin, callers, 'slow:200', 'latency');
  } finally {
    await callers.stop();
  }
});
