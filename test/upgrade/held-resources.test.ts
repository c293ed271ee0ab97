import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { LoadOptions, Plugin } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { bundleProgram } from '../support/bundle';
import { failureOf, HostRoom, killNow, servingPid } from '../support/host-room';
import { poll } from '../support/poll';

// Plugins that declare what they hold: the host tells each version what to release, and when.

jest.setTimeout(60_000);

let program: ReturnType<typeof bundleProgram>;
let room: HostRoom;
let directory: string;
beforeAll(() => {
  program = bundleProgram(resolve(__dirname, 'holding-plugin.ts'));
});
afterAll(() => rmSync(program.directory, { recursive: true, force: true }));
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'held-'));
  room = await HostRoom.open();
});
afterEach(async () => {
  await room.close();
  rmSync(directory, { recursive: true, force: true });
});

const version = (number: number, fault = ''): Pick<LoadOptions, 'version' | 'env'> => ({
  version: `${number}.0.0`,
  env: {
    HOLDING_VERSION: `${number}.0.0`,
    HOLDING_LOG: join(directory, 'log'),
    HOLDING_LOCK: join(directory, 'lock'),
    HOLDING_FAULT: fault,
  },
});
const load = (fault?: string): Promise<Plugin> =>
  room.load(program.file, { contract: [KvDefinition], ...version(1, fault) });
const said = (): string[] => readFileSync(join(directory, 'log'), 'utf8').trimEnd().split('\n');
const outstanding = (): unknown[] =>
  room.log.records.flatMap(({ message, fields }) =>
    message === 'a plugin ended without having released what it had' ? [fields?.['resources']] : [],
  );

test('each version releases its part when it is time, and the last one what they shared', async () => {
  const plugin = await load();
  const report = await plugin.upgrade(version(2));
  expect([report.outcome, report.warnings]).toEqual(['swapped', []]);
  await plugin.stop();
  expect(said()).toEqual([
    '1.0.0 took the lock',
    '1.0.0 released lock',
    '2.0.0 took the lock',
    '1.0.0 released cache',
    '1.0.0 released connections',
    '2.0.0 released cache',
    '2.0.0 released config, lock, connections',
  ]);
  expect([outstanding(), existsSync(join(directory, 'lock'))]).toEqual([[], false]);
});

test('a new version that does not begin leaves the lock with the old one, which takes it again', async () => {
  const plugin = await load();
  await failureOf(plugin.upgrade(version(2, 'no activation')));
  expect(said()).toEqual(['1.0.0 took the lock', '1.0.0 released lock', '1.0.0 took the lock']);
  expect((await plugin.client(KvDefinition).get({ key: '' })).servedBy).toBe('1.0.0');
  await plugin.upgrade(version(3));
  expect(said().slice(3)).toEqual([
    '1.0.0 released lock',
    '3.0.0 took the lock',
    '1.0.0 released cache',
    '1.0.0 released connections',
  ]);
});

test('what a plugin never released is named at its stop', async () => {
  const plugin = await load('no release');
  const ends: unknown[] = [];
  room.host.on('event', (event) => {
    if (event.type === 'plugin' && event.to === 'stopped') ends.push(event.cause.message);
  });
  await plugin.stop();
  expect(ends).toEqual([
    'never released: config (shared), lock (exclusive), cache (per-generation), connections (leased)',
  ]);
  expect(outstanding()).toEqual([
    ['config (shared)', 'lock (exclusive)', 'cache (per-generation)', 'connections (leased)'],
  ]);
});

test('the process that takes a crashed one’s place has what that had, and nothing is named that it released', async () => {
  const plugin = await load();
  const pid = servingPid(plugin);
  rmSync(join(directory, 'lock'));
  await killNow(pid);
  await poll(
    () =>
      plugin
        .client(KvDefinition)
        .get({ key: '' })
        .catch(() => undefined),
    (answer) => answer !== undefined && answer.pid !== pid,
  );
  await plugin.stop();
  expect(said().slice(1)).toEqual([
    '1.0.0 took the lock',
    '1.0.0 released cache',
    '1.0.0 released config, lock, connections',
  ]);
});
