import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createHost } from '@plugd/host';
import { LogBook } from '../../host/src/logs/log-book';
import { parseEntry } from '../../host/src/logs/log-entry';
import { readLog } from '../../host/src/logs/read-log';
import { bundleProgram } from '../support/bundle';
import { poll } from '../support/poll';
import { chaosTs } from '../support/samples';
import { all, filesOf } from '../unit/logs/log-room';

/** Every day fewer. */
const kills = process.env['PLUGD_FULL'] === '1' ? 4 : 2;

let program: { readonly directory: string; readonly file: string };
let root: string;
const children: ChildProcess[] = [];

beforeAll(() => {
  program = bundleProgram(join(__dirname, 'log-program.ts'));
});
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'log-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'close');
    }
  }
  rmSync(root, { recursive: true, force: true });
});
afterAll(() => rmSync(program.directory, { recursive: true, force: true }));

/** A process that keeps a log, once it is ready. @param shell what comes before the program */
async function keeper(
  mode: string,
  { directory = join(root, 'logs'), maxBytes = 65_536, command = '', shell = '' } = {},
): Promise<{ child: ChildProcess; stderr: () => string; tell: (...words: string[]) => Promise<State> }> {
  const child = spawn(
    '/bin/sh',
    [
      '-c',
      `${shell} exec "$0" "$@"`,
      process.execPath,
      program.file,
      mode,
      directory,
      String(maxBytes),
      command,
    ],
    { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, TMPDIR: root } },
  );
  children.push(child);
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const { stdout } = child;
  if (stdout === null) throw new Error('it has no stdout');
  const lines = createInterface(stdout)[Symbol.asyncIterator]();
  const line = async (): Promise<string> => {
    const { value = '' } = await lines.next();
    return value;
  };
  if ((await line()) !== 'ready') throw new Error(`it did not begin: ${stderr}`);
  const tell = async (...words: string[]): Promise<State> => {
    child.stdin?.write(`${words.join('\t')}\n`);
    return JSON.parse(await line());
  };
  return { child, stderr: () => stderr, tell };
}

interface State {
  readonly written: number;
  readonly dropped: number;
  readonly problem: string | null;
}

test('a log that is killed again and again while it is written loses none of its records, and mixes no lines', async () => {
  const directory = join(root, 'logs');
  let torn = 0;
  for (let kill = 0; kill < kills; kill++) {
    const { child } = await keeper('write', { directory });
    // Some files later.
    const before = filesOf(directory).length;
    await poll(
      () => filesOf(directory).length,
      (count) => count > before + kill,
    );
    child.kill('SIGKILL');
    await once(child, 'close');
  }
  const book = await LogBook.open({ directory, maxBytes: 65_536, maxFiles: 100 });
  const read = await all(book.read());
  await book.close();
  for (const [i, { entry, dropped }] of read.entries()) {
    const before = read[i - 1]?.entry;
    if (before === undefined) continue;
    torn += dropped;
    expect(entry.sequence).toBe(before.sequence + dropped + 1);
    const number = Number(/^n(\d+)$/.exec(entry.message)?.[1] ?? Number.NaN);
    if (Number.isNaN(number)) expect(entry.message).toMatch(/cut off/);
    else if (number > 0) expect(entry.fields['pad']).toHaveLength(number % 700);
  }
  // At most what was being written at each kill.
  expect(torn).toBeLessThanOrEqual(kills);
  const lines = filesOf(directory).flatMap(({ text }) => text.split('\n').filter((line) => line !== ''));
  expect(lines.filter((line) => parseEntry(line) === undefined).length).toBe(torn);
});

test('the last words of a crashed plugin are on disk when its host is killed as soon as it has heard of the crash', async () => {
  const directory = join(root, 'logs');
  const { child, stderr } = await keeper('crash', { directory, command: chaosTs() });
  const [code, signal] = await once(child, 'close');
  expect({ code, signal, stderr: stderr() }).toEqual({ code: null, signal: 'SIGKILL', stderr: '' });
  const told = await all(readLog(directory, { plugin: 'kv', level: 'warn' }));
  const lost = told.find(({ entry }) => entry.message.startsWith('an instance was lost'));
  expect(lost?.entry).toMatchObject({
    version: '3.2.1',
    generation: 1,
    instance: 'kv-1-1',
    fields: { reason: 'crash', code: 'PLUGIN_EXITED', cause: expect.stringMatching(/exit status 2/) },
  });
});

test('what a plugin said that could not be started is kept, also where its lines are below the level', async () => {
  const book = await LogBook.open({ directory: join(root, 'logs') });
  const host = await createHost({ runDir: root, logger: book.logger });
  try {
    host.on('event', book.observe);
    const options = {
      ...{ name: 'kv', version: '3.2.1', command: chaosTs() },
      handshake: { cookie: ['KV_PLUGIN', 'hello'] as const, protocolVersions: [1, 2] },
      env: { CHAOS: 'stderr:no license found;exit:3' },
    };
    await expect(host.load(options)).rejects.toMatchObject({ code: 'EXITED_BEFORE_HANDSHAKE' });
    const read = await all(book.read({ plugin: 'kv' }));
    expect(read.map(({ entry }) => entry.message)).not.toContain('no license found');
    expect(read.find(({ entry }) => entry.message === 'a start failed')?.entry).toMatchObject({
      version: '3.2.1',
      instance: 'kv-1-1',
      fields: { code: 'EXITED_BEFORE_HANDSHAKE', stderr: ['no license found'] },
    });
  } finally {
    await host.close();
    await book.close();
  }
});

/** A file system of that size; undefined where none can be mounted. */
function smallDisk(kib: number): string | undefined {
  const path = join(root, 'disk');
  mkdirSync(path);
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${kib}k`, 'tmpfs', path]);
  return status === 0 ? path : undefined;
}

test('on a full disk the log’s owner goes on, says so once, and logs again when there is room', async () => {
  const disk = smallDisk(128);
  if (disk === undefined) return;
  try {
    const directory = join(disk, 'logs');
    const { child, stderr, tell } = await keeper('obey', { directory, maxBytes: 32_768 });
    let state = await tell('info', 'before', '10');
    expect(state).toMatchObject({ problem: null, written: 10 });
    state = await tell('info', 'filling', '500');
    expect(state.problem).toBe('DISK_FULL');
    // More than may wait; and what is urgent has a place.
    state = await tell('info', 'flood', '20000');
    expect(state.dropped).toBeGreaterThan(5_000);
    state = await tell('error', 'urgent', '3');
    const { dropped } = state;
    expect(stderr().match(/DISK_FULL/g)).toHaveLength(1);
    expect(spawnSync('mount', ['-o', 'remount,size=16m', disk]).status).toBe(0);
    await poll(
      () => tell('none'),
      ({ problem }) => problem === null,
    );
    child.stdin?.end();
    await once(child, 'close');
    const said = await all(readLog(directory, { level: 'error' }));
    expect(said.map(({ entry }) => entry.message)).toEqual([
      'urgent0',
      'urgent1',
      'urgent2',
      'log records were lost',
    ]);
    expect(said.at(-1)?.entry.fields).toEqual({ records: dropped });
    expect(said.reduce((sum, one) => sum + one.dropped, 0)).toBe(dropped);
    expect(stderr()).toMatch(/can be written again/);
  } finally {
    for (const child of children.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'close');
    }
    spawnSync('umount', [disk]);
  }
});

test('a limit on the size of files is as a full disk: nothing is mixed, and all that waits is written in the end', async () => {
  const directory = join(root, 'logs');
  const { child, stderr, tell } = await keeper('obey', {
    directory,
    maxBytes: 10_000_000,
    shell: 'ulimit -f 128;',
  });
  const first = await tell('info', 'filling', '500');
  expect(first).toMatchObject({ problem: 'DISK_FULL', dropped: 0 });
  await tell('error', 'urgent', '3');
  expect(stderr().match(/DISK_FULL/g)).toHaveLength(1);
  const [{ name, text } = { name: '', text: '' }] = filesOf(directory);
  // All but the last line, of which there was room for a part.
  const lines = text.split('\n');
  expect(lines.slice(0, -1).every((line) => parseEntry(line) !== undefined)).toBe(true);
  expect(lines.length).toBeLessThan(500);
  // Somebody makes room again and again: all that waited is written in the end.
  const found: string[] = [];
  await poll(
    async () => {
      found.push(...readFileSync(join(directory, name), 'utf8').split('\n'));
      truncateSync(join(directory, name));
      return tell('none');
    },
    ({ problem }) => problem === null,
    30_000,
  );
  child.stdin?.end();
  await once(child, 'close');
  found.push(...readFileSync(join(directory, name), 'utf8').split('\n'));
  const said = found.flatMap((line) => parseEntry(line) ?? []);
  expect(said.filter(({ level }) => level === 'error').map(({ message }) => message)).toEqual([
    'urgent0',
    'urgent1',
    'urgent2',
  ]);
  // Of each time one line stands in two files: its begin in what was taken away.
  expect(said.length).toBeGreaterThan(495);
  expect(stderr()).toMatch(/can be written again/);
});
