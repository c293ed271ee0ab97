import type { LoadOptions, Plugin } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { roomsAtOnce } from '../support/at-once';
import { failureOf, killNow, servingPid } from '../support/host-room';
import { goIsHere } from '../support/needs-go';
import { poll } from '../support/poll';
import { kvGo, kvTs } from '../support/samples';

// What has a limit of its own asserts it; this one is only for tests that hang.
jest.setTimeout(60_000);

const { atOnce, room } = roomsAtOnce();

/** What the plugins are made in says nothing here: every day what starts soonest. */
const command = goIsHere && process.env['PLUGD_FULL'] !== '1' ? kvGo('1') : kvTs('1');

const named = (name: string, dependsOn: readonly string[] = [], over: Partial<LoadOptions> = {}) =>
  room().kv(command, { contract: [KvDefinition], name, dependsOn, ...over });

/** The plugins that came into a state, in that order. */
const came = (to: 'starting' | 'serving' | 'stopping' | 'stopped') =>
  room().events.flatMap((event) => (event.type === 'plugin' && event.to === to ? [event.plugin] : []));

/** Which of two happened first: the number of the event. */
function when(plugin: string, to: string): number {
  const found = room().events.find(
    (event) => event.type === 'plugin' && event.plugin === plugin && event.to === to,
  );
  if (found === undefined) throw new Error(`${plugin} never was ${to}`);
  return found.sequence;
}

describe('a plugin that depends on others', () => {
  atOnce('is refused without them, and nothing is started', async () => {
    const error = await failureOf(room().host.load(named('search', ['store'])));
    expect(error).toMatchObject({
      code: 'DEPENDENCY_MISSING',
      fault: 'caller',
      facts: { plugin: 'search', missing: 'store' },
    });
    expect(room().events).toEqual([]);
    // The name is free.
    await room().host.load(named('store'));
    expect((await room().host.load(named('search', ['store']))).status().state).toBe('serving');
  });

  atOnce('is stopped before them when the host is closed', async () => {
    await room().host.load(named('store'));
    await room().host.load(named('index', ['store']));
    await room().host.load(named('search', ['index', 'store']));
    await room().host.close();
    expect(came('stopped')).toEqual(['search', 'index', 'store']);
    expect(when('search', 'stopped')).toBeLessThan(when('index', 'stopping'));
    expect(when('index', 'stopped')).toBeLessThan(when('store', 'stopping'));
  });
});

describe('a plugin whose dependency was stopped', () => {
  atOnce('serves on, and the host loads, restarts and stops as before', async () => {
    const store = await room().host.load(named('store'));
    const search = await room().host.load(
      named('search', ['store'], { restart: { strategy: 'rest-for-one' } }),
    );
    const shop = await room().host.load(named('shop', ['search']));
    await store.stop();
    expect((await room().host.load(named('lonely'))).status().state).toBe('serving');
    await killNow(servingPid(search));
    await poll(
      () => shop.status().generation,
      (generation) => generation === 2,
    );
    // Only what would close a ring is refused, as ever.
    expect(await failureOf(room().host.load(named('store', ['shop'])))).toMatchObject({
      code: 'DEPENDENCY_CYCLE',
    });
    expect((await room().host.load(named('store'))).status().state).toBe('serving');
    await room().host.close();
    expect(when('shop', 'stopped')).toBeLessThan(when('search', 'stopping'));
  });
});

describe('a list of plugins', () => {
  atOnce('is loaded in the order of its dependencies, and returned in its own', async () => {
    const plugins = await room().host.loadAll([
      named('search', ['index', 'store']),
      named('index', ['store']),
      named('store'),
      named('lonely'),
    ]);
    expect(plugins.map(({ name }) => name)).toEqual(['search', 'index', 'store', 'lonely']);
    expect(when('store', 'serving')).toBeLessThan(when('index', 'starting'));
    expect(when('index', 'serving')).toBeLessThan(when('search', 'starting'));
    // What nothing keeps from it starts at once.
    expect(when('lonely', 'starting')).toBeLessThan(when('store', 'serving'));
  });

  atOnce('may depend on what is loaded already', async () => {
    await room().host.load(named('store'));
    const [index] = await room().host.loadAll([named('index', ['store'])]);
    expect(index?.status().state).toBe('serving');
  });

  atOnce('with a ring is refused before anything is started', async () => {
    const error = await failureOf(
      room().host.loadAll([named('a', ['b']), named('b', ['c']), named('c', ['a']), named('d')]),
    );
    expect(error).toMatchObject({ code: 'DEPENDENCY_CYCLE', facts: { cycle: ['a', 'b', 'c', 'a'] } });
    expect(room().events).toEqual([]);
  });

  atOnce('with a gap is refused before anything is started', async () => {
    const error = await failureOf(room().host.loadAll([named('a'), named('b', ['nobody'])]));
    expect(error).toMatchObject({ code: 'DEPENDENCY_MISSING', facts: { plugin: 'b', missing: 'nobody' } });
    expect(room().events).toEqual([]);
  });

  atOnce(
    'of which one fails is stopped again, and its error is thrown; what was there before stays',
    async () => {
      await room().host.load(named('before'));
      const error = await failureOf(
        room().host.loadAll([
          named('store'),
          named('broken', ['store'], { command: '/bin/false' }),
          named('search', ['broken']),
        ]),
      );
      expect(error).toMatchObject({ code: 'EXITED_BEFORE_HANDSHAKE', facts: { plugin: 'broken' } });
      expect(came('starting')).toEqual(['before', 'store', 'broken']);
      expect(
        room()
          .host.plugins()
          .map(({ name }) => name),
      ).toEqual(['before']);
      expect(room().processes()).toHaveLength(1);
    },
  );

  atOnce('is stopped in the order of its dependencies where one of them fails', async () => {
    const error = await failureOf(
      room().host.loadAll([
        named('store'),
        named('index', ['store']),
        named('search', ['index', 'store']),
        named('broken', ['search'], { command: '/bin/false' }),
      ]),
    );
    expect(error).toMatchObject({ code: 'EXITED_BEFORE_HANDSHAKE' });
    expect(when('search', 'stopped')).toBeLessThan(when('index', 'stopping'));
    expect(when('index', 'stopped')).toBeLessThan(when('store', 'stopping'));
    expect(room().processes()).toEqual([]);
  });

  atOnce('with a name twice, or that is taken, is refused before anything is started', async () => {
    expect(await failureOf(room().host.loadAll([named('store'), named('store')]))).toMatchObject({
      code: 'NAME_TAKEN',
    });
    expect(room().events).toEqual([]);
    await room().host.load(named('store'));
    expect(await failureOf(room().host.loadAll([named('index'), named('store')]))).toMatchObject({
      code: 'NAME_TAKEN',
    });
    expect(came('starting')).toEqual(['store']);
  });
});

describe('when a plugin crashes', () => {
  async function family(strategy: 'one-for-one' | 'rest-for-one'): Promise<Plugin[]> {
    return room().host.loadAll([
      named('store', [], { restart: { strategy } }),
      named('index', ['store']),
      named('search', ['index']),
      named('lonely'),
    ]);
  }

  async function crashOf(plugin: Plugin | undefined): Promise<void> {
    if (plugin === undefined) throw new Error('no plugin');
    const pid = servingPid(plugin);
    await killNow(pid);
    await poll(
      () => plugin.status(),
      ({ state, instances }) => state === 'serving' && instances[0]?.pid !== pid,
    );
  }

  atOnce('those that depend on it are restarted after it, in their order, where it says so', async () => {
    const [store, index, search, lonely] = await family('rest-for-one');
    const before = [index, search, lonely].map((plugin) => plugin?.status().instances[0]?.pid);
    // Their callers see nothing of it.
    const failures: unknown[] = [];
    const calling = new AbortController();
    const calls = (async () => {
      while (!calling.signal.aborted) {
        await search
          ?.client(KvDefinition)
          .get({})
          .catch((error: unknown) => failures.push(error));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    await crashOf(store);
    await poll(
      () => [index, search].map((plugin) => plugin?.status().generation),
      (generations) => generations.join() === '2,2',
    );
    calling.abort();
    await calls;
    expect(failures).toEqual([]);
    const steps = room().events.flatMap((event) =>
      event.type === 'operation' && event.phase === 'started' && event.step === 'start' ? [event.plugin] : [],
    );
    expect(steps).toEqual(['index', 'search']);
    const after = [index, search, lonely].map((plugin) => plugin?.status().instances[0]?.pid);
    expect(after[0]).not.toBe(before[0]);
    expect(after[1]).not.toBe(before[1]);
    expect(after[2]).toBe(before[2]);
    expect(lonely?.status().generation).toBe(1);
  });

  atOnce('nothing else is touched by default', async () => {
    const [store, ...others] = await family('one-for-one');
    const before = others.map((plugin) => servingPid(plugin));
    await crashOf(store);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(others.map((plugin) => servingPid(plugin))).toEqual(before);
    expect(room().events.filter(({ type }) => type === 'operation')).toEqual([]);
  });

  atOnce('what it depends on is not touched', async () => {
    const [store, , search] = await family('rest-for-one');
    const pid = store === undefined ? 0 : servingPid(store);
    await crashOf(search);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(store === undefined ? 0 : servingPid(store)).toBe(pid);
  });
});
