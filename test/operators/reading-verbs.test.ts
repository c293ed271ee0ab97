import { spawn } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { DaemonRoom, type Ran } from '../support/daemon';
import { poll } from '../support/poll';

// One daemon for all: kv at 1.1.0 with a higher version that does not start, and another plugin that is private.
let room: DaemonRoom;
const bin = () => join(room.directory, 'bin');

beforeAll(async () => {
  room = new DaemonRoom();
  // As it is called where it is installed.
  mkdirSync(bin());
  symlinkSync(resolve(__dirname, '../../host/bin/plugd.js'), join(bin(), 'plugd'));
  const manifest = 'services: [samples.kv.v1.Kv, samples.probe.v1.Probe]\n';
  room.shelf.put('kv', '1.0.0', { manifest });
  room.shelf.put('kv', '1.1.0', { manifest });
  room.shelf.put('other', '1.0.0');
  await room.start();
  await room.runs('kv', '1.1.0');
  await room.runs('other', '1.0.0');
  room.shelf.put('kv', '1.2.0', { kind: 'bad' });
  await poll(
    () => room.plugd('list', '-o', 'json'),
    ({ stdout }) => JSON.parse(stdout).some(({ problem }: { problem: unknown }) => problem !== null),
  );
});
afterAll(() => room.close());

/** The forms of one verb; each ends well. */
async function forms(...args: string[]) {
  const [table, json, yaml] = [
    await room.plugd(...args),
    await room.plugd(...args, '-o', 'json'),
    await room.plugd(...args, '--output=yaml'),
  ];
  for (const { code, stderr } of [table, json, yaml])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return { table: table.stdout, json: JSON.parse(json.stdout), yaml: parse(yaml.stdout) };
}

/** Runs a line in a real bash that finds the command. */
function bash(line: string, onStart: (pid: number) => void = () => {}): Promise<Ran> {
  const child = spawn('bash', ['--norc', '-c', line], {
    env: { ...room.env, PATH: `${bin()}:${room.env['PATH']}` },
    cwd: room.directory,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  if (child.pid !== undefined) onStart(child.pid);
  return new Promise((done) => child.once('close', (code) => done({ code: code ?? -1, stdout, stderr })));
}

test('list shows what runs, what is on disk, and what is wrong', async () => {
  const { table, json, yaml } = await forms('list');
  const [head = '', kv = '', other = ''] = table.split('\n');
  expect(head.split(/ {2,}/)).toEqual([
    'NAME',
    'STATE',
    'RUNNING',
    'ON DISK',
    'PINNED',
    'INSTANCES',
    'IN FLIGHT',
    'RESTARTS',
    'AGE',
    'NOTE',
  ]);
  expect(kv).toMatch(/^kv +serving +1\.1\.0 +1\.2\.0 +- +1 +0 +0 +\d+s +.*exit code 3/);
  expect(other).toMatch(/^other +serving +1\.0\.0 +1\.0\.0 +- /);
  expect(json).toMatchObject([
    { name: 'kv', state: 'serving', runningVersion: '1.1.0', diskVersion: '1.2.0', pinnedVersion: null },
    { name: 'other', problem: null, source: 'directory', instances: 1 },
  ]);
  expect(yaml).toEqual(json);
  expect(await room.plugd('list', '-o', 'name')).toEqual({ code: 0, stdout: 'kv\nother\n', stderr: '' });
  expect((await room.plugd('list', 'o*', '-o', 'name')).stdout).toBe('other\n');
});

test('status shows the daemon, and which plugins need a look', async () => {
  const { table, json, yaml } = await forms('status');
  expect(table).toContain(`Socket:           ${room.socket}\n`);
  expect(table).toContain('Plugins: 2 (2 serving)\n');
  expect(table).toMatch(/^kv +serving/m);
  expect(table).not.toMatch(/^other/m);
  expect(json).toMatchObject({
    daemon: { pid: room.pid, socket: room.socket, configFile: room.configFile, configProblem: null },
    plugins: { total: 2, byState: { serving: 2 } },
    striking: [{ name: 'kv' }],
  });
  expect(yaml.daemon).toEqual(json.daemon);
  expect((await room.plugd('status', '-o', 'name')).stdout).toBe(`${room.socket}\n`);
});

test('status of a plugin shows its instances, what has been done to it, and what could not be', async () => {
  const { table, json } = await forms('status', 'kv');
  expect(table).toMatch(/^Version: +1\.1\.0$/m);
  expect(table).toMatch(/^kv-\d+-\d+ +serving +1\.1\.0 +\d+ /m);
  expect(table).toMatch(/^1\.2\.0 +failed /m);
  expect(table).toMatch(/^upgrade +1\.1\.0 +1\.2\.0 +failed .*EXITED_BEFORE_HANDSHAKE/m);
  expect(json).toMatchObject({
    name: 'kv',
    snapshot: { instances: [{ state: 'serving', version: '1.1.0' }] },
  });
  expect((await room.plugd('status', 'kv', '-o', 'name')).stdout).toBe('kv\n');
});

test('describe shows all: versions on disk, methods and how they are reached, operations, options', async () => {
  const { table, json, yaml } = await forms('describe', 'kv');
  expect(table).toMatch(/^1\.0\.0 +available +[0-9a-f]{12} /m);
  expect(table).toMatch(/^samples\.kv\.v1\.Kv\/Get +unary +by the front door +yes, changes nothing$/m);
  expect(table).toMatch(/^samples\.feed\.v1\.Feed\/Follow +server stream +inside only /m);
  expect(table).toContain('\nOptions:\n  name: kv\n');
  expect(json.versions.map(({ version }: { version: string }) => version).sort()).toEqual([
    '1.0.0',
    '1.1.0',
    '1.2.0',
  ]);
  expect(json).toMatchObject({ operations: [{ outcome: 'failed', code: 'EXITED_BEFORE_HANDSHAKE' }] });
  expect(json.options).toMatchObject({ name: 'kv', version: '1.1.0' });
  expect(Object.keys(yaml)).toEqual(Object.keys(json));
});

test('a plugin that there is not is an error with its code, in each verb', async () => {
  for (const args of [['status'], ['describe'], ['unpin'], ['pin', '1.0.0'], ['abort'], ['promote']]) {
    const [verb = '', ...rest] = args;
    const ran = await room.plugd(verb, 'nobody', ...rest, '-o', 'json');
    expect({ verb, code: ran.code, stdout: ran.stdout }).toEqual({ verb, code: 1, stdout: '' });
    expect(JSON.parse(ran.stderr)).toMatchObject({
      error: { code: 'PLUGIN_NOT_FOUND', message: expect.stringContaining('nobody') },
    });
  }
});

describe('logs', () => {
  beforeAll(async () => {
    for (const [level, message] of [
      ['info', 'one'],
      ['warn', 'two \u001b[31m\nred'],
      ['error', 'three'],
    ]) {
      const record = JSON.stringify({ level, message: `marked ${message}`, fields: { path: 'a b' } });
      const ran = await room.plugd('call', 'kv', 'samples.probe.v1.Probe/Log', '-d', record);
      expect(ran).toMatchObject({ code: 0 });
    }
    await poll(
      () => room.plugd('logs', '--grep', 'marked', '-o', 'json'),
      ({ stdout }) => stdout.split('\n').length === 4,
    );
  });

  test('are a line each, in which nothing drives a terminal', async () => {
    const { code, stdout, stderr } = await room.plugd('logs', 'kv', '--grep', 'marked');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[1]).toMatch(
      /^\d{4}-\d\d-\d\dT[\d:.]+Z {2}WARN {3}kv@1\.1\.0 kv-\d+-\d+ {2}marked two \\x1b\[31m\\nred .*path="a b"/,
    );
  });

  test('are chosen by level, plugin, number and time', async () => {
    const messages = async (...args: string[]) => {
      const { code, stdout } = await room.plugd('logs', ...args, '-o', 'json');
      expect(code).toBe(0);
      return stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line).message.replace(/\u001b.*$/s, '…'));
    };
    expect(await messages('--grep', '^marked')).toEqual(['marked one', 'marked two …', 'marked three']);
    expect(await messages('--grep', 'marked', '--level', 'warn')).toEqual(['marked two …', 'marked three']);
    expect(await messages('kv', '--grep', 'marked', '--tail', '1')).toEqual(['marked three']);
    expect(await messages('other', '--grep', 'marked')).toEqual([]);
    expect(await messages('--since', '2100-01-01')).toEqual([]);
    expect(await messages('--since', '1h', '--grep', 'marked')).toHaveLength(3);
  });

  test('as YAML are documents of their own', async () => {
    const { stdout } = await room.plugd('logs', '--grep', 'marked', '-o', 'yaml');
    const documents = parseAllDocuments(stdout).map((one) => one.toJS());
    expect(documents).toHaveLength(3);
    expect(documents[1]).toMatchObject({
      level: 'warn',
      message: 'marked two \u001b[31m\nred',
      plugin: 'kv',
    });
  });
});

test('events tell what has happened, with its cause', async () => {
  const { code, stdout, stderr } = await room.plugd('events', 'kv');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(
    /^\S+Z {2}kv {2}upgrade 1\.1\.0 → 1\.2\.0: start failed, .*EXITED_BEFORE_HANDSHAKE/m,
  );
  const json = await room.plugd('events', '-o', 'json');
  const events = json.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index + 1));
  const yaml = await room.plugd('events', '-o', 'yaml', '--since', '1h');
  expect(parseAllDocuments(yaml.stdout)).toHaveLength(events.length);
  const none = { code: 0, stdout: '', stderr: '' };
  expect(await room.plugd('events', 'kv', '--since', '2100-01-01')).toEqual({
    ...none,
    stderr: 'There are no such events.\n',
  });
  for (const verb of ['events', 'logs']) {
    const unknown = await room.plugd(verb, 'nobody');
    expect([unknown.code, unknown.stdout]).toEqual([1, '']);
    expect(unknown.stderr).toContain('[PLUGIN_NOT_FOUND]');
  }
  expect(await room.plugd('events', '--since', '2100-01-01', '-o', 'json')).toEqual(none);
});

test('a version is pinned, which diff, list and completion know, and unpinned again', async () => {
  expect(await room.plugd('pin', 'kv', '1.0.0')).toEqual({
    code: 0,
    stdout: 'kv is pinned at 1.0.0.\n',
    stderr: '',
  });
  await room.runs('kv', '1.0.0');
  expect((await room.plugd('list', 'kv')).stdout).toMatch(/^kv +serving +1\.0\.0 +1\.2\.0 +1\.0\.0 /m);
  const slip = await room.plugd('pin', 'kv', '9.9.9', '-o', 'json');
  expect(slip).toMatchObject({ code: 1, stdout: '' });
  expect(JSON.parse(slip.stderr)).toMatchObject({ error: { code: 'VERSION_NOT_FOUND' } });
  expect(JSON.parse((await room.plugd('unpin', 'kv', '-o', 'json')).stdout)).toEqual({
    plugin: 'kv',
    pinnedVersion: null,
  });
  await room.runs('kv', '1.1.0');
  expect(await room.plugd('unpin', 'kv', '-q')).toEqual({ code: 0, stdout: '', stderr: '' });
});

test('diff shows what can not be done, and that there is nothing where all is as it is wanted', async () => {
  // What was done before has come to its end.
  await poll(
    () => room.plugd('list', '-o', 'json'),
    ({ stdout }) => JSON.parse(stdout).every(({ operation }: { operation: unknown }) => !operation),
  );
  const { table, json, yaml } = await forms('diff');
  expect(table).toMatch(/^ACTION +PLUGIN +FROM +TO +REASON\nfailed +kv +1\.1\.0 +1\.2\.0 .*exit code 3/);
  expect(json).toMatchObject([{ action: 'failed', plugin: 'kv', from: '1.1.0', to: '1.2.0' }]);
  expect(yaml).toEqual(json);
  expect(await room.plugd('diff', '--exit-code')).toMatchObject({ code: 1 });
  expect(await room.plugd('diff', '-o', 'name')).toMatchObject({ code: 0, stdout: 'kv\n' });
  room.shelf.remove('kv', '1.2.0');
  await poll(
    () => room.plugd('diff', '--exit-code'),
    ({ code }) => code === 0,
  );
  expect(await room.plugd('diff')).toEqual({ code: 0, stdout: '', stderr: 'What runs is what is wanted.\n' });
});

test('version tells of the daemon too, and does without one', async () => {
  const { table, json } = await forms('version');
  expect(table).toMatch(/^plugd: +(\S+)\ndaemon: +\1\n$/);
  expect(json.daemonVersion).toBe(json.version);
  const alone = await room.plugd('version', '-o', 'json', '--socket', join(room.directory, 'none'));
  expect(alone).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(alone.stdout)).toEqual({ version: json.version, daemonVersion: null });
});

describe('in a real bash', () => {
  test('verbs, options, names and versions are completed, by the daemon whose socket was typed', async () => {
    const ask = (...words: string[]) => `COMP_WORDS=(plugd ${words.map((word) => `'${word}'`).join(' ')})
COMP_CWORD=${words.length}; _plugd plugd; echo "\${COMPREPLY[*]}"`;
    const { code, stdout, stderr } = await bash(`source <(plugd completion bash); complete -p plugd
${ask('describe', '')}
${ask('pin', 'other', '1.')}
${ask('list', '--output', '=', 'y')}
${ask('--socket', '/none', 'describe', '')}`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    // The last one knows no names: an empty line.
    expect(stdout.endsWith('\n\n')).toBe(true);
    const [registered, ...answers] = stdout.trimEnd().split('\n');
    expect(registered).toBe('complete -F _plugd plugd');
    expect(answers.map((line) => line.split(' ').sort().join(' '))).toEqual(['kv other', '1.0.0', 'yaml']);
  });

  test('a reader that has had enough is no failure', async () => {
    let over = false;
    const ran = bash(`plugd events -f | head -n 1; echo "\${PIPESTATUS[0]}"`).finally(() => {
      over = true;
    });
    // What was there may have been written before the reader left: more comes until it is noticed.
    while (!over) await room.plugd('restart', 'other', '-q');
    const { stdout, stderr } = await ran;
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('0');
    expect(stderr).toBe('');
  });

  test('a failure that nobody reads has its exit code, and a full disk is one', async () => {
    const { stdout, stderr } = await bash(
      `plugd upgrade kv 9.9.9 2>&1 | true; echo "\${PIPESTATUS[0]}"; plugd list >/dev/full; echo $?`,
    );
    expect({ stdout, stderr }).toEqual({
      stdout: '1\n1\n',
      stderr: 'plugd: stdout can not be written: ENOSPC\n',
    });
  });

  test('a daemon goes on when nobody reads what it writes any more', async () => {
    const { stdout, stderr } = await bash(`mkdir -m 700 second second/plugins; cd second
export XDG_RUNTIME_DIR=$PWD XDG_STATE_HOME=$PWD PLUGD_CONFIG=
plugd start 2>&1 | true &
for _ in {1..50}; do plugd version --json | grep -q 'daemonVersion": "' && break; done
plugd status -o name && plugd stop --yes -q; echo $?`);
    expect({ stdout, stderr }).toEqual({
      stdout: `${join(room.directory, 'second', 'plugd.sock')}\n0\n`,
      stderr: '',
    });
  });

  test('Ctrl-C ends what follows with 130, and not a word', async () => {
    let pid = 0;
    let heard = '';
    const child = spawn(join(bin(), 'plugd'), ['logs', '-f', '--tail', '1'], {
      env: { ...room.env, PATH: process.env['PATH'] },
      cwd: room.directory,
    });
    pid = child.pid ?? 0;
    child.stdout.on('data', () => process.kill(pid, 'SIGINT'));
    child.stderr.on('data', (text) => (heard += text));
    expect(await new Promise((done) => child.once('close', (code) => done(code)))).toBe(130);
    expect(heard).toBe('');
  });
});
