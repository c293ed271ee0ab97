import { join } from 'node:path';
import type { LoadOptions } from '../../../host/src/instance/load-options';
import { resolveSpec } from '../../../host/src/instance/plugin-spec';
import { copyArtifact } from '../../../host/src/manifest/copy-artifact';
import { commandOf, loadOptionsOf } from '../../../host/src/manifest/load-options-of';
import type { Manifest } from '../../../host/src/manifest/manifest';
import { platformName } from '../../../host/src/manifest/platform-name';
import { mergeOptions } from '../../../host/src/upgrade/merge-options';
import { sum, Workbench } from './workbench';

const bench = new Workbench();
afterAll(() => bench.remove());

const base: Manifest = {
  name: 'kv',
  version: '1.0.0',
  command: 'kv',
  handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1, 2] },
};
const place = bench.put('kv/1.0.0', { kv: '', 'main.js': '', 'kv.binpb': 'bytes' });
const copy = { directory: place, source: 'plugins/kv/1.0.0' };

test('a copied artifact stands for options that load takes', async () => {
  const made = await copyArtifact(bench.artifact('kv', '2.0.0'), bench.copies);
  const { load } = loadOptionsOf(made.manifest, made);
  expect(load).toMatchObject({
    name: 'kv',
    version: '2.0.0',
    command: join(made.directory, 'kv'),
    args: [],
    cwd: made.directory,
    sha256: sum('program'),
    handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1] },
  });
  expect(resolveSpec(load)).toMatchObject({
    instances: 1,
    autoMtls: true,
    dependsOn: [],
    health: { failures: 3 },
  });
});

test('the options mean the same as those of load: what is left out has its defaults', () => {
  const { load } = loadOptionsOf(base, copy);
  const least: LoadOptions = {
    name: 'kv',
    version: '1.0.0',
    command: join(place, 'kv'),
    handshake: base.handshake,
  };
  const { contract: _, ...spec } = resolveSpec(load);
  const { contract: __, ...plain } = resolveSpec({ ...least, cwd: place });
  expect(spec).toEqual(plain);
});

test('an upgrade leaves nothing of what the version before had', () => {
  const rich: Manifest = {
    ...base,
    args: ['-v'],
    env: { A: 'b' },
    instances: 3,
    autoMtls: false,
    restart: { policy: 'never' },
    health: false,
    limits: { descriptors: 10 },
    expect: { failed: 5 },
    memory: { ifShort: 'recreate' },
    requires: { log: '^1.0.0' },
    config: 'conf',
    scratch: true,
    attempts: 1,
    drainTimeoutMs: 5,
  };
  const before = loadOptionsOf(rich, copy).load;
  expect(resolveSpec(before)).toMatchObject({
    instances: 3,
    dependsOn: ['log'],
    config: join(place, 'conf'),
  });
  const { load, upgrade } = loadOptionsOf({ ...base, version: '2.0.0' }, copy);
  const { contract: _, ...after } = resolveSpec(mergeOptions(before, upgrade));
  const { contract: __, ...fresh } = resolveSpec(load);
  expect(after).toEqual(fresh);
});

test('what an upgrade is to be like goes to the upgrade alone', () => {
  const { load, upgrade } = loadOptionsOf(
    { ...base, strategy: 'canary', canary: { bakeMs: 5 }, bakeMs: 10, keepWarmMs: 20 },
    copy,
  );
  expect(upgrade).toMatchObject({ strategy: 'canary', canary: { bakeMs: 5 }, bakeMs: 10, keepWarmMs: 20 });
  expect(Object.keys(load)).not.toEqual(expect.arrayContaining(['strategy']));
  expect(loadOptionsOf(base, copy).upgrade).not.toHaveProperty('strategy');
  expect(loadOptionsOf({ ...base, single: true }, copy).upgrade.strategy).toBe('recreate');
});

test('a runtime runs the file of the artifact, by its path', () => {
  const { load } = loadOptionsOf({ ...base, command: './main.js', runtime: 'node', args: ['-x'] }, copy);
  expect(load).toMatchObject({ command: 'node', args: [join(place, 'main.js'), '-x'] });
  expect(load).not.toHaveProperty('sha256');
});

test('descriptors and configuration are those of the copy; an absolute path is nobody’s', () => {
  const { load } = loadOptionsOf({ ...base, contract: './kv.binpb', config: '/etc/kv' }, copy);
  expect(load).toMatchObject({ contract: Buffer.from('bytes'), config: '/etc/kv' });
  const call = () => loadOptionsOf({ ...base, contract: 'absent.binpb' }, copy);
  expect(call).toThrow(expect.objectContaining({ code: 'ARTIFACT_UNREADABLE' }));
});

test('each platform has its command, and one without is told which have', () => {
  const manifest: Manifest = { ...base, command: { 'linux-x64': './kv', 'windows-x64': 'kv.exe' } };
  expect(commandOf(manifest, 'linux-x64')).toBe('kv');
  expect(commandOf(manifest, 'windows-x64')).toBe('kv.exe');
  expect(() => commandOf(manifest, 'darwin-arm64')).toThrow(
    expect.objectContaining({
      code: 'PLATFORM_UNSUPPORTED',
      facts: { platform: 'darwin-arm64', platforms: ['linux-x64', 'windows-x64'] },
    }),
  );
  expect(() => commandOf(manifest, 'constructor')).toThrow(
    expect.objectContaining({ code: 'PLATFORM_UNSUPPORTED' }),
  );
  expect(platformName('win32', 'x64')).toBe('windows-x64');
});

test('a command that is not there is named as the operator knows it', () => {
  const call = () => loadOptionsOf({ ...base, command: 'absent' }, copy);
  expect(call).toThrow(
    expect.objectContaining({ code: 'COMMAND_NOT_FOUND', facts: { path: 'plugins/kv/1.0.0/absent' } }),
  );
});
