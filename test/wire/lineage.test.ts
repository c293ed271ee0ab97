import type { LoadOptions, Plugin } from '@plugd/host';
import { AddHelperDefinition, CounterDefinition } from '@plugd/protocol/gen/samples/counter/v1/counter';
import { ProbeDefinition } from '@plugd/protocol/gen/samples/probe/v1/probe';
import { LINEAGE_KEY } from '@plugd/protocol/rpc/lineage';
import type { ServiceImplementation } from '@plugd/protocol/rpc/service';
import type { ServiceCall } from '@plugd/protocol/rpc/service-call';
import { currentLineage } from '../../host/src/routing/lineage';
import { addHelper, CounterRoom, put } from '../support/counter-room';
import { servingPid } from '../support/host-room';
import { describeWithGo } from '../support/needs-go';
import { counterGo, counterTs, kvTs } from '../support/samples';
import { Gate } from '../upgrade/gate';

// What has a limit of its own asserts it; this one is only for tests that hang.
jest.setTimeout(60_000);

type Helper = ServiceImplementation<AddHelperDefinition>;

/** What a handler of the host descends from, and what its call said of that itself. */
interface Seen {
  readonly lineage: string | undefined;
  readonly said: string | undefined;
}

const seenBy = ({ metadata }: ServiceCall): Seen => ({
  lineage: currentLineage()?.toString(),
  said: metadata.get(LINEAGE_KEY).map(String)[0],
});

const names = (text: string | undefined) => text?.split(',').sort();

let room: CounterRoom;
beforeEach(async () => {
  room = await CounterRoom.open();
});
afterEach(() => room.close());

const load = (name: string, command: string, over: Partial<LoadOptions> = {}): Promise<Plugin> =>
  room.load(command, { name, ...over });

/** Serves helpers in a pinned scope of its own, in no lineage but the plugin's, for as long as the work takes. */
async function helping(
  plugin: Plugin,
  helper: Partial<Helper>,
  work: (first: number, second: number) => Promise<void>,
): Promise<void> {
  const done = new Gate();
  let served = (_ids: [number, number]): void => {};
  const ids = new Promise<[number, number]>((resolve) => {
    served = resolve;
  });
  const scope = plugin.pinned(async ({ broker }) => {
    const serve = () => broker.serve(AddHelperDefinition, helper);
    // An id can be dialled once.
    served([await serve(), await serve()]);
    await done.passed;
  });
  try {
    await Promise.race([scope, ids.then(([first, second]) => work(first, second))]);
  } finally {
    done.open();
    await scope;
  }
}

test.each<[string, Partial<LoadOptions>]>([
  ['sockets of their own and AutoMTLS', { autoMtls: true }],
  ['one connection', { autoMtls: false, multiplex: true }],
])('a lineage goes from A through the host to B and back to the host, with %s', async (_name, mode) => {
  const A = await load('A', counterTs('1'), mode);
  const B = await load('B', counterTs('2'), { ...mode, version: '2.0.0' });
  const seen: Record<'fromA' | 'fromB', Seen[]> = { fromA: [], fromB: [] };
  const ofB: Partial<Helper> = {
    sum: ({ a, b }, call) => {
      seen.fromB.push(seenBy(call));
      return { r: a + b };
    },
  };
  await helping(B, ofB, async (helper, later) => {
    const ofA: Partial<Helper> = {
      async sum({ a, b }, call) {
        seen.fromA.push(seenBy(call));
        // An ordinary call, which knows of A by nothing but the place that it is made in.
        await B.client(CounterDefinition).put({ key: 'b', value: b, helper });
        return { r: a + b };
      },
    };
    const scope = A.pinned(async (calls) => {
      expect(currentLineage()?.toString()).toBe('A=1');
      return put(calls, 'a', 5, ofA);
    });
    expect(await scope).toMatchObject({ value: 5, servedBy: '1.0.0' });
    // Outside of any lineage B has nothing to hand on.
    await B.client(CounterDefinition).put({ key: 'b', value: 1, helper: later });
  });
  expect(seen.fromA).toEqual([{ lineage: 'A=1', said: 'A=1' }]);
  expect(seen.fromB.map(({ lineage, said }) => [names(lineage), names(said)])).toEqual([
    [['A=1', 'B=1'], ['A=1']],
    [['B=1'], undefined],
  ]);
  expect(currentLineage()).toBeUndefined();
});

test('a call back into the host goes to the generation that it came from, whatever the route leads to', async () => {
  const plugin = await load('A', counterTs('1'), { version: '1.0.0' });
  const begun = new Gate();
  const swapped = new Gate();
  let within: unknown;
  const helper: Partial<Helper> = {
    async sum({ a, b }) {
      begun.open();
      await swapped.passed;
      within = await plugin.client(CounterDefinition).get({ key: 'k' });
      return { r: a + b };
    },
  };
  const pid = servingPid(plugin);
  const scope = plugin.pinned((calls) => put(calls, 'k', 1, helper));
  await begun.passed;
  // A handoff would wait for the scope, since nobody knows what it is going to change.
  const upgrade = plugin.upgrade({ command: counterTs('2'), version: '2.0.0', strategy: 'overlap' });
  for await (const { step, phase } of upgrade) {
    if (step !== 'drain' || phase !== 'started') continue;
    const outside = await plugin.client(CounterDefinition).get({ key: 'k' });
    expect(outside).toMatchObject({ servedBy: '2.0.0' });
    swapped.open();
  }
  expect(await scope).toMatchObject({ pid, servedBy: '1.0.0' });
  expect(within).toMatchObject({ pid, servedBy: '1.0.0' });
  expect(await upgrade).toMatchObject({ outcome: 'swapped', calls: { cut: 0, failed: 0 } });
});

test('a plugin is told what a call descends from, and nothing where it descends from none', async () => {
  const A = await load('A', counterTs('1'));
  const kv = await room.room.load(kvTs('1'));
  const told = async (): Promise<string | undefined> => {
    const { metadata } = await kv.client(ProbeDefinition).inspect({});
    return metadata[LINEAGE_KEY];
  };
  expect(await told()).toBeUndefined();
  const inside = await A.pinned(async () => [await told(), names(await kv.pinned(told)), await told()]);
  expect(inside).toEqual(['A=1', ['A=1', 'kv=1'], 'A=1']);
  expect(await told()).toBeUndefined();
  // Work that outlives its scope descends from no call in flight.
  const ended = new Gate();
  let leftover: Promise<string | undefined> | undefined;
  await A.pinned(() => {
    leftover = ended.passed.then(told);
  });
  ended.open();
  expect(await leftover).toBeUndefined();
});

describeWithGo('Go plugins', () => {
  test('hand a lineage on with the Go SDK', async () => {
    const A = await load('A', counterTs('1'));
    const B = await load('B', counterGo('1'));
    const seen: Seen[] = [];
    const ofB: Partial<Helper> = {
      sum: (terms, call) => {
        seen.push(seenBy(call));
        return addHelper.sum(terms, call);
      },
    };
    await helping(B, ofB, async (helper) => {
      await A.pinned((calls) =>
        put(calls, 'a', 5, {
          async sum({ a, b }) {
            await B.client(CounterDefinition).put({ key: 'b', value: b, helper });
            return { r: a + b };
          },
        }),
      );
    });
    expect(seen.map(({ lineage, said }) => [names(lineage), said])).toEqual([[['A=1', 'B=1'], 'A=1']]);
  });
});
