import { PluginError } from '@plugd/protocol/plugin-error';
import { toRpcError } from '../../../host/src/admin/error-wire';
import { AdminPlace } from '../admin/admin-place';
import { commandLine } from './command-line';

// Verbs that are given several plugins.

let place: AdminPlace;
let asked: string[];
beforeEach(async () => {
  place = new AdminPlace();
  asked = [];
  const hear =
    (verb: string) =>
    ({ plugin }: { readonly plugin: string }) => {
      asked.push(`${verb} ${plugin}`);
      if (plugin === 'stuck') throw toRpcError(new PluginError('BUSY', 'It is busy.'));
      return {};
    };
  await place.serve({
    listPlugins: () => ({ plugins: ['kv', 'stuck', 'counter'].map((name) => ({ name })) }),
    stopPlugin: hear('stop'),
    startPlugin: hear('start'),
  });
});
afterEach(() => place.close());

const at = (...args: string[]) => commandLine([...args, '--socket', place.socket]);

test('one that there is not is told before anything is done to the others', async () => {
  const { code, stdout, stderr } = await at('stop', 'kv', 'nope', '--yes');
  expect({ code, stdout, asked }).toEqual({ code: 1, stdout: '', asked: [] });
  expect(stderr).toContain('[PLUGIN_NOT_FOUND] There is no plugin nope.');
  expect((await at('start', 'no', 'nope')).stderr).toContain('There are no plugins no, nope.');
  expect(asked).toEqual([]);
});

test('past one that fails it goes on, and ends as a failure', async () => {
  const ran = await at('stop', 'kv', 'stuck', 'counter', 'kv', '--yes');
  expect(ran).toMatchObject({ code: 1, stdout: 'Plugin kv is stopped.\nPlugin counter is stopped.\n' });
  expect(ran.stderr).toContain('[BUSY]');
  expect(asked).toEqual(['stop kv', 'stop stuck', 'stop counter']);
  expect(await at('start', 'stuck', 'kv', '-o', 'name')).toMatchObject({ code: 1, stdout: 'kv\n' });
});

test('scripts get one document: of one plugin an object, of several a list', async () => {
  expect(JSON.parse((await at('start', 'kv', '-o', 'json')).stdout)).toEqual({ plugin: 'kv', started: true });
  const { code, stdout } = await at('stop', 'kv', 'stuck', '--yes', '-o', 'json');
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toEqual([
    { plugin: 'kv', stopped: true },
    { plugin: 'stuck', stopped: false },
  ]);
});
