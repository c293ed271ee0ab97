import { randomBytes } from 'node:crypto';
import type { Candidate, ErrorCode, OperationStep, Plugin, UpgradeOptions } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { failureOf, HostRoom, killNow, servingPid } from '../support/host-room';
import type { Ledger } from '../support/ledger';
import { Load } from '../support/load';
import { processesWith } from '../support/processes';
import { chaosTs, kvTs } from '../support/samples';

// What has a limit of its own asserts it; this one is only for tests that hang.
jest.setTimeout(60_000);

// Whatever is wrong with the new one, and wherever: the old one serves on as if nothing had happened.

const full = process.env['PLUGD_FULL'] === '1';

let room: HostRoom;
let plugin: Plugin;
let ledger: Ledger;
let load: Load;

beforeAll(async () => {
  room = await HostRoom.open();
  ledger = room.ledger('kv');
  plugin = await room.load(kvTs('1'));
  load = await Load.start(plugin, ledger, { unary: 8, restMs: 5, endsWhenDraining: () => true });
});
afterAll(async () => {
  await load.stop();
  await room.close();
  expect(ledger.wrong).toEqual([]);
});

/** A service that no plugin has. */
const absent = {
  ping: {
    path: '/absent.v1.Absent/Ping',
    requestStream: false,
    responseStream: false,
    requestSerialize: () => Buffer.alloc(0),
    requestDeserialize: () => ({}),
    responseSerialize: () => Buffer.alloc(0),
    responseDeserialize: () => ({}),
  },
} as const;

const chaos = (mode: string, more: Partial<UpgradeOptions> = {}): UpgradeOptions => ({
  command: chaosTs(),
  version: '9.0.0',
  ...more,
  env: { CHAOS: mode, ...more.env },
});
const callOf = (candidate: Candidate) =>
  candidate.client(KvDefinition).get({ key: 'k' }, { timeoutMs: 10_000 });

interface Fault {
  /** Not tried every day: another one, as far or nearly so, ends with the same code. */
  readonly fullOnly?: boolean;
  readonly what: string;
  readonly changes: UpgradeOptions;
  /** Steps and codes: more than one where it depends on who notices first. */
  readonly steps: readonly OperationStep[];
  readonly codes: readonly ErrorCode[];
}

const faults: readonly Fault[] = [
  {
    what: 'options that are wrong',
    changes: { startTimeoutMs: -1 },
    steps: ['prepare'],
    codes: ['OPTIONS_INVALID'],
  },
  {
    what: 'a command that is not there',
    changes: { command: '/nonexistent/kv', version: '9.0.0' },
    steps: ['prepare'],
    codes: ['COMMAND_NOT_FOUND'],
  },
  {
    what: 'a file that is not the one with the checksum',
    changes: chaos('', { sha256: '0'.repeat(64) }),
    steps: ['start'],
    codes: ['CHECKSUM_MISMATCH'],
  },
  {
    what: 'a crash before the handshake line',
    changes: chaos('signal:SIGKILL'),
    steps: ['start'],
    codes: ['EXITED_BEFORE_HANDSHAKE'],
  },
  {
    what: 'an exit before the handshake line',
    fullOnly: true,
    changes: chaos('exit:3'),
    steps: ['start'],
    codes: ['EXITED_BEFORE_HANDSHAKE'],
  },
  {
    what: 'a crash right after the handshake line',
    changes: chaos('crash-after-line'),
    steps: ['start', 'health'],
    codes: ['PLUGIN_EXITED'],
  },
  {
    what: 'silence in the place of the handshake line',
    changes: chaos('grandchild-session;silent', { startTimeoutMs: 700 }),
    steps: ['start'],
    codes: ['START_TIMEOUT'],
  },
  {
    what: 'a protocol version that was not offered',
    changes: chaos('app-version:77'),
    steps: ['start'],
    codes: ['PROTOCOL_VERSION_MISMATCH'],
  },
  {
    what: 'a dead address',
    changes: chaos('dead-socket'),
    steps: ['health'],
    codes: ['CONNECT_FAILED', 'TLS_FAILED'],
  },
  {
    what: 'a crash in the health check',
    fullOnly: true,
    changes: chaos('crash-in-health'),
    steps: ['health'],
    codes: ['PLUGIN_EXITED'],
  },
  {
    what: 'a health check without an answer',
    changes: chaos('hang-health', { startTimeoutMs: 1_000 }),
    steps: ['health'],
    codes: ['HEALTH_TIMEOUT'],
  },
  {
    what: 'a plugin that says it does not serve',
    changes: chaos('not-serving', { startTimeoutMs: 1_000 }),
    steps: ['health'],
    codes: ['HEALTH_NOT_SERVING'],
  },
  {
    what: 'another version than the one asked for',
    changes: chaos('', { env: { CHAOS_VERSION: '8.0.0' } }),
    steps: ['health'],
    codes: ['VERSION_MISMATCH'],
  },
  {
    what: 'a contract that it does not serve',
    changes: { command: kvTs('2'), version: '2.0.0', contract: [KvDefinition, absent] },
    steps: ['contract'],
    codes: ['CONTRACT_NOT_SERVED'],
  },
  {
    what: 'a check of the application that throws',
    changes: chaos('', {
      verify: async (candidate) => {
        await callOf(candidate);
        throw new Error('not good enough');
      },
    }),
    steps: ['verify'],
    codes: ['VERIFY_FAILED'],
  },
  {
    what: 'a check of the application that does not end',
    fullOnly: true,
    changes: chaos('hang-on-call', {
      startTimeoutMs: 1_000,
      verify: async (candidate) => void (await callOf(candidate)),
    }),
    steps: ['verify'],
    codes: ['VERIFY_FAILED'],
  },
  {
    what: 'a crash in a call of the check',
    fullOnly: true,
    changes: chaos('crash-on-call', { verify: async (candidate) => void (await callOf(candidate)) }),
    steps: ['verify'],
    codes: ['PLUGIN_EXITED'],
  },
  {
    what: 'a process that is killed while the check waits for something else',
    changes: chaos('', {
      verify: async ({ pid }) => {
        await killNow(pid);
        await new Promise(() => {});
      },
    }),
    steps: ['verify'],
    codes: ['PLUGIN_EXITED'],
  },
  {
    what: 'a crash between the check and the swap',
    changes: chaos('', { verify: ({ pid }) => void process.kill(pid, 'SIGKILL') }),
    steps: ['swap'],
    codes: ['PLUGIN_EXITED'],
  },
];

const tried = faults.filter(({ fullOnly }) => full || fullOnly !== true);
/** The first that ends at each of these. */
const goesOnAfter = ['start', 'health', 'swap'].map((step) => tried.find(({ steps }) => steps[0] === step));

test.each(tried)('$what leaves the old one serving', async ({ what, changes, steps, codes }) => {
  const before = {
    ...plugin.status(),
    pid: servingPid(plugin),
    files: room.files(),
    events: room.events.length,
  };
  const mark = `NEW_ONE=${randomBytes(8).toString('hex')}`;
  const [name = '', value = ''] = mark.split('=');

  const error = await failureOf(
    plugin.upgrade({ ...changes, env: { ROOM_MARK: room.mark, ...changes.env, [name]: value } }),
  );

  const { step } = error.facts;
  expect(codes).toContain(error.code);
  expect(steps).toContain(step);
  // Nothing of the new one is left, when its error is there.
  expect(processesWith(mark)).toEqual([]);
  expect(room.files()).toEqual(before.files);
  // The old one is as it was, and answers.
  const { state, version, generation } = plugin.status();
  expect({ state, version, generation, pid: servingPid(plugin) }).toEqual({
    state: 'serving',
    version: before.version,
    generation: before.generation,
    pid: before.pid,
  });
  expect(await plugin.client(KvDefinition).get({ key: 'k' })).toMatchObject({
    pid: before.pid,
    servedBy: before.version,
  });
  expect(ledger.wrong).toEqual([]);
  // It is said once where the upgrade ended, and every candidate has come to its end.
  const events = room.events.slice(before.events);
  expect(events.filter((event) => event.type === 'plugin')).toEqual([]);
  const failed = events.filter((event) => event.type === 'operation' && event.phase === 'failed');
  expect(failed).toMatchObject([{ step, cause: { code: error.code } }]);
  const candidates = events.filter((event) => event.type === 'instance');
  if (candidates.length > 0) expect(['failed', 'stopped']).toContain(candidates.at(-1)?.to);

  // What comes next is not hurt by it: every day tried after some that have got further than those before.
  if (!full && !goesOnAfter.some((fault) => fault?.what === what)) return;
  const good = before.version === '1.0.0' ? '2' : '1';
  const report = await plugin.upgrade({ command: kvTs(good), version: `${good}.0.0` });
  expect(report).toMatchObject({ outcome: 'swapped', calls: { failed: 0, cut: 0 } });
  expect(ledger.wrong).toEqual([]);
});
