import { spawn } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createHost, type LoadOptions, type Plugin } from '@plugd/host';
import { CounterDefinition } from '@plugd/protocol/gen/samples/counter/v1/counter';
import { OperationJournal } from '../../host/src/journal/operation-journal';
import { headOf } from '../../host/src/journaled-operation';
import { testsAtOnce } from '../support/at-once';
import { counterOptions, put } from '../support/counter-room';
import { failureOf, HostRoom, killNow, servingPid } from '../support/host-room';
import { goIsHere } from '../support/needs-go';
import { eventually, isRunning } from '../support/processes';
import { counterGo, counterTs, type SampleVersion } from '../support/samples';
import type { KilledAt, KilledOrder } from './host-killed-program';
import { KilledHosts, KilledLife } from './killed-hosts';

// What has a limit of its own asserts it; this one is only for tests that hang.
jest.setTimeout(60_000);

const full = process.env['PLUGD_FULL'] === '1';

// What a host does that opens the state directory of one that was killed, where more went wrong than that.

const hosts = new KilledHosts();
afterAll(() => hosts.dispose());

const { atOnce, own } = testsAtOnce(async () => new KilledLife(hosts.place()));
/** What another test of these comes near to. */
const inFull = full ? atOnce : test.skip;

const sample = (version: SampleVersion) => ({
  version: `${version}.0.0`,
  command: goIsHere ? counterGo(version) : counterTs(version),
});

/** The key a has 5 in the state that was kept before the upgrade, and 12 when it begins. */
const upgrading = (step: string): Omit<KilledOrder, 'runDir' | 'stateDir'> => ({
  load: sample('1'),
  kept: 5,
  put: 7,
  upgrade: sample('2'),
  at: { step, phase: 'started' },
});

/** The same with the counter whose part can go wrong. */
function upgradingHanded(step: string): Omit<KilledOrder, 'runDir' | 'stateDir'> {
  own().handed.tell({});
  const [load, upgrade] = (['1.0.0', '2.0.0'] as const).map((version) => {
    return own().handed.options({ mark: '' }, { version, schema: Number(version[0]) });
  });
  if (load === undefined || upgrade === undefined) throw new Error('there are two');
  return { ...upgrading(step), load, upgrade };
}

async function load(over: Partial<LoadOptions> = {}): Promise<Plugin> {
  const room = await own().open();
  const { version, command } = sample('1');
  return room.load(over.command ?? command, { ...counterOptions, version, ...over });
}

async function numberOf(plugin: Plugin): Promise<number | undefined> {
  const { found, value } = await plugin.client(CounterDefinition).get({ key: 'a' }, { timeoutMs: 20_000 });
  return found ? value : undefined;
}

const recoveries = () =>
  (own().room?.events ?? []).flatMap((event) =>
    event.type === 'operation' && event.step === 'recover' ? event.phase : [],
  );

const logged = (level: string) => own().room?.log.records.filter((record) => record.level === level) ?? [];

/** Changes a byte in a file: 200 from its end, or as told. */
function spoil(file: string, fromEnd = 200): void {
  const bytes = readFileSync(file);
  const at = bytes.length - fromEnd;
  bytes.writeUInt8(bytes.readUInt8(at) ^ 0x10, at);
  writeFileSync(file, bytes);
}

/** The files of the kept states, the latest first. */
function keptFiles(): string[] {
  const directory = join(own().place.stateDir, 'snapshots');
  return readdirSync(directory)
    .filter((name) => name.endsWith('.snapshot'))
    .map((name) => join(directory, name))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
}

const killedAgain = [
  ['as it begins to recover', { step: 'recover', phase: 'started' }],
  ['when the version that is to serve has come up', { step: 'instance', phase: 'ready' }],
  ['as it sends calls to it', { step: 'instance', phase: 'serving' }],
] as const;

atOnce.each<readonly [string, KilledAt]>(killedAgain.filter((_, index) => full || index === 1))(
  'a host that is killed %s leaves the next one no less to do',
  async (_, at) => {
    await own().place.kill(upgrading('release-calls'));
    await own().place.kill({ load: sample('1'), at });
    const plugin = await load();
    expect(
      own()
        .place.left()
        .filter((one) => typeof one === 'number'),
    ).toEqual([]);
    // Once it had been written down that the new one serves, there was nothing to finish, and the application is asked.
    const finished = at.phase === 'serving';
    expect(plugin.status().version).toBe(finished ? '1.0.0' : '2.0.0');
    expect(await numberOf(plugin)).toBe(12);
    expect((await own().place.journal()).unfinished).toEqual([]);
  },
);

const otherOperations = [
  ['rollback', 'restore', '2.0.0', '1'],
  ['rollback', 'release-calls', '1.0.0', '1'],
  ['restart', 'restore', '2.0.0', '2'],
  // Of the one that it asks for the operation, which was one of version 2 alone, knew nothing.
  ['restart', 'release-calls', '1.0.0', '1'],
] as const;

// Every day each operation, and each side of its swap.
atOnce.each<readonly ['rollback' | 'restart', string, string, SampleVersion]>(
  otherOperations.filter((_, index) => full || index === 0 || index === 3),
)('of a %s in which the host was killed at %s version %s is left', async (then, step, version, asked) => {
  await own().place.kill({ ...upgrading(step), then, at: { operation: then, step, phase: 'started' } });
  const plugin = await load(sample(asked));
  expect(recoveries()).toEqual(['started', 'done']);
  expect(plugin.status().version).toBe(version);
  expect(await numberOf(plugin)).toBe(12);
  expect((await own().place.journal()).unfinished).toEqual([]);
});

inFull(
  'a host killed on the way back from a version that did not last serves the one before it',
  async () => {
    const order = upgrading('');
    await own().place.kill({
      ...order,
      upgrade: { ...order.upgrade, bakeMs: 20_000 },
      loseAt: 'bake',
      at: { operation: 'rollback', step: 'swap', phase: 'started' },
    });
    const plugin = await load();
    expect(recoveries()).toEqual(['started', 'done']);
    expect(plugin.status().version).toBe('1.0.0');
    expect(await numberOf(plugin)).toBe(12);
  },
);

inFull(
  'a host killed in the upgrade of a plugin that keeps nothing leaves nothing but a version to be served',
  async () => {
    own().handed.tell({});
    const [load1, load2] = (['1.0.0', '2.0.0'] as const).map((version) =>
      own().handed.options({ mark: '' }, { version, keepsNothing: true }),
    );
    if (load1 === undefined || load2 === undefined) throw new Error('there are two');
    await own().place.kill({ load: load1, put: 1, upgrade: load2, at: { step: 'swap', phase: 'started' } });
    const plugin = await load({ ...load2, version: '1.0.0', env: load2.env });
    expect(plugin.status().version).toBe('2.0.0');
    expect(await numberOf(plugin)).toBeUndefined();
    expect(await own().place.snapshots()).toBe(0);
  },
);

atOnce('of a journal that is damaged no more is believed than that something was begun', async () => {
  await own().place.kill(upgrading('stop'));
  const database = join(own().place.stateDir, 'journal');
  const log = readdirSync(database, { recursive: true })
    .map((name) => join(database, String(name)))
    .find((path) => /\d+\.log$/.test(path));
  if (log === undefined) throw new Error(`no log in ${database}`);
  spoil(log, 700);
  expect((await own().place.journal()).unfinished).toMatchObject([{ intact: false }]);
  const plugin = await load();
  expect(plugin.status().version).toBe('1.0.0');
  expect(await numberOf(plugin)).toBe(12);
  expect(logged('warn').map(({ fields }) => fields)).toContainEqual(
    expect.objectContaining({ path: expect.any(String) }),
  );
  expect((await own().place.journal()).unfinished).toEqual([]);
});

atOnce(
  'where the state that was handed over is corrupt the one before it is taken, and the log tells',
  async () => {
    await own().place.kill(upgrading('release-calls'));
    const [latest = ''] = keptFiles();
    spoil(latest, 20);
    const plugin = await load();
    expect(plugin.status().version).toBe('2.0.0');
    expect(await numberOf(plugin)).toBe(5);
    expect(logged('error')).toEqual([
      expect.objectContaining({ fields: expect.objectContaining({ plugin: 'counter' }) }),
    ]);
    expect(logged('warn')).toContainEqual(
      expect.objectContaining({
        fields: { plugin: 'counter', version: '1.0.0', schema: 1, ageMs: expect.any(Number) },
      }),
    );
  },
);

inFull('where no state can be read the plugin begins anew', async () => {
  await own().place.kill(upgrading('release-calls'));
  const files = keptFiles();
  expect(files).toHaveLength(2);
  for (const file of files) spoil(file, 20);
  const plugin = await load();
  expect(plugin.status().version).toBe('2.0.0');
  expect(await numberOf(plugin)).toBeUndefined();
  expect(logged('error')).toHaveLength(2);
});

atOnce(
  'where the new version was to serve and does not start the old one does, with all of the state',
  async () => {
    const command = join(own().place.directory, 'second');
    cpSync(sample('2').command, command);
    await own().place.kill({ ...upgrading('stop'), upgrade: { version: '2.0.0', command } });
    rmSync(command);
    const plugin = await load();
    expect(recoveries()).toEqual(['started', 'done']);
    expect(plugin.status().version).toBe('1.0.0');
    expect(await numberOf(plugin)).toBe(12);
    expect(logged('error').map(({ fields }) => fields)).toEqual([
      { plugin: 'counter', version: '2.0.0', error: expect.stringContaining('second') },
    ]);
  },
);

atOnce('where neither version can begin the load fails, and the next one takes up the state', async () => {
  await own().place.kill(upgradingHanded('stop'));
  own().handed.tell({ '1.0.0': { activate: 'error' } });
  const { version, command, env } = own().handed.options({ mark: '' }, { version: '1.0.0', schema: 1 });
  const failure = await failureOf(load({ version, command, env }));
  expect(failure.code).toBe('HANDOFF_FAILED');
  expect(recoveries()).toEqual(['started', 'failed']);
  expect(own().room?.processes()).toEqual([]);
  own().handed.tell({});
  const plugin = await load({ version, command, env });
  expect(recoveries()).toEqual(['started', 'failed']);
  expect(await numberOf(plugin)).toBe(12);
  expect((await own().place.journal()).unfinished).toEqual([]);
});

atOnce(
  'what the journal says of a version is joined with what the application says of the plugin',
  async () => {
    await own().place.kill({
      ...upgrading('release-calls'),
      upgrade: { ...sample('2'), args: ['of-the-upgrade'] },
    });
    const plugin = await load({ env: { SAID: 'by the application' }, drainTimeoutMs: 1_234 });
    const pid = servingPid(plugin);
    expect(plugin.status().version).toBe('2.0.0');
    expect(readFileSync(`/proc/${pid}/environ`, 'latin1')).toContain('SAID=by the application');
    const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0');
    expect(command).toContain(sample('2').command);
    expect(command).toContain('of-the-upgrade');
    // An upgrade begins from what runs.
    await plugin.restart();
    expect(plugin.status().version).toBe('2.0.0');
    expect(await numberOf(plugin)).toBe(12);
    // And a rollback leads to what the application asked for.
    await plugin.rollback();
    expect(plugin.status().version).toBe('1.0.0');
    expect(await numberOf(plugin)).toBe(12);
  },
);

inFull('of the version that it asks for the application knows best where its command is', async () => {
  await own().place.kill(upgrading('pause'));
  const { command } = sample('1');
  const plugin = await load({ args: ['moved'], command });
  expect(plugin.status().version).toBe('1.0.0');
  expect(readFileSync(`/proc/${servingPid(plugin)}/cmdline`, 'latin1').split('\0')).toContain('moved');
});

inFull(
  'an application that asks for the new version has the old one where that is what must serve',
  async () => {
    await own().place.kill(upgrading('hold'));
    const plugin = await load(sample('2'));
    expect(plugin.status().version).toBe('1.0.0');
    expect(await numberOf(plugin)).toBe(5);
  },
);

atOnce('an application that asks for a third version has that, with the state that was kept', async () => {
  await own().place.kill(upgradingHanded('release-calls'));
  const plugin = await load(own().handed.options({ mark: '' }, { version: '3.0.0', schema: 2 }));
  expect(plugin.status().version).toBe('3.0.0');
  expect(await numberOf(plugin)).toBe(12);
  const { operations, unfinished } = await own().place.journal();
  expect(unfinished).toEqual([]);
  expect(operations.at(-1)?.outcome).toMatchObject({ outcome: 'overtaken' });
});

/** Leaves an operation in the journal of which no line was written. */
async function beginOnly(hostToken: string): Promise<void> {
  const journal = await OperationJournal.open({ directory: join(own().place.stateDir, 'journal') });
  const from = { ...counterOptions, ...sample('1') };
  const about = { operation: 'upgrade', strategy: 'handoff' } as const;
  await journal.begin(headOf({ id: 'cut-short', plugin: 'counter', ...about, hostToken, from }));
  await journal.close();
}

atOnce('a plugin that was handed over is taken as it is, whatever stands in the journal', async () => {
  const first = await HostRoom.open();
  const { command } = sample('1');
  const env = { PLUGD_EXIT_WITH_PARENT: '0' };
  const before = await first.load(command, { ...counterOptions, ...sample('1'), env });
  await before.pinned((scope) => put(scope, 'a', 3));
  const pid = servingPid(before);
  const [handedOver] = await first.host.handOver();
  if (handedOver === undefined) throw new Error('nothing was handed over');
  await beginOnly(handedOver.record.token);
  const room = await own().open();
  const plugin = await room.host.attach(handedOver);
  expect(servingPid(plugin)).toBe(pid);
  expect(await numberOf(plugin)).toBe(3);
  const { operations, unfinished } = await own().place.journal();
  expect(unfinished).toEqual([]);
  expect(operations.at(-1)?.outcome).toEqual({ outcome: 'overtaken' });
  await plugin.stop();
  await first.close();
});

atOnce('a process of the killed host that nobody has ended is ended before anything is started', async () => {
  const hostToken = 'of-a-killed-host-';
  const orphan = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], {
    stdio: 'ignore',
    env: { ...process.env, PLUGD_INSTANCE_TOKEN: `${hostToken}1` },
  });
  try {
    await beginOnly(hostToken);
    await eventually(
      () => readFileSync(`/proc/${orphan.pid}/environ`, 'latin1').includes(hostToken),
      5_000,
      'it runs',
    );
    const plugin = await load();
    expect(isRunning(orphan.pid ?? 0)).toBe(false);
    expect(plugin.status().version).toBe('1.0.0');
    expect((await own().place.journal()).unfinished).toEqual([]);
  } finally {
    orphan.kill('SIGKILL');
  }
});

atOnce('a plugin that was stopped in order begins anew, and nothing is kept of it', async () => {
  const plugin = await load();
  await plugin.pinned((scope) => put(scope, 'a', 3));
  await plugin.restart();
  expect(await own().place.snapshots()).toBe(1);
  await plugin.stop();
  expect(await own().place.snapshots()).toBe(0);
  expect(await numberOf(await load())).toBeUndefined();
});

atOnce('a host that is closed while it recovers leaves it all to the next one', async () => {
  await own().place.kill(upgrading('release-calls'));
  const first = await own().open();
  const closing = new Promise<void>((resolve) => {
    first.host.on('event', (event) => {
      // Of the first of the processes: then its start is given up.
      if (event.type === 'instance' && event.to === 'starting') resolve(first.host.close());
    });
  });
  expect((await failureOf(load())).code).toMatch(/^PLUGIN_STOPPED$|^HOST_CLOSED$/);
  await closing;
  await first.close();
  expect(await own().place.snapshots()).toBe(2);
  expect((await own().place.journal()).unfinished).toHaveLength(1);
  own().room = await own().place.open();
  const plugin = await load();
  expect(plugin.status().version).toBe('2.0.0');
  expect(await numberOf(plugin)).toBe(12);
});

atOnce(
  'what is kept of a plugin that had crashed when it was stopped is there for the next load',
  async () => {
    const plugin = await load({ restart: { policy: 'never' } });
    await plugin.pinned((scope) => put(scope, 'a', 3));
    await plugin.restart();
    await killNow(servingPid(plugin));
    await eventually(() => plugin.status().state === 'failed', 5_000, 'it is given up');
    await plugin.stop();
    expect(await numberOf(await load())).toBe(3);
  },
);

atOnce(
  'after a crash of the host a plugin begins with what was kept last, and the log tells how old that is',
  async () => {
    const { upgrade: _, at: __, ...order } = upgrading('');
    await own().place.kill(order);
    const plugin = await load();
    expect(await numberOf(plugin)).toBe(5);
    expect(recoveries()).toEqual([]);
    const [record] = logged('warn');
    expect(record?.fields).toEqual({
      plugin: 'counter',
      version: '1.0.0',
      schema: 1,
      ageMs: expect.any(Number),
    });
    expect(record?.fields['ageMs']).toBeGreaterThan(0);
  },
);

atOnce('a state in a form that the version does not read is not given to it', async () => {
  const newer = own().handed.options({ mark: '' }, { version: '2.0.0', schema: 3 });
  own().handed.tell({});
  await own().place.kill({ load: newer, kept: 5 });
  const { command, env } = own().handed.options({ mark: '' }, { version: '1.0.0', schema: 1 });
  const plugin = await load({ command, env });
  expect(await numberOf(plugin)).toBeUndefined();
  // It is there for whoever reads it.
  expect(await own().place.snapshots()).toBe(1);
});

atOnce('limits that can’t be are refused before there is anything to keep', async () => {
  for (const snapshots of [{ ttlMs: 0 }, { maxPerPlugin: -1 }, { maxBytes: Number.NaN }]) {
    expect((await failureOf(createHost({ snapshots }))).code).toBe('OPTIONS_INVALID');
  }
});

atOnce(
  'a state that can’t be kept is told of; where another host is to go on with it the upgrade is refused',
  async () => {
    const snapshots = { maxSnapshotBytes: 1 };
    const without = await HostRoom.open({ snapshots });
    own().room = without;
    const plugin = await load();
    await plugin.pinned((scope) => put(scope, 'a', 3));
    const report = await plugin.upgrade(sample('2'));
    expect(report.warnings.map(({ code }) => code)).toEqual(['SNAPSHOT_NOT_KEPT']);
    expect(await numberOf(plugin)).toBe(3);
    await without.close();
    own().room = await own().place.open({ snapshots });
    const kept = await load();
    await kept.pinned((scope) => put(scope, 'a', 4));
    const pid = servingPid(kept);
    expect(await failureOf(kept.upgrade(sample('2')))).toMatchObject({
      code: 'SNAPSHOT_NOT_KEPT',
      facts: { step: 'snapshot' },
    });
    expect(servingPid(kept)).toBe(pid);
    expect(await numberOf(kept)).toBe(4);
  },
);
