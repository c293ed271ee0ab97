import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Plugin } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { GoHost } from '../support/go-host';
import { failureOf, HostRoom } from '../support/host-room';
import { describeWithGo } from '../support/needs-go';
import { type BuiltFile, OneFileProject } from '../support/one-file-project';
import { disposePlugins, startPluginProcess } from '../support/plugin-process';
import { poll } from '../support/poll';

// A plugin that `plugd-sdk build` made, under hosts that know nothing but its one file.

const limits = { timeoutMs: 20_000 };
/** Its number on Linux and macOS differs from that of every real user. */
const NOBODY = 65_534;

/** Only root can start processes as others; who they run as is read from /proc. */
const asRootOnLinux = process.platform === 'linux' && process.getuid?.() === 0 ? test : test.skip;

let project: OneFileProject;
let built: BuiltFile;
/** With the path of Node in its first line. */
let pinned: BuiltFile;
let room: HostRoom;

beforeAll(async () => {
  project = new OneFileProject();
  [built] = await project.build();
  [pinned] = await project.build('--out', 'dist/pinned', '--node', process.execPath, '--minify');
}, 60_000);

afterAll(() => project.dispose());

beforeEach(async () => {
  room = await HostRoom.open();
});

afterEach(async () => {
  await disposePlugins();
  await room.close();
});

async function answerOf(plugin: Plugin): Promise<string> {
  const { value } = await plugin.client(KvDefinition).get({ key: 'you' }, limits);
  return Buffer.from(value).toString();
}

/** The stack that the plugin logs when a call fails without a status of its own. */
async function loggedStack(plugin: Plugin): Promise<string> {
  await failureOfCall(plugin);
  const stacks = () => room.log.records.map(({ fields }) => String(fields['stack'] ?? ''));
  const found = await poll(stacks, (all) => all.some((stack) => stack.includes('no such thing')));
  return found.find((stack) => stack.includes('no such thing')) ?? '';
}

async function failureOfCall(plugin: Plugin): Promise<void> {
  await expect(plugin.client(KvDefinition).get({ key: 'fail' }, limits)).rejects.toMatchObject({ code: 2 });
}

test('a host that checks the file by the printed sum runs it, in a package of ES modules too', async () => {
  const plugin = await room.load(built.path, { sha256: built.sha256 });
  expect(await answerOf(plugin)).toBe('hello you');
  const { servedBy } = await plugin.client(KvDefinition).put({ key: 'a' }, limits);
  expect(servedBy).toBe(pathToFileURL(built.path).href);
});

test('what a module prints at its import comes to the host, and not in place of the handshake', async () => {
  await room.load(built.path);
  expect(
    await poll(
      () => room.log.printed('stdout'),
      (lines) => lines.length > 0,
    ),
  ).toEqual(['a banner']);
});

test('one that names its Node runs without any environment', async () => {
  const plugin = await room.load(pinned.path, { sha256: pinned.sha256, inheritEnv: false });
  expect(await answerOf(plugin)).toBe('hello you');
});

test('one that does not is refused, with the reason, where PATH has no Node', async () => {
  const failure = await failureOf(room.load(built.path, { inheritEnv: false, env: { PATH: project.path } }));
  expect(failure.code).toBe('COMMAND_UNRUNNABLE');
  expect(failure.message).toContain('node');
});

asRootOnLinux('copied elsewhere alone, and read-only, it runs as another user', async () => {
  const elsewhere = mkdtempSync(join(tmpdir(), 'elsewhere-'));
  try {
    // The directory above belongs to the one who made it, and is closed to others.
    const open = join(elsewhere, 'bin');
    mkdirSync(open);
    chmodSync(elsewhere, 0o755);
    const copy = join(open, basename(pinned.path));
    copyFileSync(pinned.path, copy);
    chmodSync(copy, 0o555);
    const plugin = startPluginProcess(copy, { user: NOBODY });
    expect(await plugin.handshake()).toMatchObject({ protocol: 'grpc', network: 'unix' });
    const status = readFileSync(`/proc/${plugin.pid}/status`, 'utf8');
    expect(status).toMatch(new RegExp(`^Uid:\\s${NOBODY}\\s${NOBODY}\\s`, 'm'));
  } finally {
    await disposePlugins();
    rmSync(elsewhere, { recursive: true });
  }
});

test.each([
  ['as it is', () => built],
  ['minified', () => pinned],
])('a logged stack names the place in the source, %s', async (_how, file) => {
  const stack = await loggedStack(await room.load(file().path));
  const [title, thrower, caller] = stack.split('\n');
  expect(title).toBe('Error: no such thing: fail');
  expect(thrower).toContain(`fail (${project.placeOf('src/failing.ts', 'new Error')})`);
  expect(caller).toContain(`(${project.placeOf('src/main.ts', 'fail({ key });\n        return')})`);
  // The SDK's own part of the bundle is told by its sources too.
  expect(stack).toContain('@plugd/protocol/src/rpc/');
  expect(stack).not.toContain(file().path);
});

test('so does the stack of an error before the plugin is served', async () => {
  const plugin = startPluginProcess(built.path, { env: { FAIL_AT_IMPORT: '1' } });
  expect(await plugin.exit()).toMatchObject({ code: 1 });
  expect(plugin.stderr).toContain(`fail (${project.placeOf('src/failing.ts', 'new Error')})`);
});

test('when another file has taken its place meanwhile, no stack names lines of that one', async () => {
  const path = project.at('dist/replaced');
  await project.build('--out', path);
  const plugin = await room.load(path);
  writeFileSync(project.at('src/failing.ts'), `\n\n\n${readFileSync(project.at('src/failing.ts'), 'utf8')}`);
  await project.build('--out', path);
  const stack = await loggedStack(plugin);
  expect(stack).not.toContain('src/failing.ts');
  expect(stack).toContain(`${path}:`);
});

describeWithGo('under a Go host', () => {
  test('that checks the sum and drops the environment, it runs', async () => {
    const host = new GoHost();
    try {
      await host.request('start', {
        command: [pinned.path],
        sha256: pinned.sha256,
        bareEnv: true,
        autoMtls: true,
        versions: [1],
      });
      expect(await host.request('get', { key: 'you' })).toMatchObject({
        value: 'hello you',
        servedBy: '1.0.0',
      });
    } finally {
      await host.close();
    }
  });

  test('that knows another sum, it is not started', async () => {
    const host = new GoHost();
    try {
      const start = host.request('start', { command: [pinned.path], sha256: built.sha256, versions: [1] });
      await expect(start).rejects.toThrow(/checksum/);
    } finally {
      await host.close();
    }
  });
});
