import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OperationHandle, Plugin, ShadowOptions, ShadowReport } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { roomsAtOnce } from '../support/at-once';
import { bundleProgram } from '../support/bundle';
import { failureOf } from '../support/host-room';
import { SeededRandom } from '../support/seeded-random';
import type { ShadowOrder } from './shadow-plugin';

const program = bundleProgram(resolve(__dirname, 'shadow-plugin.ts'));
const descriptors = join(__dirname, '../../proto/src/gen/samples.binpb');
// Not that of the answers to writes: were one mirrored, it would disagree.
const ignore = ['samples.kv.v1.GetResponse.served_by', 'pid'];
const { atOnce, room } = roomsAtOnce();
afterAll(() => rmSync(program.directory, { recursive: true, force: true }));

const what = (order: ShadowOrder) => ({
  version: order.version ?? '1.0.0',
  command: program.file,
  env: { SHADOW: JSON.stringify({ descriptors, ...order }), ROOM_MARK: room().mark },
});

async function load(order: ShadowOrder = {}): Promise<Plugin> {
  const { command, ...over } = what(order);
  return room().load(command, over);
}

function upgrade(plugin: Plugin, order: ShadowOrder, shadow: ShadowOptions): OperationHandle {
  return plugin.upgrade({
    ...what({ version: '2.0.0', ...order }),
    strategy: 'shadow',
    // Nothing is to be left out for the host's own sake: whatever else the machine does, it is found.
    shadow: { ignore, maxPerSecond: 10_000, busyPercent: 100, ...shadow },
  });
}

/** Reads one key after the other, and knows which answer each has; writes now and then. */
class Callers {
  readonly served = new Set<string>();
  readonly wrong: string[] = [];
  calls = 0;
  writes = 0;
  #stopped = false;
  readonly #loop: Promise<void>;

  constructor(plugin: Plugin, keys: number) {
    this.#loop = this.#call(plugin, keys);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#loop;
  }

  async #call(plugin: Plugin, keys: number): Promise<void> {
    const client = plugin.client(KvDefinition);
    for (let call = 0; !this.#stopped; call++) {
      const key = `key-${call % keys}`;
      const { found, value, servedBy } = await client.get({ key }, { timeoutMs: 20_000 });
      this.calls++;
      this.served.add(servedBy);
      if (!found || Buffer.from(value).toString() !== `value of ${key}`) this.wrong.push(key);
      if (call % 10 === 0) {
        await client.put({ key, value: Buffer.from('v') }, { timeoutMs: 20_000 });
        this.writes++;
      }
      await sleep(1);
    }
  }
}

/** Whether callers have had all their answers, and from whom. */
async function unharmed(callers: Callers, versions: readonly string[] = ['1.0.0']): Promise<void> {
  await callers.stop();
  expect(callers.wrong).toEqual([]);
  expect([...callers.served]).toEqual(versions);
}

atOnce('a new version that answers as the old one does is promoted', async () => {
  const plugin = await load();
  const callers = new Callers(plugin, 50);
  const report = await upgrade(plugin, {}, { minCalls: 50 });
  await sleep(50);
  await unharmed(callers, ['1.0.0', '2.0.0']);
  expect(report.outcome).toBe('swapped');
  const [told] = report.shift?.progress.slice(-1) ?? [];
  expect(told?.facts?.['agreed']).toBeGreaterThanOrEqual(50);
  expect(told?.facts).toMatchObject({
    disagreed: 0,
    methods: [{ method: '/samples.kv.v1.Kv/Get', comparedAs: 'message' }],
  });
});

atOnce('twenty wrong answers are found, each before a caller has one of them', async () => {
  const random = new SeededRandom();
  const wrong = new Set<string>();
  while (wrong.size < 20) wrong.add(`key-${random.below(60)}`);
  const plugin = await load();
  const callers = new Callers(plugin, 60);
  const handle = upgrade(
    plugin,
    { wrong: [...wrong] },
    { minCalls: 1_000_000, maxDisagreements: 1_000_000, maxReported: 1000, revealRequest: ['key'] },
  );
  const found = new Set<string>();
  const kinds = new Set<string>();
  for await (const { shift } of handle) {
    for (const { request, kind } of (shift?.facts as ShadowReport | undefined)?.disagreements ?? []) {
      found.add(JSON.parse(request?.['key'] ?? '""'));
      kinds.add(kind);
    }
    if (found.size >= wrong.size) handle.abort('all are found');
  }
  expect((await failureOf(handle)).code).toBe('ABORTED');
  expect([...found].sort()).toEqual([...wrong].sort());
  expect([...kinds].sort()).toEqual(['status', 'value']);
  await unharmed(callers);
});

atOnce('one wrong answer refuses the new version, and what callers write is executed once', async () => {
  const plugin = await load();
  const callers = new Callers(plugin, 20);
  const failure = await failureOf(upgrade(plugin, { wrong: ['key-7'] }, {}));
  expect(failure.code).toBe('SHADOW_DISAGREES');
  expect(failure.facts['disagreements']).toMatchObject([
    {
      method: '/samples.kv.v1.Kv/Get',
      field: 'value',
      kind: 'value',
      old: expect.stringMatching(/^bytes of 14 bytes ~/),
    },
  ]);
  expect(JSON.stringify(failure)).not.toContain('value of');
  await unharmed(callers);
  const { servedBy } = await plugin.client(KvDefinition).put({ key: 'k', value: Buffer.alloc(0) });
  expect(servedBy).toBe(`${callers.writes + 1}`);
});

atOnce('a new version that hangs is refused, and no caller waits for it', async () => {
  const plugin = await load();
  const callers = new Callers(plugin, 20);
  const failure = await failureOf(upgrade(plugin, { hangs: true }, { callTimeoutMs: 300 }));
  expect(failure.code).toBe('SHADOW_DISAGREES');
  expect(failure.facts['disagreements']).toMatchObject([{ kind: 'status', new: 'DEADLINE_EXCEEDED' }]);
  await unharmed(callers);
  expect(callers.calls).toBeGreaterThan(20);
});

atOnce('a new version that floods is refused by its first answer', async () => {
  const plugin = await load();
  const callers = new Callers(plugin, 20);
  const failure = await failureOf(upgrade(plugin, { floodBytes: 2 ** 22 }, { callTimeoutMs: 20_000 }));
  expect(failure.code).toBe('SHADOW_DISAGREES');
  expect(failure.facts).toMatchObject({ compared: 1, disagreements: [{ kind: 'size' }] });
  await unharmed(callers);
});

atOnce('a new version that crashes is lost, and nothing else', async () => {
  const plugin = await load();
  const callers = new Callers(plugin, 20);
  const failure = await failureOf(upgrade(plugin, { crashAt: 5 }, {}));
  expect(failure.code).toBe('BAKE_FAILED');
  await unharmed(callers);
  expect(plugin.status().version).toBe('1.0.0');
});
