import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, relative } from 'node:path';
import { ProbeDefinition } from '@plugd/protocol/gen/samples/probe/v1/probe';
import { failureOf, HostRoom, servingPid } from '../support/host-room';
import { describeWithGo } from '../support/needs-go';
import { kvGo, kvTs } from '../support/samples';

// Real processes, on a machine that may be busy.
jest.setTimeout(60_000);

let room: HostRoom;
let place: string;
const home = process.cwd();
const path = process.env['PATH'];
beforeEach(async () => {
  room = await HostRoom.open();
  place = mkdtempSync(join(tmpdir(), 'command-'));
});
afterEach(async () => {
  process.chdir(home);
  process.env['PATH'] = path;
  await room.close();
  rmSync(place, { recursive: true, force: true });
});

const inspect = async (plugin: Awaited<ReturnType<HostRoom['load']>>) =>
  plugin.client(ProbeDefinition).inspect({});

/** The sample under another name, in a directory of its own. */
function sampleIn(directory: string, name: string): string {
  mkdirSync(directory, { recursive: true });
  const file = join(directory, name);
  copyFileSync(kvTs('1'), file);
  chmodSync(file, 0o755);
  return file;
}

describe('command', () => {
  test('a relative path is taken from the host’s working directory, not from the plugin’s', async () => {
    sampleIn(join(place, 'host'), 'plugin');
    process.chdir(join(place, 'host'));
    const plugin = await room.load('./plugin', { cwd: home });
    expect((await inspect(plugin)).workingDirectory).toBe(home);
  });

  test('a bare name is found through PATH', async () => {
    const directory = dirname(sampleIn(join(place, 'bin'), 'a-sample-in-path'));
    expect((await failureOf(room.load('a-sample-in-path'))).code).toBe('COMMAND_NOT_FOUND');
    process.env['PATH'] = `${directory}${delimiter}${path}`;
    await room.load('a-sample-in-path');
  });

  test('a bare name is not looked for in the working directory', async () => {
    process.chdir(dirname(sampleIn(place, 'a-sample-here')));
    expect((await failureOf(room.load('a-sample-here'))).code).toBe('COMMAND_NOT_FOUND');
  });

  test('is resolved once: a restart finds it wherever the host and PATH are then', async () => {
    const directory = dirname(sampleIn(join(place, 'bin'), 'plugin'));
    process.env['PATH'] = `${directory}${delimiter}${path}`;
    const bare = await room.load('plugin', { name: 'bare' });
    process.chdir(directory);
    const pathed = await room.load('./plugin', { name: 'pathed', cwd: '..' });
    process.chdir('/');
    process.env['PATH'] = path;
    for (const plugin of [bare, pathed]) {
      const before = servingPid(plugin);
      await plugin.restart();
      expect(servingPid(plugin)).not.toBe(before);
    }
    expect((await inspect(pathed)).workingDirectory).toBe(place);
  });

  test('no shell reads it', async () => {
    const file = sampleIn(place, 'a b; touch $HOME "x"');
    const plugin = await room.load(file, { args: ['$HOME', '*', "it's", 'größer', ''] });
    expect((await inspect(plugin)).arguments).toEqual(['$HOME', '*', "it's", 'größer', '']);
  });

  test.each([
    ['missing', () => join(place, 'none'), 'COMMAND_NOT_FOUND'],
    ['a directory', () => place, 'COMMAND_IS_DIRECTORY'],
    [
      'not executable',
      () => {
        const file = join(place, 'file');
        writeFileSync(file, '#!/bin/sh\n', { mode: 0o644 });
        return file;
      },
      'COMMAND_NOT_EXECUTABLE',
    ],
  ])('one that is %s is refused, and the name is free again', async (_what, command, code) => {
    expect((await failureOf(room.load(command()))).code).toBe(code);
    await room.load(kvTs('1'));
  });
});

test('args default to none', async () => {
  expect((await inspect(await room.load(kvTs('1')))).arguments).toEqual([]);
});

describe('cwd', () => {
  test('is the plugin’s working directory; a relative one is taken from the host’s', async () => {
    process.chdir(dirname(place));
    const plugin = await room.load(kvTs('1'), { cwd: relative(dirname(place), place) });
    expect((await inspect(plugin)).workingDirectory).toBe(place);
  });

  test('defaults to the host’s at the time of loading', async () => {
    process.chdir(place);
    const plugin = await room.load(kvTs('1'));
    process.chdir(home);
    await plugin.restart();
    expect((await inspect(plugin)).workingDirectory).toBe(place);
  });

  test('that does not exist is named in the refusal', async () => {
    const cwd = join(place, 'nowhere');
    const error = await failureOf(room.load(kvTs('1'), { cwd }));
    expect(error.code).toBe('SPAWN_FAILED');
    expect(error.message).toContain(cwd);
  });
});

describe('version', () => {
  test('a plugin that says it is another one is refused', async () => {
    const error = await failureOf(room.load(kvTs('1'), { version: '3.1.4' }));
    expect(error).toMatchObject({ code: 'VERSION_MISMATCH', facts: { asked: '3.1.4', said: '1.0.0' } });
    expect(room.processes()).toEqual([]);
  });

  test('is what status() shows', async () => {
    expect((await room.load(kvTs('2'), { version: '2.0.0' })).status().version).toBe('2.0.0');
  });

  describeWithGo('of a plugin that says nothing of itself', () => {
    test('is taken as given', async () => {
      expect((await room.load(kvGo('1'), { version: '3.1.4' })).status().version).toBe('3.1.4');
    });
  });
});

describe('sha256', () => {
  const sum = () =>
    createHash('sha256')
      .update(readFileSync(kvTs('1')))
      .digest('hex');

  test.each([
    ['lower', () => sum()],
    ['upper', () => sum().toUpperCase()],
  ])('the right one in %s case lets the plugin run', async (_case, sha256) => {
    await room.load(kvTs('1'), { sha256: sha256() });
  });

  test('a wrong one refuses the file before it runs', async () => {
    const file = join(place, 'plugin');
    const trace = join(place, 'it-ran');
    writeFileSync(file, `#!/bin/sh\ntouch ${trace}\n`, { mode: 0o755 });
    const error = await failureOf(room.load(file, { sha256: sum() }));
    expect(error.code).toBe('CHECKSUM_MISMATCH');
    expect(existsSync(trace)).toBe(false);
    expect((await failureOf(room.load(file))).code).toBe('EXITED_BEFORE_HANDSHAKE');
    expect(existsSync(trace)).toBe(true);
  });

  test('is asked again at each start: a file that was changed is not restarted, and the old process serves on', async () => {
    const file = sampleIn(place, 'plugin');
    const plugin = await room.load(file, { sha256: sum() });
    rmSync(file);
    copyFileSync(kvTs('2'), file);
    chmodSync(file, 0o755);
    expect(await failureOf(plugin.restart())).toMatchObject({
      code: 'CHECKSUM_MISMATCH',
      facts: { step: 'start' },
    });
    expect((await inspect(plugin)).protocolVersion).toBe(1);
  });
});
