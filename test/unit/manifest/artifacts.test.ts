import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readArtifacts } from '../../../host/src/manifest/artifacts';
import { manifest, Workbench } from './workbench';

let bench: Workbench;
beforeEach(() => {
  bench = new Workbench();
});
afterEach(() => bench.remove());

/** `plugin: version version!CODE`, and the notes by their paths in the directory. */
async function told() {
  const { plugins, notes } = await readArtifacts(bench.plugins);
  const versions = plugins.map(({ name, versions: all }) => {
    const each = all.map(
      ({ version, problem }) => `${version}${problem === undefined ? '' : `!${problem.code}`}`,
    );
    return `${name}: ${each.join(' ')}`;
  });
  return { versions, notes: notes.map(({ path }) => path.slice(bench.plugins.length + 1)) };
}

test('plugins come by name, versions by precedence, the highest first and prereleases below', async () => {
  const versions = ['1.9.0', '1.10.0', '2.0.0-rc.2', '2.0.0', '2.0.0-rc.10', '1.10.0-alpha', '1.9.0+build.2'];
  for (const version of versions) bench.artifact('kv', version);
  bench.artifact('counter', '0.1.0');
  expect(await told()).toEqual({
    versions: ['counter: 0.1.0', 'kv: 2.0.0 2.0.0-rc.10 2.0.0-rc.2 1.10.0 1.10.0-alpha 1.9.0+build.2 1.9.0'],
    notes: [],
  });
});

test('a version that can be read has its manifest and its directory', async () => {
  const directory = bench.artifact('kv', '1.0.0');
  const { plugins } = await readArtifacts(bench.plugins);
  expect(plugins[0]?.versions[0]).toMatchObject({
    name: 'kv',
    version: '1.0.0',
    directory,
    manifest: { command: 'kv' },
  });
});

test('each problem is that of its own version', async () => {
  bench.artifact('kv', '1.0.0');
  bench.put('kv/2.0.0', { kv: 'half written' });
  bench.put('kv/3.0.0', { 'plugin.yaml': 'name: [' });
  bench.put('kv/4.0.0', { 'plugin.yaml': manifest('kv', '4.0.1') });
  bench.put('kv/5.0.0', { 'plugin.yaml': manifest('vk', '5.0.0') });
  bench.put('kv/latest', { 'plugin.yaml': manifest('kv', '6.0.0') });
  bench.put('kv/7.0.0', { 'plugin.yaml/x': '' });
  expect(await told()).toEqual({
    versions: [
      'kv: 7.0.0!ARTIFACT_UNREADABLE 5.0.0!ARTIFACT_MISPLACED 4.0.0!ARTIFACT_MISPLACED 3.0.0!MANIFEST_INVALID 2.0.0!MANIFEST_NOT_FOUND 1.0.0 latest!ARTIFACT_MISPLACED',
    ],
    notes: [],
  });
  const { plugins } = await readArtifacts(bench.plugins);
  const misplaced = plugins[0]?.versions.find(({ version }) => version === '4.0.0')?.problem;
  expect(misplaced).toMatchObject({ code: 'ARTIFACT_MISPLACED', facts: { name: 'kv', version: '4.0.1' } });
  expect(misplaced?.summary).toMatch(
    /4\.0\.0\/plugin\.yaml says that it is version 4\.0\.1 and not 4\.0\.0\.$/,
  );
  expect(misplaced?.hint).toContain('Move it to kv/4.0.1');
});

test('what is no part of it is noted and harms nothing; names with a dot are not looked at', async () => {
  bench.artifact('kv', '1.0.0');
  bench.put('.', { README: 'x', '.DS_Store': 'x' });
  bench.put('kv', { notes: 'x', '.2.0.0.tmp/plugin.yaml': 'x' });
  bench.put('kv/backup', { x: 'x' });
  bench.put('with space/1.0.0', { 'plugin.yaml': 'x' });
  expect(await told()).toEqual({
    versions: ['kv: 1.0.0'],
    notes: ['README', 'kv/backup', 'kv/notes', 'with space'],
  });
});

test('a link inside is noted, and one that leads out is refused', async () => {
  const directory = bench.artifact('kv', '1.0.0');
  symlinkSync(directory, join(bench.plugins, 'kv', 'current'));
  symlinkSync(tmpdir(), join(bench.plugins, 'kv', '2.0.0'));
  symlinkSync(tmpdir(), join(bench.plugins, 'outside'));
  symlinkSync('nowhere', join(bench.plugins, 'dangling'));
  expect(await told()).toEqual({
    versions: ['kv: 2.0.0!ARTIFACT_UNREADABLE 1.0.0'],
    notes: ['dangling', 'kv/current', 'outside'],
  });
});

test('a manifest that is a link, or a pipe, is not opened', async () => {
  writeFileSync(join(bench.root, 'secret'), 'strategy: hush');
  symlinkSync(join(bench.root, 'secret'), join(bench.put('kv/1.0.0', {}), 'plugin.yaml'));
  execFileSync('mkfifo', [join(bench.put('kv/2.0.0', {}), 'plugin.yaml')]);
  expect((await told()).versions).toEqual(['kv: 2.0.0!ARTIFACT_UNREADABLE 1.0.0!ARTIFACT_UNREADABLE']);
  const { plugins } = await readArtifacts(bench.plugins);
  expect(JSON.stringify(plugins)).not.toContain('hush');
});

test('the directory of plugins may be a link itself', async () => {
  bench.artifact('kv', '1.0.0');
  const link = join(bench.root, 'link');
  symlinkSync(bench.plugins, link);
  const { plugins } = await readArtifacts(link);
  expect(plugins.map(({ versions }) => versions.map(({ directory }) => directory))).toEqual([
    [join(link, 'kv', '1.0.0')],
  ]);
});

test('a directory that can not be read is refused by name', async () => {
  await expect(readArtifacts(join(bench.root, 'absent'))).rejects.toMatchObject({
    code: 'ARTIFACT_UNREADABLE',
  });
  writeFileSync(join(bench.root, 'file'), '');
  await expect(readArtifacts(join(bench.root, 'file'))).rejects.toMatchObject({
    code: 'ARTIFACT_UNREADABLE',
  });
});

test('an empty directory has no plugins, and one of a plugin without versions is none', async () => {
  mkdirSync(join(bench.plugins, 'kv'));
  expect(await told()).toEqual({ versions: [], notes: [] });
});
