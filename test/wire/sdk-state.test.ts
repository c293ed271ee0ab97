import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { LifecycleDefinition, ResourceKind } from '@plugd/protocol/gen/plugd/lifecycle/v1/lifecycle';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { createPromiseClient, type PromiseClient } from '@plugd/protocol/rpc/client';
import { LINEAGE_KEY } from '@plugd/protocol/rpc/lineage';
import { pluginsAtOnce } from '../support/at-once';
import {
  data,
  dataOf,
  end,
  header,
  type Parts,
  partsOf,
  schemaOf,
  sha256,
  snapshotOf,
} from '../support/snapshot-parts';

// A plugin of the SDK for TypeScript, spoken to by a host that says what it likes.

type Ends = 'throw' | number;
interface Order {
  readonly version?: string;
  readonly pause?: Ends;
  readonly release?: Ends;
  readonly resume?: Ends;
  readonly activate?: Ends;
  readonly state?: 'none' | 'forgetful' | 'unreadable';
  readonly maxBytes?: number;
  readonly single?: boolean;
  readonly resources?: Readonly<Record<string, string>>;
}

interface Side {
  readonly life: PromiseClient<typeof LifecycleDefinition>;
  readonly kv: PromiseClient<typeof KvDefinition>;
  /** What the hooks have noted. */
  notes(): Promise<string[]>;
}

const { atOnce, startPlugin } = pluginsAtOnce();
const inFull = process.env['PLUGD_FULL'] === '1' ? atOnce : test.skip;

/** A plugin that a plugd host seems to have started, before its Activate. */
async function start(order: Order = {}, token = 'of-a-test'): Promise<Side> {
  const plugin = startPlugin(process.execPath, {
    args: [join(__dirname, '../support/plugins/stateful.cjs')],
    env: { STATEFUL: JSON.stringify(order), ...(token === '' ? {} : { PLUGD_INSTANCE_TOKEN: token }) },
  });
  const channel = await plugin.connect();
  const kv = createPromiseClient(KvDefinition, channel);
  const life = createPromiseClient(LifecycleDefinition, channel);
  // A plugd host begins so.
  if (token === 'of-a-test') await life.describe({});
  return {
    life,
    kv,
    notes: async () => JSON.parse((await kv.get({ key: 'notes' })).value.toString()),
  };
}

/** The same in charge, with these numbers. */
async function active(order: Order = {}): Promise<Side> {
  const side = await start(order);
  await side.life.activate({});
  return side;
}

const text = (value: string) => Buffer.from(value);
const json = (value: unknown) => Buffer.from(JSON.stringify(value));

const refused = (pluginCode: string, code: status) => ({ pluginCode, code });
const OUT_OF_ORDER = refused('HANDOFF_ORDER', status.FAILED_PRECONDITION);
const INCOMPLETE = refused('STATE_INCOMPLETE', status.DATA_LOSS);

const given = json({ a: 'one', b: 'zwölf' });

// First, for they take the longest.
describe('a hook that takes longer than it may', () => {
  // Every day that of Release, and a Pause that comes to its limit another way.
  inFull('of Pause has ended before Resume undoes it', async () => {
    const { life, kv, notes } = await active({ pause: 400 });
    await expect(life.pause({ limitMs: 50 })).rejects.toMatchObject({ pluginCode: 'PAUSE_TIMEOUT' });
    await life.resume({});
    expect(await notes()).toEqual([
      ...['activate', 'activate done', 'pause', 'pause done'],
      ...['resume', 'resume done'],
    ]);
    await kv.put({ key: 'a', value: text('x') });
  });

  atOnce(
    'of Release has ended before Resume undoes it, and what it was asked for is taken again',
    async () => {
      const { life, notes } = await active({ release: 400, resources: { port: 'exclusive' } });
      await life.pause({ limitMs: 5000 });
      await expect(life.release({}, { timeoutMs: 50 })).rejects.toMatchObject({
        code: status.DEADLINE_EXCEEDED,
      });
      await life.resume({});
      expect((await notes()).slice(4)).toEqual([
        ...['release port', 'release port done'],
        ...['resume port', 'resume port done'],
      ]);
    },
  );

  atOnce('fails its step a little before its caller has left', async () => {
    const { life } = await active({ release: 60_000, resources: { port: 'exclusive' } });
    await expect(life.release({}, { timeoutMs: 2500 })).rejects.toMatchObject(
      refused('HANDOFF_HOOK_FAILED', status.DEADLINE_EXCEEDED),
    );
    // Nor does Resume wait for ever.
    await expect(life.resume({}, { timeoutMs: 2500 })).rejects.toMatchObject(
      refused('HANDOFF_HOOK_FAILED', status.DEADLINE_EXCEEDED),
    );
  });

  atOnce('of Pause is given up by Resume, which waits for it no longer than its own caller', async () => {
    const { life, kv, notes } = await active({ pause: 1500 });
    const pause = life.pause({ limitMs: 60_000 });
    const given = expect(pause).rejects.toMatchObject(refused('HANDOFF_ORDER', status.ABORTED));
    await kv.get({ key: 'a' });
    await expect(life.resume({}, { timeoutMs: 100 })).rejects.toMatchObject({
      code: status.DEADLINE_EXCEEDED,
    });
    await given;
    // Still closed: nothing has been undone yet.
    expect(await notes()).not.toContain('resume');
    await life.resume({});
    expect((await notes()).slice(2)).toEqual(['pause', 'pause done', 'resume', 'resume done']);
  });
});

atOnce('a state goes to the next version and back, as canonical bytes', async () => {
  let from = await active();
  await from.kv.put({ key: 'b', value: text('zwölf') });
  await from.kv.put({ key: 'a', value: text('one') });
  for (const version of ['2.0.0', '1.0.0']) {
    const to = await start({ version });
    await from.life.pause({ limitMs: 5000 });
    const parts = await snapshotOf(from.life);
    if (version === '2.0.0') expect(dataOf(parts)).toEqual(given);
    expect(schemaOf(parts)).toBe(version === '2.0.0' ? 1 : 2);
    await from.life.release({});
    expect((await to.life.restore(parts)).sha256).toEqual(sha256(dataOf(parts)));
    expect(await to.life.check(parts)).toEqual({ same: true, difference: '' });
    await to.life.activate({});
    expect((await to.kv.get({ key: 'b' })).value).toEqual(text('zwölf'));
    await from.life.drain({ limitMs: 1000 });
    from = to;
  }
});

atOnce('a large state travels in pieces of 64 KiB', async () => {
  const large = json({ a: 'x'.repeat(300_000) });
  const side = await start();
  await side.life.restore(partsOf(1, large));
  const parts = await snapshotOf(side.life);
  const sizes = parts.map(({ part }) => (part?.$case === 'data' ? part.value.length : 0));
  expect(Math.max(...sizes)).toBe(65_536);
  expect(parts).toHaveLength(2 + 5);
  expect(dataOf(parts)).toEqual(large);
});

atOnce('Describe says what a plugin keeps and holds', async () => {
  const resources = { port: 'exclusive', cache: 'per-generation', pool: 'leased', config: 'shared' };
  const { life } = await start({ resources, single: true });
  expect(await life.describe({})).toEqual({
    name: 'stateful',
    version: '1.0.0',
    state: { schema: 1, restores: [1, 2], shareable: false, snapshotEveryMs: 0 },
    resources: [
      { name: 'port', kind: ResourceKind.RESOURCE_KIND_EXCLUSIVE },
      { name: 'cache', kind: ResourceKind.RESOURCE_KIND_PER_GENERATION },
      { name: 'pool', kind: ResourceKind.RESOURCE_KIND_LEASED },
      { name: 'config', kind: ResourceKind.RESOURCE_KIND_SHARED },
    ],
    single: true,
  });
});

atOnce('a plugin that keeps nothing has nothing to hand over, and Resume undoes its Drain', async () => {
  const { life, kv, notes } = await start({ state: 'none' });
  expect(await life.describe({})).toMatchObject({ state: undefined, resources: [], single: false });
  const missing = { code: status.UNIMPLEMENTED };
  await expect(life.pause({})).rejects.toMatchObject(missing);
  await expect(snapshotOf(life)).rejects.toMatchObject(missing);
  await expect(life.restore([])).rejects.toMatchObject(missing);
  await expect(life.activate({})).rejects.toMatchObject(missing);
  expect(await notes()).toEqual(['activate', 'activate done']);
  const answers = async () => {
    let count = 0;
    for await (const _ of kv.watch({})) if (++count === 3) break;
    return count;
  };
  await life.drain({ limitMs: 1000 });
  expect(await answers()).toBe(0);
  await life.resume({});
  expect(await answers()).toBe(3);
});

describe('Activate', () => {
  atOnce('is right after setup under a host that is not plugd', async () => {
    const { life, kv, notes } = await start({}, '');
    expect(await notes()).toEqual(['activate', 'activate done']);
    await kv.put({ key: 'a', value: text('x') });
    await expect(life.restore(partsOf(1, given))).rejects.toMatchObject(OUT_OF_ORDER);
    await life.activate({});
    expect(await notes()).toHaveLength(2);
  });

  atOnce('is for a plugd host to say; calls that come before are answered all the same', async () => {
    const { life, kv, notes } = await start();
    await kv.put({ key: 'a', value: text('early') });
    expect(await kv.get({ key: 'a' })).toMatchObject({ found: true });
    expect(await notes()).toEqual([]);
    await Promise.all([life.activate({}), life.activate({})]);
    await life.activate({});
    expect(await notes()).toEqual(['activate', 'activate done']);
  });

  atOnce(
    'is at the first call of a host that is not plugd, though something says that plugd started the plugin',
    async () => {
      const { kv, notes } = await start({ activate: 50 }, 'handed-down');
      const answers = [kv.put({ key: 'a', value: text('x') }), kv.get({ key: 'b' }), notes()] as const;
      expect((await Promise.all(answers))[2]).toEqual(['activate', 'activate done']);
      expect(await notes()).toHaveLength(2);
    },
  );

  atOnce('at the first call fails that call where its hook fails', async () => {
    const { kv } = await start({ activate: 'throw' }, 'handed-down');
    const failed = refused('HANDOFF_HOOK_FAILED', status.INTERNAL);
    await expect(kv.get({ key: 'a' })).rejects.toMatchObject(failed);
    await expect(kv.get({ key: 'a' })).rejects.toMatchObject(failed);
  });

  atOnce('fails with its hook, and may be asked for again', async () => {
    const { life } = await start({ activate: 'throw' });
    const failed = refused('HANDOFF_HOOK_FAILED', status.INTERNAL);
    await expect(life.activate({})).rejects.toMatchObject({ ...failed, details: /no activate today/ });
    await life.restore(partsOf(1, given));
    await expect(life.activate({})).rejects.toMatchObject(failed);
    await expect(life.pause({})).rejects.toMatchObject(OUT_OF_ORDER);
  });

  atOnce('that fails ends a plugin under a host that is not plugd before its handshake', async () => {
    const plugin = startPlugin(process.execPath, {
      args: [join(__dirname, '../support/plugins/stateful.cjs')],
      env: { STATEFUL: JSON.stringify({ activate: 'throw' }) },
    });
    expect(await plugin.exit()).toMatchObject({ code: 1 });
    expect(plugin.stdout).toBe('');
    expect(plugin.stderr).toContain('no activate today');
  });
});

describe('Restore', () => {
  const bad: [string, Parts, object][] = [
    ['an unknown schema', partsOf(3, given), refused('STATE_SCHEMA_UNKNOWN', status.FAILED_PRECONDITION)],
    ['schema 0', partsOf(0, given), refused('STATE_SCHEMA_UNKNOWN', status.FAILED_PRECONDITION)],
    ['nothing', [], INCOMPLETE],
    ['no header', [data(given), end(given)], INCOMPLETE],
    ['two headers', [header(1), header(1), data(given), end(given)], INCOMPLETE],
    ['no end', partsOf(1, given).slice(0, -1), INCOMPLETE],
    ['a missing piece', [header(1), end(given)], INCOMPLETE],
    ['a changed byte', [header(1), data(json({ a: 'One', b: 'zwölf' })), end(given)], INCOMPLETE],
    ['something behind its end', [...partsOf(1, given), data(given)], INCOMPLETE],
    ['a part of a kind that nobody knows', [header(1), { part: undefined }, end(given)], INCOMPLETE],
    [
      'more than state.maxBytes',
      partsOf(1, Buffer.alloc(101, ' ')),
      refused('STATE_TOO_LARGE', status.RESOURCE_EXHAUSTED),
    ],
    ['no JSON', partsOf(1, text('{"a":')), refused('STATE_CODEC_FAILED', status.INTERNAL)],
    ['no UTF-8', partsOf(1, Buffer.from([0x22, 0xff, 0x22])), refused('STATE_CODEC_FAILED', status.INTERNAL)],
    [
      'a state that its migration does not take',
      partsOf(2, json([])),
      refused('STATE_CODEC_FAILED', status.INTERNAL),
    ],
  ];

  atOnce(
    'refuses what is no state that it could have, each in its way, and takes nothing of it',
    async () => {
      const { life, kv } = await start({ maxBytes: 100 });
      const before = partsOf(1, json({ kept: 'before' }));
      for (const [what, parts, error] of bad) {
        await life.restore(before);
        const outcomes: unknown[] = [
          await life.restore(parts).catch((thrown: unknown) => thrown),
          await life.check(parts).catch((thrown: unknown) => thrown),
        ];
        expect({ what, outcomes }).toMatchObject({ what, outcomes: [error, error] });
        expect({ what, ...(await life.check(before)) }).toMatchObject({ what, same: true });
        expect({ what, ...(await kv.get({ key: 'a' })) }).toMatchObject({ what, found: false });
      }
      await life.activate({});
    },
  );

  atOnce('a second one takes the place of the first, and an empty state is one', async () => {
    const { life, kv } = await start();
    await life.restore(partsOf(1, given));
    await life.restore(partsOf(2, json({ entries: [['c', 'three']] })));
    expect(await kv.get({ key: 'a' })).toMatchObject({ found: false });
    expect((await kv.get({ key: 'c' })).value).toEqual(text('three'));
    await life.restore(partsOf(1, json({})));
    expect(await kv.get({ key: 'c' })).toMatchObject({ found: false });
  });

  atOnce('is refused once Activate has come, also in the middle of it', async () => {
    const { life } = await start({ activate: 300 });
    let go = (): void => {};
    const middle = new Promise<void>((resolve) => {
      go = resolve;
    });
    async function* slowly() {
      const [first, ...rest] = partsOf(1, given);
      if (first !== undefined) yield first;
      await middle;
      yield* rest;
    }
    const late = life.restore(slowly());
    const outcome = expect(late).rejects.toMatchObject(OUT_OF_ORDER);
    const activated = life.activate({});
    go();
    await outcome;
    await activated;
    await expect(life.restore(partsOf(1, given))).rejects.toMatchObject(OUT_OF_ORDER);
  });

  atOnce('tells nothing of the state when the plugin’s own code fails', async () => {
    const { life } = await start({ state: 'unreadable' });
    const error: unknown = await life.restore(partsOf(1, given)).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject(refused('STATE_CODEC_FAILED', status.INTERNAL));
    expect(String(error)).toContain('RangeError');
    expect(String(error)).not.toContain('secret');
  });
});

atOnce('Check tells a state from another, without its content', async () => {
  const { life } = await start();
  await life.restore(partsOf(1, given));
  const { same, difference } = await life.check(partsOf(1, json({ a: 'two', b: 'zwölf' })));
  expect(same).toBe(false);
  expect(difference).toMatch(/from byte 6 on/);
  expect(
    await life.check(
      partsOf(
        2,
        json({
          entries: [
            ['b', 'zwölf'],
            ['a', 'one'],
          ],
        }),
      ),
    ),
  ).toMatchObject({
    same: true,
  });
});

atOnce('Check finds that a plugin restored something else than it was given', async () => {
  const { life } = await start({ state: 'forgetful' });
  await life.restore(partsOf(1, given));
  expect(await life.check(partsOf(1, given))).toMatchObject({ same: false });
});

describe('Pause', () => {
  const late = refused('PAUSE_TIMEOUT', status.DEADLINE_EXCEEDED);

  atOnce(
    'waits for the calls that may change the state, lets through those that can’t, and keeps new ones',
    async () => {
      const { life, kv } = await active();
      const slow = kv.put({ key: 'slow', value: text('x') });
      let paused = false;
      const pause = life.pause({ limitMs: 5000 }).then(() => {
        paused = true;
      });
      const kept = kv.put({ key: 'kept', value: text('y') });
      // One that descends from a call in flight is what that one may wait for.
      await kv.put({ key: 'nested', value: text('z') }, { metadata: { [LINEAGE_KEY]: 'kv=1' } });
      expect(await kv.get({ key: 'kept' })).toMatchObject({ found: false });
      expect(paused).toBe(false);
      await kv.get({ key: 'go' });
      await slow;
      await pause;
      const parts = await snapshotOf(life);
      expect(JSON.parse(dataOf(parts).toString())).toEqual({ slow: 'x', nested: 'z' });
      expect(dataOf(await snapshotOf(life))).toEqual(dataOf(parts));
      await life.resume({});
      await kept;
      expect(await kv.get({ key: 'kept' })).toMatchObject({ found: true });
    },
  );

  atOnce('keeps streams waiting too, and loses nothing of what they bring', async () => {
    const { life, kv } = await active();
    await life.pause({ limitMs: 5000 });
    const texts = Array.from({ length: 200 }, (_, i) => `${i}`.repeat(1000));
    const chat = (async () => {
      const answers: string[] = [];
      const requests = texts.map((one, sequence) => ({ sequence, text: one }));
      for await (const answer of kv.chat(requests)) answers.push(answer.text);
      return answers;
    })();
    await kv.get({ key: 'a' });
    await life.resume({});
    expect(await chat).toEqual(texts);
  });

  atOnce('is late with a call that is stuck, names it, and is undone by Resume', async () => {
    const { life, kv, notes } = await active();
    const slow = kv.put({ key: 'slow', value: text('x') });
    await expect(life.pause({ limitMs: 100 })).rejects.toMatchObject({
      ...late,
      details: expect.stringContaining('1 of /samples.kv.v1.Kv/Put'),
    });
    const kept = kv.put({ key: 'kept', value: text('y') });
    await life.resume({});
    await kept;
    await kv.get({ key: 'go' });
    await slow;
    expect(await notes()).toEqual([
      ...['activate', 'activate done', 'pause', 'pause done'],
      ...['resume', 'resume done'],
    ]);
    await life.pause({ limitMs: 5000 });
  });

  atOnce('asked for twice is one, and no time for Activate', async () => {
    const { life, notes } = await active();
    await Promise.all([life.pause({ limitMs: 5000 }), life.pause({ limitMs: 5000 })]);
    await life.pause({ limitMs: 5000 });
    expect((await notes()).filter((note) => note === 'pause')).toHaveLength(1);
    await expect(life.activate({})).rejects.toMatchObject(OUT_OF_ORDER);
  });

  atOnce('fails with its hook; Resume undoes what the hook may have done', async () => {
    const { life, kv, notes } = await active({ pause: 'throw' });
    await expect(life.pause({ limitMs: 5000 })).rejects.toMatchObject({
      ...refused('HANDOFF_HOOK_FAILED', status.INTERNAL),
      details: expect.stringContaining('no pause today'),
    });
    await life.resume({});
    await kv.put({ key: 'a', value: text('x') });
    expect(await notes()).toEqual(['activate', 'activate done', 'pause', 'resume', 'resume done']);
  });

  atOnce(
    'keeps calls as long as callers wait, and sends them away when another version takes over',
    async () => {
      const { life, kv } = await active();
      await life.pause({ limitMs: 5000 });
      await expect(kv.put({ key: 'a', value: text('x') }, { timeoutMs: 100 })).rejects.toMatchObject({
        code: status.DEADLINE_EXCEEDED,
      });
      const waits = kv.put({ key: 'b', value: text('x') });
      const sent = { ...refused('PLUGIN_PAUSED', status.UNAVAILABLE), executed: 'no' };
      const away = expect(waits).rejects.toMatchObject(sent);
      // A call of the same connection, so that the other has come before it.
      await kv.get({ key: 'b' });
      await life.drain({ limitMs: 1000 });
      await away;
      await expect(kv.put({ key: 'c', value: text('x') })).rejects.toMatchObject(sent);
      await life.resume({});
      await kv.put({ key: 'd', value: text('x') });
      expect(JSON.parse(dataOf(await snapshotOf(life)).toString())).toEqual({ d: 'x' });
    },
  );
});

describe('Release', () => {
  const resources = { port: 'exclusive', lock: 'exclusive', cache: 'per-generation' };

  atOnce('is of all that is exclusive, or of what is named, once, and of nothing undeclared', async () => {
    const { life, notes } = await active({ resources });
    await expect(life.release({ resources: ['toString'] })).rejects.toMatchObject(
      refused('HANDOFF_ORDER', status.INVALID_ARGUMENT),
    );
    await life.pause({ limitMs: 5000 });
    await life.release({ resources: ['cache'] });
    await life.release({});
    await life.release({});
    expect(
      (await notes()).filter((note) => /^release.*[^e]$/.test(note) || note === 'release cache'),
    ).toEqual(['release cache', 'release port lock']);
    await life.resume({});
    expect(await notes()).toContain('resume cache port lock');
  });

  atOnce('fails with its hook, and Resume takes all of it again', async () => {
    const { life, notes } = await active({ resources, release: 'throw' });
    await life.pause({ limitMs: 5000 });
    await expect(life.release({})).rejects.toMatchObject(refused('HANDOFF_HOOK_FAILED', status.INTERNAL));
    await life.resume({});
    expect(await notes()).toContain('resume port lock');
  });
});

atOnce('a Resume whose hook fails leaves the plugin paused, and may be tried again', async () => {
  const { life, kv } = await active({ resume: 'throw' });
  await life.resume({});
  await life.pause({ limitMs: 5000 });
  const failed = refused('HANDOFF_HOOK_FAILED', status.INTERNAL);
  await expect(life.resume({})).rejects.toMatchObject(failed);
  await expect(life.resume({})).rejects.toMatchObject(failed);
  await expect(kv.put({ key: 'a' }, { timeoutMs: 100 })).rejects.toMatchObject({
    code: status.DEADLINE_EXCEEDED,
  });
});
