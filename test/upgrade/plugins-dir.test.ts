import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createHost, type HostEvent } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { testsAtOnce } from '../support/at-once';
import { failureOf, HostRoom, servingPid } from '../support/host-room';
import { poll } from '../support/poll';
import { SeededRandom } from '../support/seeded-random';
import { Shelf } from './shelf';

// What has a limit of its own asserts it; this one is only for tests that hang.
jest.setTimeout(60_000);

const { atOnce, own } = testsAtOnce(async () => {
  const shelf = new Shelf();
  const room = await HostRoom.open({ pluginsDir: { directory: shelf.directory, quietMs: 60 } });
  shelf.mark = room.mark;
  const close = () => room.close().finally(() => shelf.dispose());
  return { room, shelf, close };
});
const room = () => own().room;
const shelf = () => own().shelf;

const full = process.env['PLUGD_FULL'] === '1';

type Told = HostEvent & { type: 'artifact' };
const told = () => room().events.filter((event): event is Told => event.type === 'artifact');
const phases = (name: string) =>
  told().flatMap(({ plugin, version, phase }) => (plugin === name ? [`${version} ${phase}`] : []));
const versionOf = (name: string) => {
  const status = room().host.plugin(name)?.status();
  return status?.state === 'serving' ? status.version : undefined;
};
const runs = (name: string, version: string | undefined) =>
  poll(
    () => versionOf(name),
    (seen) => seen === version,
  );
const happens = (name: string, what: string) =>
  poll(
    () => phases(name),
    (seen) => seen.includes(what),
  );

atOnce(
  'what is put there is loaded, a new version is upgraded to without a failed call, and what is deleted ends',
  async () => {
    shelf().put('kv', '1.0.0');
    await runs('kv', '1.0.0');
    const plugin = room().host.plugin('kv');
    if (plugin === undefined) throw new Error('it is not loaded');
    const client = plugin.client(KvDefinition);
    let calling = true;
    const calls = (async () => {
      for (let made = 0; ; made++) {
        if (!calling) return made;
        await client.get({ key: 'a' });
      }
    })();
    shelf().put('kv', '2.0.0');
    const put = performance.now();
    await runs('kv', '2.0.0');
    // The start of the plugin aside, a second; starts of the sample take longer where other tests run beside.
    expect(performance.now() - put).toBeLessThan(10_000);
    const loading = told().find(({ version, phase }) => version === '2.0.0' && phase === 'loading');
    expect(loading).toBeDefined();
    calling = false;
    expect(await calls).toBeGreaterThan(0);
    await happens('kv', '2.0.0 running');

    // The original is of no matter: the next process is started from the copy.
    writeFileSync(join(shelf().place('kv', '1.0.0'), 'kv'), 'overwritten');
    shelf().remove('kv');
    await runs('kv', undefined);
    await happens('kv', '2.0.0 removed');
    expect(phases('kv')).toEqual([
      ...['1.0.0 found', '1.0.0 loading', '1.0.0 running'],
      ...['2.0.0 found', '2.0.0 loading', '2.0.0 running', '2.0.0 removed'],
    ]);
    expect(
      room()
        .files()
        .filter((path) => path.includes('artifact-')),
    ).toEqual([]);
  },
);

atOnce('what somebody aborts is not begun again by looks at everything, until it changes', async () => {
  const { host } = room();
  shelf().put('kv', '1.0.0');
  await runs('kv', '1.0.0');
  let begun = 0;
  host.on('operation', ({ handle }) => {
    begun++;
    if (begun === 1) handle.abort('not tonight');
  });
  shelf().put('kv', '2.0.0');
  await happens('kv', '2.0.0 failed');
  expect(told().at(-1)?.cause).toMatchObject({ code: 'ABORTED' });
  for (let look = 0; look < 3; look++) await host.reconcile();
  const [kv] = host.versionsOnDisk();
  expect(kv?.versions.map(({ version, state }) => `${version} ${state}`)).toEqual([
    '2.0.0 failed',
    '1.0.0 running',
  ]);
  expect(begun).toBe(1);
  shelf().put('kv', '2.0.0', { tag: 'another' });
  await runs('kv', '2.0.0');
});

atOnce('a directory of plugins that was deleted and made again is found again soon', async () => {
  const { host } = room();
  shelf().put('kv', '1.0.0');
  await runs('kv', '1.0.0');
  rmSync(shelf().directory, { recursive: true });
  expect(await failureOf(host.reconcile())).toMatchObject({ code: 'ARTIFACT_UNREADABLE' });
  await poll(
    () => room().log.records,
    (records) => records.some(({ message }) => message.startsWith('the directory of plugins')),
  );
  expect(versionOf('kv')).toBe('1.0.0');
  shelf().put('kv', '2.0.0');
  // The next look at everything comes after half a minute.
  await runs('kv', '2.0.0');
});

// What a start takes is the plugin's own; the look by content comes once an hour here, so that it is told of each time.
(full ? atOnce : test.skip)(
  'from the file to the swap it takes a second, the plugin’s start aside',
  async () => {
    const own = new Shelf();
    const other = await HostRoom.open({ pluginsDir: { directory: own.directory, rescanMs: 3_600_000 } });
    own.mark = other.mark;
    const beyondStart: number[] = [];
    try {
      for (let minor = 0; minor <= 20; minor++) {
        const version = `1.${minor}.0`;
        const put = Date.now();
        own.put('kv', version);
        await poll(
          () => other.events,
          (events) =>
            events.some(
              (event) => event.type === 'artifact' && event.version === version && event.phase === 'running',
            ),
        );
        const timeOf = (to: string) => {
          const found = other.events.find(
            (event) => event.type === 'instance' && event.version === version && event.to === to,
          );
          if (found === undefined) throw new Error(`${version} did not come to ${to}`);
          return found.time;
        };
        beyondStart.push(timeOf('serving') - put - (timeOf('ready') - timeOf('starting')));
      }
    } finally {
      await other.close();
      own.dispose();
    }
    expect(Math.max(...beyondStart)).toBeLessThanOrEqual(1_000);
  },
  120_000,
);

atOnce(
  'another content restarts it; one that fails leaves the old one, and is not tried again until it changes',
  async () => {
    shelf().put('kv', '1.0.0', { tag: 'first' });
    await runs('kv', '1.0.0');
    const plugin = room().host.plugin('kv');
    if (plugin === undefined) throw new Error('it is not loaded');
    shelf().overwrite('kv', '1.0.0', { tag: 'second' });
    await poll(
      () => shelf().tagOf(plugin),
      (tag) => tag === 'second',
    );
    const pid = servingPid(plugin);
    shelf().overwrite('kv', '1.0.0', { tag: 'third', kind: 'bad' });
    await happens('kv', '1.0.0 failed');
    shelf().put('kv', '2.0.0', { kind: 'half' });
    await happens('kv', '2.0.0 failed');
    expect(told().at(-1)?.cause).toMatchObject({ code: 'ARTIFACT_CHANGED' });
    expect([servingPid(plugin), shelf().tagOf(plugin)]).toEqual([pid, 'second']);
    shelf().put('kv', '2.0.0');
    await runs('kv', '2.0.0');
    expect(phases('kv').filter((phase) => phase === '1.0.0 failed')).toEqual(['1.0.0 failed']);
    expect(existsSync(shelf().halfRan)).toBe(false);

    // Gone, with another one left: that one. Its content has failed, so what is left is nothing.
    shelf().put('kv', '1.0.0', { tag: 'fourth' });
    await poll(
      phases.bind(undefined, 'kv'),
      (seen) => seen.filter((one) => one === '1.0.0 found').length === 4,
    );
    shelf().remove('kv', '2.0.0');
    await runs('kv', '1.0.0');
    expect(shelf().tagOf(plugin)).toBe('fourth');
  },
);

(full ? atOnce : test.skip)('a pin holds a version, and leads back to a lower one', async () => {
  shelf().put('kv', '1.0.0');
  shelf().put('kv', '2.0.0');
  await runs('kv', '2.0.0');
  await room().host.pin('kv', '1.0.0');
  await runs('kv', '1.0.0');
  shelf().put('kv', '3.0.0', { kind: 'bad' });
  await happens('kv', '3.0.0 found');
  await room().host.unpin('kv');
  await runs('kv', '2.0.0');
  expect(phases('kv').filter((phase) => phase.startsWith('3.0.0'))).toEqual(
    expect.arrayContaining(['3.0.0 found', '3.0.0 failed']),
  );
  expect(await failureOf(room().host.pin('kv', 'latest'))).toMatchObject({ code: 'OPTIONS_INVALID' });
});

atOnce(
  'one that requires another waits for it, and keeps it from an upgrade that would not fit',
  async () => {
    shelf().put('web', '1.0.0', { manifest: 'requires: { kv: ^1.0.0 }\n' });
    await happens('web', '1.0.0 waiting');
    expect(told().at(-1)?.cause).toMatchObject({ code: 'REQUIREMENT_UNMET' });
    shelf().put('kv', '1.0.0');
    await runs('web', '1.0.0');
    shelf().put('kv', '2.0.0');
    await happens('kv', '2.0.0 waiting');
    expect(versionOf('kv')).toBe('1.0.0');
    shelf().put('web', '1.1.0', { manifest: 'requires: { kv: ">=1 <3" }\n' });
    await runs('kv', '2.0.0');
    expect(versionOf('web')).toBe('1.1.0');
  },
);

(full ? atOnce : test.skip)(
  'what the application stops or rolls back stays so until something changes on disk',
  async () => {
    shelf().put('kv', '1.0.0');
    await runs('kv', '1.0.0');
    shelf().put('kv', '2.0.0');
    await runs('kv', '2.0.0');
    await happens('kv', '2.0.0 running');
    await room().host.plugin('kv')?.rollback();
    shelf().put('other', '1.0.0');
    await runs('other', '1.0.0');
    expect(versionOf('kv')).toBe('1.0.0');
    await room().host.plugin('kv')?.stop();
    shelf().put('other', '1.0.0', { tag: 'another' });
    await poll(
      () => phases('other').filter((phase) => phase === '1.0.0 running').length,
      (count) => count === 2,
    );
    expect(versionOf('kv')).toBeUndefined();
    shelf().put('kv', '2.0.0', { tag: 'another' });
    await runs('kv', '2.0.0');
  },
);

atOnce('a host with a state directory keeps its pins, and removes copies that nobody uses', async () => {
  const state = join(room().runDir, 'state');
  shelf().put('kv', '1.0.0');
  shelf().put('kv', '2.0.0');
  const options = {
    pluginsDir: { directory: shelf().directory, quietMs: 60 },
    runDir: room().runDir,
    stateDir: state,
    logger: room().log,
  };
  const first = await createHost(options);
  expect(first.plugin('kv')?.status().version).toBe('2.0.0');
  await first.pin('kv', '1.0.0');
  await first.close();
  const copies = join(state, 'artifacts');
  expect(readdirSync(copies)).toEqual([]);
  writeFileSync(join(copies, 'artifact-left'), '');
  const second = await createHost(options);
  expect(second.plugin('kv')?.status().version).toBe('1.0.0');
  await second.close();
  expect(readdirSync(copies)).toEqual([]);
  expect(JSON.parse(readFileSync(join(state, 'pins.json'), 'utf8'))).toEqual({ pins: { kv: '1.0.0' } });
  writeFileSync(join(state, 'pins.json'), '{');
  expect(await failureOf(createHost(options))).toMatchObject({ code: 'STATE_DIR_UNUSABLE' });
  rmSync(state, { recursive: true });
  const nowhere = createHost({ runDir: room().runDir, pluginsDir: join(room().runDir, 'none') });
  expect(await failureOf(nowhere)).toMatchObject({ code: 'ARTIFACT_UNREADABLE' });
});

atOnce(
  'after any writes, renames, deletes and half-writes it runs what is there, and nothing half-written ever ran',
  async () => {
    const random = new SeededRandom();
    await random.during(async () => {
      const names = ['a', 'b', 'c'] as const;
      const versions = ['1.0.0', '1.1.0', '2.0.0'] as const;
      /** What lies there: by plugin and version, its kind and tag. */
      const model = new Map<string, { kind: 'good' | 'half' | 'bad'; tag: string }>();
      const highest = (name: string) =>
        versions.findLast((version) => model.get(`${name}/${version}`)?.kind === 'good');
      for (let change = 1; change <= (full ? 500 : 12); change++) {
        const [name, version] = [random.pick(names), random.pick(versions)];
        const key = `${name}/${version}`;
        const tag = `${change}`;
        const kind = random.pick<'good' | 'half' | 'bad'>(['good', 'good', 'half', 'bad']);
        const how = random.pick(['put', 'overwrite', 'remove', 'rename', 'begin']);
        if (how === 'put' || how === 'overwrite') {
          shelf()[how](name, version, { kind, tag });
          model.set(key, { kind, tag });
        } else if (how === 'remove') {
          shelf().remove(name, version);
          model.delete(key);
        } else if (how === 'rename') {
          // Away and back: for a moment it is not there.
          if (model.has(key)) {
            const away = join(shelf().directory, `.away-${change}`);
            renameSync(shelf().place(name, version), away);
            if (random.below(2) === 0) await pause(random.below(30));
            renameSync(away, shelf().place(name, version));
          }
        } else {
          // All but its manifest, which never comes.
          shelf().remove(name, version);
          mkdirSync(shelf().place(name, version), { recursive: true });
          writeFileSync(join(shelf().place(name, version), 'kv'), 'half of it');
          model.set(key, { kind: 'half', tag });
        }
        if (random.below(3) === 0) await pause(random.below(150));
      }
      // In the end all that lies there is whole: what runs is told by that alone.
      for (const [key, { kind }] of model) {
        const [name = '', version = ''] = key.split('/');
        if (kind === 'good') continue;
        shelf().remove(name, version);
        model.delete(key);
      }
      for (const name of names) {
        const version = highest(name);
        await runs(name, version);
        const plugin = room().host.plugin(name);
        if (plugin === undefined || version === undefined) continue;
        const tag = model.get(`${name}/${version}`)?.tag ?? '';
        await poll(
          () => shelf().tagOf(plugin),
          (seen) => seen === tag,
        );
      }
      expect(existsSync(shelf().halfRan)).toBe(false);
    });
  },
  600_000,
);
