import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OneFileProject } from '../support/one-file-project';
import { disposePlugins, startPluginProcess } from '../support/plugin-process';

// A plugin with a code cache beside it. Whatever becomes of the cache, the plugin runs.

const watch = join(__dirname, '../support/plugins/watch-cache.cjs');
let project: OneFileProject;
let script: string;
let cache: string;

beforeAll(async () => {
  project = new OneFileProject();
  const [plugin, beside] = await project.build('--code-cache');
  script = plugin.path;
  cache = beside?.path ?? '';
}, 60_000);

afterAll(() => project.dispose());
afterEach(disposePlugins);

/** Starts it, up to its handshake; what became of the cache. */
async function start(file: string, ...v8: string[]): Promise<string | undefined> {
  const plugin = startPluginProcess(process.execPath, { args: [...v8, '--require', watch, file] });
  expect(await plugin.handshake()).toMatchObject({ protocol: 'grpc' });
  return /^code cache: (\w+)$/m.exec(plugin.stderr)?.[1];
}

function copy(name: string, { withCache = true } = {}): string {
  const to = project.at('dist', name);
  copyFileSync(script, to);
  if (withCache) copyFileSync(cache, `${to}.codecache`);
  return to;
}

test('the cache lies beside the file, and is used', async () => {
  expect(cache).toBe(`${script}.codecache`);
  expect(await start(script)).toBe('used');
});

test('both may be moved together', async () => {
  expect(await start(copy('moved'))).toBe('used');
});

test('without the cache the file runs alone', async () => {
  expect(await start(copy('alone', { withCache: false }))).toBe('none');
});

test('stacks name the sources, with the cache and without', async () => {
  for (const file of [script, copy('no-cache', { withCache: false })]) {
    const plugin = startPluginProcess(file, { env: { FAIL_AT_IMPORT: '1' } });
    expect(await plugin.exit()).toMatchObject({ code: 1 });
    expect(plugin.stderr).toContain(`fail (${project.placeOf('src/failing.ts', 'new Error')})`);
  }
});

test('a cache that was altered is not even offered to V8: it is code', async () => {
  const file = copy('altered-cache');
  const bytes = readFileSync(cache);
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
  writeFileSync(`${file}.codecache`, bytes);
  expect(await start(file)).toBe('none');
});

test('nor is the cache of another build', async () => {
  const file = project.at('dist/other');
  await project.build('--out', file, '--code-cache', '--define', 'PLUGIN_VERSION=1.0.1');
  copyFileSync(cache, `${file}.codecache`);
  expect(await start(file)).toBe('none');
});

test('when the file itself was altered to the same length, its own code runs', async () => {
  const file = copy('altered-file');
  writeFileSync(file, readFileSync(script, 'utf8').replace('"a banner"', '"A BANNER"'));
  chmodSync(file, 0o755);
  expect(await start(file)).toBe('none');
  const byHand = startPluginProcess(file, { env: { KV_PLUGIN: '' } });
  await byHand.exit();
  expect(byHand.stdout + byHand.stderr).toContain('A BANNER');
});

test('V8 with other flags, as another version of it, compiles for itself', async () => {
  expect(await start(script, '--no-opt')).toBe('rejected');
});

test('a directory in the place of the cache is no cache', async () => {
  const file = copy('directory', { withCache: false });
  mkdirSync(`${file}.codecache`);
  expect(await start(file)).toBe('none');
  rmSync(`${file}.codecache`, { recursive: true });
});
