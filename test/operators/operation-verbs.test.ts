import { EventEmitter } from 'node:events';
import { copyFileSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { PassThrough } from 'node:stream';
import { run } from '../../host/src/cli/run';
import { DaemonRoom, type Ran } from '../support/daemon';
import { goIsHere } from '../support/needs-go';
import { poll } from '../support/poll';
import { counterGo, counterTs } from '../support/samples';
import { Shelf } from '../upgrade/shelf';

// One daemon for all, with two versions on disk: each test goes from the one that runs to the other.
let room: DaemonRoom;
beforeAll(async () => {
  room = new DaemonRoom();
  room.shelf.put('kv', '1.0.0', { manifest: 'services: [samples.kv.v1.Kv]\n' });
  room.shelf.put('kv', '2.0.0', { manifest: 'services: [samples.kv.v1.Kv]\n' });
  await room.start();
  await room.runs('kv', '2.0.0');
});
afterAll(() => room.close());

// The one in Go starts in a fraction of the time.
const counter = goIsHere ? counterGo : counterTs;
const json = (text: string) => JSON.parse(text);
const errorOf = ({ stderr }: Ran) => json(stderr).error.code;
/** As long as nobody promotes it or gives it up. */
const longCanary = ['--strategy', 'canary', '--step', '50:1h,100'];

async function versionOf(): Promise<string> {
  const { plugins } = await (await room.admin()).listPlugins({});
  return plugins.find(({ name }) => name === 'kv')?.runningVersion ?? '';
}

/** What runs, and the other one. */
async function versions(): Promise<[from: string, to: string]> {
  const from = await versionOf();
  return [from, from === '1.0.0' ? '2.0.0' : '1.0.0'];
}

/** Resolves when an operation has come to this step. */
async function comesTo(step: string): Promise<string> {
  const admin = await room.admin();
  const id = await poll(
    async () => (await admin.listPlugins({})).plugins.find(({ name }) => name === 'kv')?.operation ?? '',
    (seen) => seen !== '',
  );
  for await (const { update } of admin.watchOperation({ id }))
    if (update?.$case === 'progress' && update.value?.['step'] === step) return id;
  throw new Error(`it has ended before ${step}`);
}

describe('upgrade', () => {
  test('to a version on disk says what was done, and on stderr how it went', async () => {
    const [from, to] = await versions();
    const { code, stdout, stderr } = await room.plugd('upgrade', 'kv', to);
    expect(code).toBe(0);
    expect(stdout).toContain(`Plugin kv runs ${to}: upgrade by overlap in `);
    expect(stdout).toMatch(/; calls held 0, .* failed 0\.\n$/);
    expect(stderr).toContain(`kv: upgrade ${from} → ${to}: start done (35 %, `);
    expect(await versionOf()).toBe(to);
  });

  test('as JSON gives the report, and nothing on stderr', async () => {
    const [from, to] = await versions();
    const { code, stdout, stderr } = await room.plugd('upgrade', 'kv', to, '-o', 'json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(json(stdout)).toMatchObject({
      id: expect.stringMatching(/^kv-/),
      plugin: 'kv',
      outcome: 'swapped',
      from: { version: from },
      to: { version: to },
      steps: expect.any(Array),
    });
  });

  test('to the directory of an artifact, by a path from where the command runs; quietly nothing is said', async () => {
    const elsewhere = new Shelf();
    try {
      elsewhere.mark = room.mark;
      elsewhere.put('kv', '3.0.0');
      const path = relative(room.directory, elsewhere.place('kv', '3.0.0'));
      const { code, stdout } = await room.plugd('upgrade', 'kv', path, '--dry-run');
      expect(code).toBe(0);
      expect(stdout).toMatch(/^Version 3\.0\.0 of kv was started, proved and stopped again in /);
      const quiet = await room.plugd('upgrade', 'kv', path, '--dry-run', '-q');
      expect(quiet).toEqual({ code: 0, stdout: '', stderr: '' });
    } finally {
      elsewhere.dispose();
    }
  });

  test('that is refused leaves what runs, with exit code 4', async () => {
    const [from] = await versions();
    room.shelf.put('kv', '0.1.0', { kind: 'bad' });
    const table = await room.plugd('upgrade', 'kv', '0.1.0');
    expect(table).toMatchObject({ code: 4, stdout: '' });
    expect(table.stderr).toContain('plugd: [EXITED_BEFORE_HANDSHAKE]');
    const asJson = await room.plugd('upgrade', 'kv', '0.1.0', '--json');
    expect([asJson.code, errorOf(asJson)]).toEqual([4, 'EXITED_BEFORE_HANDSHAKE']);
    expect(await versionOf()).toBe(from);
    room.shelf.remove('kv', '0.1.0');
  });

  test.each([
    ['a plugin that is not there', ['nobody', '1.0.0'], 1],
    ['a version that is not there', ['kv', '9.9.9'], 1],
    ['a path that is not there', ['kv', './nowhere'], 2],
    ['a strategy that is none', ['kv', '1.0.0', '--strategy', 'hope'], 2],
    ['steps without a canary', ['kv', '1.0.0', '--strategy', 'overlap', '--step', '5,100'], 2],
    ['steps that are none', ['kv', '1.0.0', '--step', 'some'], 2],
    ['steps that do not end', ['kv', '1.0.0', '--step', '5,50'], 1],
    ['a dry run that would prove nothing', ['kv', '1.0.0', '--dry-run', '--strategy', 'recreate'], 1],
    ['no target', ['kv'], 2],
    ['a broken contract, where nobody can be asked', ['kv', '1.0.0', '--force'], 2],
  ])('with %s fails with an exit code', async (_what, args, code) => {
    const ran = await room.plugd('upgrade', ...args);
    expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code, stdout: '' });
    expect(ran.stderr).toMatch(/^plugd: /m);
  });

  test('goes on where it is not waited for any longer', async () => {
    const [from, to] = await versions();
    const late = await room.plugd('upgrade', 'kv', to, ...longCanary, '--timeout', '500ms');
    expect(late.code).toBe(5);
    expect(late.stderr).toContain('plugd status kv');
    const id = await comesTo('shift');
    const busy = await room.plugd('restart', 'kv', '--if-busy', 'fail', '--json');
    expect([busy.code, errorOf(busy)]).toEqual([1, 'BUSY']);
    const { code, stdout } = await room.plugd('abort', 'kv', '--reason', 'enough', '--json');
    expect(code).toBe(0);
    expect(json(stdout)).toMatchObject({ id, operation: 'upgrade', fromVersion: from, toVersion: to });
    await comesToRest();
    expect(await versionOf()).toBe(from);
  });
});

async function comesToRest(plugin = 'kv'): Promise<void> {
  const admin = await room.admin();
  await poll(
    async () => (await admin.listPlugins({})).plugins.find(({ name }) => name === plugin)?.operation,
    (seen) => seen === '',
  );
}

test('who does not wait is told where to look', async () => {
  const [from, to] = await versions();
  const begun = await room.plugd('upgrade', 'kv', to, '--no-wait', '--json', ...longCanary);
  expect(begun.code).toBe(0);
  expect(json(begun.stdout)).toMatchObject({ operation: 'upgrade', outcome: 'running', endedAt: null });
  await comesTo('shift');
  const files = await room.plugd('status', 'kv', '--offline');
  expect(files.stdout).toMatch(/by canary; it is under way\.$/m);
  const { code, stdout } = await room.plugd('promote', 'kv');
  expect({ code, stdout }).toEqual({ code: 0, stdout: `The upgrade of kv ${from} → ${to} is promoted.\n` });
  await comesToRest();
  expect(await versionOf()).toBe(to);
});

test('who waits for what another one gives up has exit code 4', async () => {
  const [from, to] = await versions();
  const waiting = room.plugd('upgrade', 'kv', to, ...longCanary, '--json');
  await comesTo('shift');
  const { code, stdout } = await room.plugd('abort', 'kv');
  expect({ code, stdout }).toEqual({ code: 0, stdout: `The upgrade of kv ${from} → ${to} is given up.\n` });
  const ran = await waiting;
  expect([ran.code, errorOf(ran)]).toEqual([4, 'ABORTED']);
});

test.each(['promote', 'abort'])('%s where nothing is under way fails', async (verb) => {
  await comesToRest();
  const ran = await room.plugd(verb, 'kv', '--json');
  expect([ran.code, errorOf(ran)]).toEqual([1, 'OPERATION_NOT_FOUND']);
  expect((await room.plugd(verb, 'kv')).stderr).toContain('[OPERATION_NOT_FOUND]');
});

test('restart lets the same version run in a new process', async () => {
  const [version] = await versions();
  const { code, stdout } = await room.plugd('restart', 'kv', '--wait');
  expect(code).toBe(0);
  expect(stdout).toContain(`Plugin kv runs ${version}: restart by overlap in `);
  const begun = await room.plugd('restart', 'kv', '--no-wait');
  expect(begun.stdout).toContain('goes on: plugd status kv');
  const asJson = await room.plugd('restart', 'kv', '--json');
  expect(asJson.code).toBe(0);
  const { from, to } = json(asJson.stdout);
  expect(from.version).toBe(to.version);
  expect(from.pid).not.toBe(to.pid);
});

test('rollback goes back, tells beforehand what it would do, and forward again', async () => {
  const [from, to] = await versions();
  const plan = await room.plugd('rollback', 'kv', '--plan');
  expect(plan.code).toBe(0);
  expect(plan.stdout).toMatch(new RegExp(`^Version: +${to}$`, 'm'));
  const asJson = await room.plugd('rollback', 'kv', '--plan', '--json');
  expect(json(asJson.stdout)).toMatchObject({ plugin: 'kv', version: to, strategy: 'overlap' });
  const proved = await room.plugd('rollback', 'kv', '--dry-run', '--json');
  expect(json(proved.stdout)).toMatchObject({ operation: 'rollback', outcome: 'verified' });
  expect(await versionOf()).toBe(from);
  const back = await room.plugd('rollback', 'kv');
  expect(back.code).toBe(0);
  expect(back.stdout).toContain(`Plugin kv runs ${to}: rollback by overlap in `);
  const forward = await room.plugd('rollback', 'kv', '--json');
  expect(json(forward.stdout)).toMatchObject({ outcome: 'swapped', to: { version: from } });
});

test('rollback of what was never upgraded fails, and does nothing', async () => {
  room.shelf.put('fresh', '1.0.0');
  await room.runs('fresh', '1.0.0');
  const ran = await room.plugd('rollback', 'fresh', '--json');
  expect({ code: ran.code, error: errorOf(ran) }).toEqual({ code: 1, error: 'NOTHING_TO_ROLL_BACK' });
});

test('a rollback that loses state asks before', async () => {
  for (const version of ['1.0.0', '2.0.0']) {
    putCounter(version);
    await room.runs('counter', version);
  }
  await comesToRest('counter');
  const lossy = ['rollback', 'counter', '--state', 'snapshot'];
  const plan = await room.plugd(...lossy, '--plan', '--json');
  expect(json(plan.stdout)).toMatchObject({
    version: '1.0.0',
    state: { from: 'snapshot' },
    lost: expect.stringContaining('state'),
  });
  const unasked = await room.plugd(...lossy);
  expect(unasked.code).toBe(2);
  expect(unasked.stderr).toMatch(/and lose what has changed of its state.*--yes/);
  const back = await room.plugd(...lossy, '--yes');
  expect(back.code).toBe(0);
  expect(back.stdout).toContain('Plugin counter runs 1.0.0: rollback by handoff in ');
});

function putCounter(version: string): void {
  const hidden = join(room.shelf.directory, `.counter-${version}`);
  mkdirSync(hidden);
  copyFileSync(counter(version === '1.0.0' ? '1' : '2'), join(hidden, 'counter'));
  writeFileSync(
    join(hidden, 'plugin.yaml'),
    `name: counter
version: ${version}
command: counter
handshake: { cookie: [COUNTER_PLUGIN, hello], protocolVersions: [1, 2] }
strategy: handoff
`,
  );
  mkdirSync(join(room.shelf.directory, 'counter'), { recursive: true });
  renameSync(hidden, room.shelf.place('counter', version));
}

test('a plugin is stopped when that was confirmed, and started again', async () => {
  const [from] = await versions();
  const unasked = await room.plugd('stop', 'kv');
  expect(unasked.code).toBe(2);
  expect(unasked.stderr).toContain('--yes');
  expect(await versionOf()).toBe(from);
  expect(await room.plugd('stop', 'kv', '--yes')).toMatchObject({
    code: 0,
    stdout: 'Plugin kv is stopped.\n',
  });
  expect(await versionOf()).toBe('');
  const started = await room.plugd('start', 'kv', '--json');
  expect(started.code).toBe(0);
  expect(json(started.stdout)).toMatchObject({ plugin: 'kv', started: true });
  expect(await versionOf()).toBe('2.0.0');
});

describe('on a terminal', () => {
  test('an operation is painted, in colours unless they are not wanted', async () => {
    const painted = await terminal(['restart', 'kv']).ran;
    expect(painted.code).toBe(0);
    expect(painted.stderr).toMatch(/\u001b\[3\dm█+/);
    expect(painted.stderr).toContain('100 %');
    const plain = await terminal(['restart', 'kv'], { NO_COLOR: '1' }, 20).ran;
    expect(plain.stderr).not.toMatch(/\u001b\[\d+m/);
    const lines = plain.stderr.replaceAll(/\u001b\[\??\d*[A-Za-z]/g, '').split(/[\r\n]+/);
    expect(lines).toContain('100 % done kv');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(20);
    const dumb = await terminal(['restart', 'kv'], { TERM: 'dumb' }).ran;
    expect(dumb.stderr).not.toContain('\u001b');
    expect(dumb.stderr).toContain('start done');
  });

  test('Ctrl-C ends the watching, not the upgrade', async () => {
    const [, to] = await versions();
    const { ran, signals } = terminal(['upgrade', 'kv', to, ...longCanary]);
    await comesTo('shift');
    signals.emit('SIGINT');
    const left = await ran;
    expect(left.code).toBe(130);
    expect(left.stderr).toContain('goes on: plugd status kv');
    await room.plugd('promote', 'kv');
    await comesToRest();
    expect(await versionOf()).toBe(to);
  });

  test.each([
    ['y\n', 0],
    ['n\n', 1],
    ['\n', 1],
  ])('what may break callers asks, and %j is an answer', async (answer, code) => {
    const [from, to] = await versions();
    const { ran, stdin } = terminal(['upgrade', 'kv', to, '--force']);
    stdin.write(answer);
    const { stderr, ...ended } = await ran;
    expect(stderr).toContain('[y/N]');
    expect({ ...ended, version: await versionOf() }).toMatchObject({ code, version: code === 0 ? to : from });
  });
});

/** A command line as it runs on a terminal. */
function terminal(args: readonly string[], env: NodeJS.ProcessEnv = {}, columns = 80) {
  const written = { stdout: '', stderr: '' };
  const signals = new EventEmitter();
  const stdin = Object.assign(new PassThrough(), { isTTY: true });
  const ran = run(args, {
    stdin,
    stdout: { isTTY: true, columns, write: (text) => (written.stdout += text) },
    stderr: { isTTY: true, columns, write: (text) => (written.stderr += text) },
    env: { ...room.env, ...env },
    cwd: () => room.directory,
    on: (signal, listener) => signals.on(signal, listener),
    off: (signal, listener) => signals.off(signal, listener),
  }).then((code): Ran => ({ code, ...written }));
  return { ran, stdin, signals };
}
