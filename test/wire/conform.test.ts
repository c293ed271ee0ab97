import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rules } from '../../host/src/conform/conform';
import { type Mode, modes } from '../../host/src/conform/rule';
import { PosixPlatform } from '../../host/src/platform/posix';
import { brokenBy, check, withVerdict } from '../support/conform-report';
import { goIsHere } from '../support/needs-go';
import { kvPython, pythonIsHere } from '../support/needs-python';
import { processesWith } from '../support/processes';
import { chaosTs, kvGo, kvTs } from '../support/samples';

// Whole examinations of whole plugins: each starts a dozen processes or more, one after the other, and waits for most of
// its time. They have nothing in common, and so some run at once.
jest.setTimeout(120_000);

const full = process.env['PLUGD_FULL'] === '1';

/** In which a sample is examined: all modes, or those of every day. */
const looked = (daily: readonly Mode[]): readonly Mode[] => (full ? modes : daily);

/** All of a table takes long: a sixteenth of it every day, all with --full. */
function daily<T>(rows: readonly T[]): T[] {
  return full ? [...rows] : rows.filter((_, index) => index % 16 === 0);
}

test.concurrent('the sample in TypeScript keeps every rule in every mode', async () => {
  // Together they have the rules of TLS and of multiplexing.
  const inModes = looked(['automtls', 'multiplexed']);
  const results = await check({ plugin: kvTs('2'), modes: inModes });
  expect(results.filter(({ verdict }) => verdict !== 'pass')).toEqual([]);
  // All rules were looked at but those of a contract that it does not serve, and those of a mode in all that have it.
  const foreign = ['broker.dials', 'broker.serves', 'broker.unserved'];
  const applying = rules.map(({ id }) => id).filter((id) => !foreign.includes(id));
  expect([...new Set(results.map(({ id }) => id))].sort()).toEqual(applying.sort());
  expect(results.filter(({ id }) => id === 'health.plugin').map(({ mode }) => mode)).toEqual(inModes);
});

test.concurrent('the sample in TypeScript is found out when it is said to speak another version', async () => {
  const results = await check({ plugin: kvTs('1'), modes: ['plain'] });
  expect(withVerdict(results, 'fail')).toEqual(['versions.highest']);
});

(goIsHere ? test.concurrent : test.skip)(
  'the sample in Go keeps every rule; what it leaves undone is known of go-plugin',
  async () => {
    const inModes = looked(['multiplexed-automtls']);
    const results = await check({ plugin: kvGo('2'), modes: inModes });
    expect(withVerdict(results, 'fail')).toEqual([]);
    const warned = results.filter(({ verdict }) => verdict === 'warn').map(({ id, mode }) => `${id} ${mode}`);
    const leavesSocket = inModes.filter((mode) => mode.startsWith('multiplexed'));
    expect(warned.sort()).toEqual([
      'orphan.leaves null',
      ...leavesSocket.map((mode) => `shutdown.socket ${mode}`),
    ]);
  },
);

(pythonIsHere ? test.concurrent : test.skip)(
  'the sample in Python keeps every rule in the mode that it offers',
  async () => {
    // What belongs to no mode takes the longest: every day it is looked at in the samples that do more.
    const results = await check({ plugin: kvPython(), modesOnly: !full });
    expect(withVerdict(results, 'fail')).toEqual([]);
    const offered = results.filter(({ id, verdict }) => id === 'mode.offered' && verdict === 'pass');
    expect(offered.map(({ mode }) => mode)).toEqual(['plain']);
    // Made without a plugin library, it has the least that a plugin can do with.
    expect(withVerdict(results, 'warn')).toEqual(expect.arrayContaining(['shutdown.ends', 'broker.stream']));
    expect(withVerdict(results, 'skip')).toEqual(
      expect.arrayContaining(['broker.offers', 'broker.knocks', 'broker.answers']),
    );
  },
);

/** Of the plugin that lies: what it is told, and the rules that it then breaks. */
const lies: [chaos: string, mode: Mode, broken: string[]][] = [
  ['banner', 'plain', ['handshake.first']],
  ['', 'automtls', []],
  ['half-line-exit', 'plain', ['handshake.first']],
  ['long-line', 'plain', ['handshake.first']],
  ['non-utf8', 'plain', ['handshake.first']],
  ['close-stdout', 'plain', ['handshake.first']],
  ['core-version', 'plain', ['handshake.core']],
  ['netrpc', 'plain', ['handshake.protocol']],
  ['garbled-cert', 'automtls', ['handshake.certificate']],
  ['rubbish-cert', 'automtls', ['handshake.certificate']],
  ['rubbish-cert', 'plain', ['handshake.certificate']],
  ['tcp-nonloopback', 'plain', ['address.place']],
  ['no-cert', 'automtls', ['mode.offered']],
  ['', 'multiplexed', ['mode.offered']],
  ['foreign-cert', 'automtls', ['tls.host']],
  ['no-tls', 'automtls', ['tls.host']],
  ['distrust-host', 'automtls', ['tls.host']],
  ['dead-socket', 'plain', ['connection.answers']],
  ['rubbish-socket', 'plain', ['connection.answers']],
  ['hang-up-socket', 'plain', ['connection.answers']],
  ['delete-socket', 'plain', ['connection.answers']],
  ['not-serving', 'plain', ['health.plugin']],
  ['fail-health', 'plain', ['health.plugin']],
  ['no-health', 'plain', ['health.plugin']],
  ['crash-in-health', 'plain', ['health.plugin', 'process.stays']],
];

/** Lies that show only when the waiting is over. */
const silences: [chaos: string, mode: Mode, broken: string[]][] = [
  ['silent', 'plain', ['handshake.first']],
  ['silent-socket', 'plain', ['connection.answers']],
  ['hang-health', 'plain', ['health.plugin']],
  ['hang-shutdown-only', 'plain', ['shutdown.ends']],
  ['stay-after-shutdown', 'plain', ['shutdown.ends']],
  ['ignore-sigterm', 'plain', ['signal.terminate']],
];

test.concurrent.each(daily(lies))(
  'a plugin that does "%s" in the mode %s breaks %j',
  async (chaos, mode, broken) => {
    expect(await brokenBy(chaos, mode, 20_000)).toEqual(broken);
  },
);

test.concurrent.each(daily(silences))(
  'a plugin that does "%s" in the mode %s breaks %j',
  async (chaos, mode, broken) => {
    // The first never says anything, however long it is waited for.
    expect(await brokenBy(chaos, mode, chaos === 'silent' ? 1_000 : 4_000)).toEqual(broken);
  },
);

// What every day the sample of another version shows as well, and sooner.
(full ? test.concurrent : test.skip)(
  'a plugin that announces a version of its own liking breaks what is said of versions',
  async () => {
    const how = { modes: ['plain'], env: { CHAOS: 'app-version' } } as const;
    expect(withVerdict(await check({ plugin: chaosTs(), ...how }), 'fail')).toEqual(['versions.highest']);
  },
);

test.concurrent.each(['crash-after-line', 'line-and-exit'])(
  'a plugin that does "%s" does not stay',
  async (CHAOS) => {
    const results = await check({ plugin: chaosTs(), modes: ['plain'], modesOnly: true, env: { CHAOS } });
    expect(withVerdict(results, 'fail')).toContain('process.stays');
  },
);

/** What is allowed, and told. */
const habits: [chaos: string, mode: Mode, warned: string][] = [
  ['temp-socket', 'plain', 'address.wish'],
  ['tcp', 'plain', 'address.wish'],
  ['no-controller', 'plain', 'shutdown.ends'],
  ['json-wrong-types', 'plain', 'logs.json'],
  ['flood-stdout:lines:1', 'plain', 'stdout.quiet'],
];

test.concurrent.each(daily(habits))(
  'a plugin that does "%s" is warned of, and passes',
  async (CHAOS, mode, warned) => {
    const results = await check({ plugin: chaosTs(), modes: [mode], modesOnly: true, env: { CHAOS } });
    expect(withVerdict(results, 'fail')).toEqual([]);
    expect(withVerdict(results, 'warn')).toContain(warned);
  },
);

test.concurrent('a mode that nobody asked for by name need not be offered', async () => {
  const results = await check({ plugin: chaosTs(), modesOnly: true });
  expect(withVerdict(results, 'fail')).toEqual([]);
  const skipped = results.filter(({ id, verdict }) => id === 'mode.offered' && verdict === 'skip');
  expect(skipped.map(({ mode }) => mode)).toEqual(['multiplexed', 'multiplexed-automtls']);
});

/** Where the end of a process takes its time, as on a busy machine. */
class SlowPlatform extends PosixPlatform {
  override async kill(pid: number, group: number | null): Promise<boolean> {
    setTimeout(() => void super.kill(pid, group), 150);
    return true;
  }
}

/** Each waits for the limits that a plugin lets run out. */
const remnants: [what: string, chaos: string][] = [
  ['puts its socket elsewhere and leaves others behind', 'temp-socket;grandchild-session'],
  ['stays as well', 'temp-socket;grandchild-session;stay-after-shutdown;ignore-sigterm'],
];

test.concurrent.each(daily(remnants))('nothing is left of a plugin that %s', async (_what, CHAOS) => {
  const mark = randomUUID();
  const temporary = mkdtempSync(join(tmpdir(), 'plugd-conform-'));
  try {
    const env = { CHAOS, CONFORM_TEST: mark, TMPDIR: temporary };
    const platform = new SlowPlatform();
    await check({
      plugin: chaosTs(),
      modes: ['plain'],
      modesOnly: !full,
      env,
      timeoutMs: 3_000,
      platform,
    });
    expect(processesWith(mark)).toEqual([]);
    expect(existsSync(temporary) && readdirSync(temporary)).toEqual([]);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
});
