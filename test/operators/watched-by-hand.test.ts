import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createHost, type PluginOverrides, type WatchedPluginStatus } from '@plugd/host';
import { testsAtOnce } from '../support/at-once';
import { failureOf, HostRoom, reaches, servingPid } from '../support/host-room';
import { poll } from '../support/poll';
import { kvTs } from '../support/samples';
import { Shelf } from '../upgrade/shelf';

// What has a limit of its own asserts it; this one is only for tests that hang.
jest.setTimeout(60_000);

const { atOnce, own } = testsAtOnce(async () => {
  const shelf = new Shelf();
  /** What is said of plugins over their manifests. */
  const settings: Record<string, PluginOverrides> = {};
  const pluginsDir = { directory: shelf.directory, quietMs: 60, settings: (name: string) => settings[name] };
  const room = await HostRoom.open({ pluginsDir });
  shelf.mark = room.mark;
  const close = () => room.close().finally(() => shelf.dispose());
  return { room, shelf, settings, close };
});
const room = () => own().room;
const shelf = () => own().shelf;
const settings = () => own().settings;

const versionOf = (name: string) => {
  const status = room().host.plugin(name)?.status();
  return status?.state === 'serving' ? status.version : undefined;
};
const runs = (name: string, version: string | undefined) =>
  poll(
    () => versionOf(name),
    (seen) => seen === version,
  );
const onDisk = (name: string): WatchedPluginStatus => {
  const found = room()
    .host.versionsOnDisk()
    .find((one) => one.name === name);
  if (found === undefined) throw new Error(`${name} is not on disk`);
  return found;
};
const states = (name: string) =>
  room()
    .host.versionsOnDisk()
    .flatMap((one) => (one.name === name ? one.versions : []))
    .map(({ version, state }) => `${version} ${state}`);
/** A variable of the process that serves. */
const variableOf = (name: string, variable: string) =>
  readFileSync(`/proc/${servingPid(loaded(name))}/environ`, 'utf8')
    .split('\0')
    .find((line) => line.startsWith(`${variable}=`))
    ?.slice(variable.length + 1);
const comesTo = (name: string, wanted: readonly string[]) =>
  poll(
    () => states(name).join(),
    (seen) => seen === wanted.join(),
  );
const planned = () =>
  room()
    .host.plan()
    .map(({ plugin, action, from, to }) => [plugin, action, from, to].join(' '));
const loaded = (name: string) => {
  const plugin = room().host.plugin(name);
  if (plugin === undefined) throw new Error(`${name} is not loaded`);
  return plugin;
};

atOnce(
  'an upgrade by hand leads to any version or directory, and stays until the disk changes or it is taken back',
  async () => {
    shelf().put('kv', '1.0.0');
    shelf().put('kv', '2.0.0');
    await runs('kv', '2.0.0');
    const { host } = room();
    const tried = await host.upgradeTo('kv', { version: '1.0.0' }, { dryRun: true });
    expect([tried.outcome, versionOf('kv'), onDisk('kv').left]).toEqual(['verified', '2.0.0', undefined]);
    const report = await host.upgradeTo('kv', { version: '1.0.0' }, { strategy: 'overlap' });
    expect(report).toMatchObject({
      outcome: 'swapped',
      from: { version: '2.0.0' },
      to: { version: '1.0.0' },
    });
    expect(states('kv')).toEqual(['2.0.0 available', '1.0.0 running']);
    expect(onDisk('kv').left).toContain('by hand');
    await host.reconcile();
    expect(versionOf('kv')).toBe('1.0.0');

    // An artifact elsewhere, which may go when it has been copied.
    const elsewhere = join(shelf().directory, '.elsewhere');
    shelf().put('other', '3.0.0');
    renameSync(dirname(shelf().place('other', '3.0.0')), elsewhere);
    const wrong = host.upgradeTo('kv', { directory: join(elsewhere, '3.0.0') });
    expect(await failureOf(wrong)).toMatchObject({ code: 'ARTIFACT_MISPLACED' });
    shelf().put('kv', '3.0.0');
    mkdirSync(join(elsewhere, 'kv'));
    renameSync(shelf().place('kv', '3.0.0'), join(elsewhere, 'kv', '3.0.0'));
    await host.upgradeTo('kv', { directory: join(elsewhere, 'kv', '3.0.0') });
    expect(versionOf('kv')).toBe('3.0.0');
    expect(states('kv')[0]).toBe('3.0.0 running');
    settings()['kv'] = { env: { FLAVOUR: 'other' } };
    await host.reconcile();
    await poll(planned, (seen) => seen.join() === 'kv waiting 3.0.0 ');
    expect([versionOf('kv'), variableOf('kv', 'FLAVOUR')]).toEqual(['3.0.0', 'other']);

    expect(await failureOf(host.upgradeTo('kv', { version: '9.0.0' }))).toMatchObject({
      code: 'VERSION_NOT_FOUND',
    });
    expect(() => host.upgradeTo('none', { version: '1.0.0' })).toThrow(/PLUGIN_NOT_FOUND/);
    await host.startAgain('kv');
    expect(versionOf('kv')).toBe('2.0.0');
    await host.pin('kv', '2.0.0');
    expect([...host.pins()]).toEqual([['kv', '2.0.0']]);
    expect(await failureOf(host.upgradeTo('kv', { version: '1.0.0' }))).toMatchObject({
      code: 'PLUGIN_PINNED',
    });
    expect(versionOf('kv')).toBe('2.0.0');
  },
);

atOnce('what was stopped by hand is started again, and what failed is tried again', async () => {
  shelf().put('kv', '1.0.0');
  await runs('kv', '1.0.0');
  await loaded('kv').stop();
  const again = await room().host.startAgain('kv');
  expect(again.status()).toMatchObject({ state: 'serving', version: '1.0.0' });
  shelf().put('kv', '2.0.0', { kind: 'bad' });
  await comesTo('kv', ['2.0.0 failed', '1.0.0 running']);
  expect(onDisk('kv').versions[0]?.problem).toMatchObject({ code: 'EXITED_BEFORE_HANDSHAKE' });
  expect(planned()).toEqual(['kv failed 1.0.0 2.0.0']);
  await room().host.startAgain('kv');
  const tried = room().events.filter((event) => event.type === 'artifact' && event.phase === 'failed');
  expect(tried).toHaveLength(2);
  expect(await failureOf(room().host.startAgain('none'))).toMatchObject({ code: 'PLUGIN_NOT_FOUND' });
});

atOnce('settings over the manifest run it anew on the same content, hold it, and disable it', async () => {
  settings()['kv'] = { env: { FLAVOUR: 'plain' } };
  shelf().put('kv', '1.0.0');
  await runs('kv', '1.0.0');
  const flavour = () => variableOf('kv', 'FLAVOUR');
  expect(flavour()).toBe('plain');
  settings()['kv'] = { env: { FLAVOUR: 'other' } };
  expect(planned()).toEqual(['kv configure 1.0.0 1.0.0']);
  await room().host.reconcile();
  await poll(flavour, (seen) => seen === 'other');
  expect(variableOf('kv', 'ROOM_MARK')).toBe(room().mark);

  // What can't be is told, and changes nothing.
  const pid = servingPid(loaded('kv'));
  settings()['kv'] = { limits: { memoryBytes: -1 } };
  await room().host.reconcile();
  await poll(planned, (seen) => seen.join() === 'kv failed 1.0.0 1.0.0');
  expect(onDisk('kv').versions[0]?.problem).toMatchObject({ code: 'OPTIONS_INVALID' });
  expect(servingPid(loaded('kv'))).toBe(pid);

  settings()['kv'] = { pin: '1.0.0' };
  shelf().put('kv', '2.0.0');
  await comesTo('kv', ['2.0.0 available', '1.0.0 running']);
  await poll(planned, (seen) => seen.length === 0);
  expect(room().host.plan(() => ({ enabled: false }))).toMatchObject([{ action: 'stop', from: '1.0.0' }]);
  settings()['kv'] = { enabled: false };
  await room().host.reconcile();
  await runs('kv', undefined);
  expect(onDisk('kv').enabled).toBe(false);
  await poll(planned, (seen) => seen.length === 0);
  delete settings()['kv'];
  await room().host.reconcile();
  await runs('kv', '2.0.0');
});

atOnce('smoke calls are made before anybody else’s, and a version that fails them never serves', async () => {
  const put = (key: string) =>
    `  - { method: samples.kv.v1.Kv/Put, request: { key: ${key}, value: aGVsbG8= } }\n`;
  const get = (rest: string) => `  - { method: samples.kv.v1.Kv/Get, ${rest} }\n`;
  const found = get('request: { key: a }, answer: { found: true, value: aGVsbG8= }');
  shelf().put('kv', '1.0.0', { manifest: `smoke:\n${get('request: { key: a }, answer: { found: true }')}` });
  await poll(states.bind(undefined, 'kv'), (seen) => seen.join() === '1.0.0 failed');
  expect(onDisk('kv').versions[0]?.problem).toMatchObject({ code: 'SMOKE_FAILED', facts: { call: 1 } });
  expect(versionOf('kv')).toBeUndefined();
  shelf().put('kv', '1.1.0', { manifest: `smoke:\n${put('a')}${found}` });
  await runs('kv', '1.1.0');
  const bad = get('request: { key: a }, status: NOT_FOUND');
  shelf().put('kv', '2.0.0', { manifest: `smoke:\n${put('a')}${found}${bad}` });
  shelf().put('kv', '3.0.0', { manifest: 'state: { schema: 2 }\n' });
  await comesTo('kv', ['3.0.0 failed', '2.0.0 failed', '1.1.0 running', '1.0.0 failed']);
  expect(onDisk('kv').versions.map(({ problem }) => problem?.code)).toEqual([
    ...['MANIFEST_MISMATCH', 'SMOKE_FAILED', undefined, 'SMOKE_FAILED'],
  ]);
  expect(onDisk('kv').versions[1]?.problem?.facts).toMatchObject({ call: 3, step: 'verify' });
});

atOnce('an upgrade that takes hours is given up when what it leads to is taken away', async () => {
  shelf().put('kv', '1.0.0');
  await runs('kv', '1.0.0');
  const begun = new Promise<void>((found) => {
    room().host.on('operation', ({ toVersion, handle }) => {
      if (toVersion === '2.0.0') void reaches(handle, 'shift').then(found);
    });
  });
  shelf().put('kv', '2.0.0', {
    manifest: 'strategy: canary\ncanary: { bakeMs: 3600000, maxStepMs: 7200000 }\n',
  });
  await begun;
  expect(planned()).toEqual(['kv upgrade 1.0.0 2.0.0']);
  shelf().remove('kv');
  await poll(
    () => room().host.versionsOnDisk().length,
    (count) => count === 0,
  );
  expect(versionOf('kv')).toBeUndefined();
});

atOnce(
  'an upgrade by hand is refused where it would break another plugin, and given up when it is aborted',
  async () => {
    shelf().put('kv', '1.0.0');
    shelf().put('kv', '2.0.0');
    shelf().put('web', '1.0.0', { manifest: 'requires: { kv: ^2.0.0 }\n' });
    await runs('web', '1.0.0');
    const { host } = room();
    const refused = await failureOf(host.upgradeTo('kv', { version: '1.0.0' }));
    expect(refused).toMatchObject({ code: 'REQUIREMENT_UNMET', facts: { plugin: 'web', required: 'kv' } });
    const canary = { bakeMs: 3_600_000, maxStepMs: 7_200_000 };
    const slow = host.upgradeTo('web', { version: '1.0.0' }, { strategy: 'canary', canary });
    await reaches(slow, 'shift');
    const fails = host.upgradeTo('web', { version: '1.0.0' }, { ifBusy: 'fail' });
    expect(await failureOf(fails)).toMatchObject({ code: 'BUSY' });
    const waits = host.upgradeTo('web', { version: '1.0.0' });
    expect([waits.abort(), slow.abort()]).toEqual([true, true]);
    expect(await failureOf(waits)).toMatchObject({ code: 'ABORTED' });
    expect(await failureOf(slow)).toMatchObject({ code: 'ABORTED' });
    expect([states('web'), onDisk('web').left]).toEqual([['1.0.0 running'], undefined]);
  },
);

atOnce('a plugin that the application has loaded is left alone, and told of', async () => {
  shelf().put('other', '1.0.0');
  await runs('other', '1.0.0');
  await room().load(kvTs('1'));
  shelf().put('kv', '2.0.0');
  await comesTo('kv', ['2.0.0 available']);
  expect(room().host.plan()).toMatchObject([
    { plugin: 'kv', action: 'waiting', reason: 'it was loaded by its options' },
  ]);
  expect(versionOf('kv')).toBe('1.0.0');
  expect(() => room().host.upgradeTo('kv', { version: '2.0.0' })).toThrow(/OPTIONS_INVALID/);
});

atOnce('a host is handed over once', async () => {
  const runDir = mkdtempSync(join(tmpdir(), 'once-'));
  const host = await createHost({ runDir, pluginsDir: shelf().directory });
  const first = host.handOver();
  expect(await failureOf(host.handOver())).toMatchObject({ code: 'HOST_CLOSED' });
  expect(await failureOf(host.load(room().kv('none')))).toMatchObject({ code: 'HOST_CLOSED' });
  expect(await first).toEqual([]);
  rmSync(runDir, { recursive: true });
});
