import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DaemonRoom } from '../support/daemon';

// One daemon for all: calls change nothing that another test looks at.
let room: DaemonRoom;
beforeAll(async () => {
  room = new DaemonRoom();
  room.shelf.put('kv', '1.0.0', { manifest: 'services: [samples.kv.v1.Kv, samples.probe.v1.Probe]\n' });
  room.shelf.put('private', '1.0.0');
  room.shelf.put('second', '1.2.0', { manifest: 'services: [samples.kv.v1.Kv]\n' });
  await room.start();
  await room.runs('kv', '1.0.0');
  await room.runs('private', '1.0.0');
  await room.runs('second', '1.2.0');
});
afterAll(() => room.close());

const base64 = (text: string) => Buffer.from(text).toString('base64');
const documents = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

test('a call with one request and one answer', async () => {
  const put = await room.plugd(
    'call',
    'kv',
    'samples.kv.v1.Kv/Put',
    '-d',
    `{"key": "a", "value": "${base64('one')}"}`,
  );
  expect(put).toMatchObject({ code: 0, stderr: '' });
  const got = await room.plugd('call', 'kv', 'Kv/Get', '-d', '{"key": "a"}');
  expect(got.code).toBe(0);
  expect(JSON.parse(got.stdout)).toMatchObject({
    found: true,
    value: base64('one'),
    servedBy: expect.any(String),
  });
});

test('of two plugins with one service the one that is named answers', async () => {
  for (const [plugin, servedBy] of [
    ['kv', '1.0.0'],
    ['second', '1.2.0'],
  ] as const) {
    const { stdout } = await room.plugd('call', plugin, 'Kv/Get');
    expect(JSON.parse(stdout)).toMatchObject({ servedBy });
  }
});

test('without a request an empty one is sent, and defaults are shown', async () => {
  const { code, stdout } = await room.plugd('call', 'kv', 'Kv/Get', '-o', 'json');
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ found: false, value: '' });
});

test('answers that stream stand in a line each', async () => {
  const { code, stdout } = await room.plugd('call', 'kv', 'Watch', '-d', '{"key": "w", "count": 3}');
  expect(code).toBe(0);
  expect(documents(stdout)).toHaveLength(3);
});

test('requests that stream come from a file, one after the other', async () => {
  const file = join(room.directory, 'requests.json');
  writeFileSync(file, `{"key": "l1", "value": "${base64('x')}"}\n{"key": "l2"}\n`);
  const { code, stdout } = await room.plugd('call', 'kv', 'Load', '-d', `@${file}`);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ stored: 2 });
});

test('both directions, from what is typed in: each answer comes before the next request is there', async () => {
  const bin = join(__dirname, '../../host/bin/plugd.js');
  const child = spawn(process.execPath, [bin, 'call', 'kv', 'Chat', '-d', '-'], {
    env: room.env,
    cwd: room.directory,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const answers = linesOf(child.stdout);
  for (const text of ['first', 'second']) {
    child.stdin.write(`{"text": "${text}"}\n`);
    expect(JSON.parse((await answers.next()).value ?? '')).toMatchObject({
      text: expect.stringContaining(text),
    });
  }
  child.stdin.end();
  expect((await answers.next()).done).toBe(true);
  expect(await new Promise((done) => child.once('close', done))).toBe(0);
});

test('metadata goes along, and that of the answer is shown where it is asked for', async () => {
  const { code, stderr } = await room.plugd(
    'call',
    'kv',
    'Kv/Get',
    '-v',
    '-H',
    'x-who: me',
    '-H',
    'x-raw-bin: AAE=',
  );
  expect(code).toBe(0);
  expect(stderr).toMatch(/^header /m);
  const bad = await room.plugd('call', 'kv', 'Kv/Get', '-H', 'no colon');
  expect(bad.code).toBe(2);
});

test('the answer as YAML', async () => {
  const { code, stdout } = await room.plugd('call', 'kv', 'Kv/Get', '-o', 'yaml');
  expect(code).toBe(0);
  expect(stdout).toContain('found: false\n');
});

test.each([
  ['a method that is not there', ['kv', 'samples.kv.v1.Kv/Gett'], 1, 'METHOD_NOT_FOUND'],
  ['a private service', ['private', 'samples.kv.v1.Kv/Get'], 1, 'SERVICE_PRIVATE'],
  ['a plugin that is not there', ['nobody', 'Get'], 1, 'PLUGIN_NOT_FOUND'],
  ['JSON that is none', ['kv', 'Kv/Get', '-d', '{"key": }'], 1, 'REQUEST_INVALID'],
  ['a field that is not there', ['kv', 'Kv/Get', '-d', '{"kee": "a"}'], 1, 'REQUEST_INVALID'],
  ['two requests where one is taken', ['kv', 'Kv/Get', '-d', '{} {}'], 1, 'REQUEST_INVALID'],
  [
    'a deadline that passes',
    ['kv', 'Sleep', '-d', '{"durationMs": 60000}', '--timeout', '200ms'],
    5,
    'TIMEOUT',
  ],
])('%s is told with a code, and ends with an exit code', async (_what, args, code, word) => {
  const ran = await room.plugd('call', ...args, '--json');
  expect({ code: ran.code, error: JSON.parse(ran.stderr).error.code }).toEqual({ code, error: word });
});

test('a status other than OK is the failure of the call, with its details', async () => {
  const { code, stderr } = await room.plugd(
    'call',
    'kv',
    'Fail',
    '-d',
    '{"code": 9, "message": "no\\u001b[2J"}',
    '--json',
  );
  expect(code).toBe(1);
  expect(JSON.parse(stderr).error).toMatchObject({
    code: 'CALL_FAILED',
    facts: { status: 'FAILED_PRECONDITION', details: 'no\u001b[2J' },
  });
  const shown = await room.plugd('call', 'kv', 'Fail', '-d', '{"code": 9, "message": "no\\u001b[2J"}');
  expect(shown.stderr).toContain('FAILED_PRECONDITION');
  expect(shown.stderr).not.toContain('\u001b');
});

test('a daemon without a front door says that it has none', async () => {
  const closed = new DaemonRoom('frontDoor: false\n');
  try {
    closed.shelf.put('kv', '1.0.0', { manifest: 'services: [samples.kv.v1.Kv]\n' });
    await closed.start();
    await closed.runs('kv', '1.0.0');
    const { code, stderr } = await closed.plugd('call', 'kv', 'Kv/Get', '--json');
    expect({ code, error: JSON.parse(stderr).error.code }).toEqual({ code: 1, error: 'FRONT_DOOR_CLOSED' });
  } finally {
    await closed.close();
  }
});

async function* linesOf(stream: NodeJS.ReadableStream): AsyncGenerator<string, undefined> {
  let left = '';
  for await (const chunk of stream) {
    left += String(chunk);
    for (let end = left.indexOf('\n'); end >= 0; end = left.indexOf('\n')) {
      yield left.slice(0, end);
      left = left.slice(end + 1);
    }
  }
  return undefined;
}
