import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findConfig, readConfig } from '../../../host/src/config/read-config';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'plugd-config-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const put = (name: string, text: string): string => {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
};

test('a config is read, by a link too', async () => {
  const file = put('real.yaml', 'version: 1\npluginsDir: p\n');
  const link = join(directory, 'plugd.yaml');
  symlinkSync(file, link);
  expect(await readConfig(link)).toEqual({ version: 1, pluginsDir: join(directory, 'p') });
});

test('mistakes are told with the name of the file', async () => {
  const file = put('plugd.yaml', 'version: one\n');
  await expect(readConfig(file)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    facts: { path: file },
    summary: expect.stringContaining(`${file}:1:10`),
  });
});

test('what is no file that can be read is refused, a pipe at once', async () => {
  const unreadable = { code: 'CONFIG_FILE_UNREADABLE' };
  await expect(readConfig(join(directory, 'missing'))).rejects.toMatchObject(unreadable);
  await expect(readConfig(join(put('plain', 'x'), 'below'))).rejects.toMatchObject({
    ...unreadable,
    facts: { path: join(directory, 'plain/below'), systemCode: 'ENOTDIR' },
  });
  await expect(readConfig(directory)).rejects.toMatchObject({
    ...unreadable,
    summary: `The config ${directory} could not be read: it is no file.`,
  });
  const ring = join(directory, 'ring');
  symlinkSync('ring', ring);
  await expect(readConfig(ring)).rejects.toMatchObject({
    ...unreadable,
    summary: expect.stringMatching(/could not be read: .+ \(ELOOP\)\.$/),
    facts: { path: ring, systemCode: 'ELOOP' },
  });
  const pipe = join(directory, 'pipe');
  execFileSync('mkfifo', [pipe]);
  await expect(readConfig(pipe)).rejects.toMatchObject(unreadable);
});

test('a file that is too long is refused and not read on', async () => {
  const file = put('long', `version: 1\n${'#'.repeat(2 * 1024 * 1024)}\n`);
  await expect(readConfig(file)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
});

test('the config that is given counts before that of the environment, and that before the one that lies there', async () => {
  const env = { PLUGD_CONFIG: 'env.yaml' };
  expect(await findConfig({ env: {}, cwd: directory })).toBeUndefined();
  expect(await findConfig({ env: { PLUGD_CONFIG: '' }, cwd: directory })).toBeUndefined();
  const own = put('plugd.yaml', 'version: 1\n');
  expect(await findConfig({ env: {}, cwd: directory })).toBe(own);
  expect(await findConfig({ env, cwd: directory })).toBe(join(directory, 'env.yaml'));
  expect(await findConfig({ given: '/etc/given.yaml', env, cwd: directory })).toBe('/etc/given.yaml');
});

test('a config that lies there and can not be read is not passed over', async () => {
  // Nobody may read through a file that is a directory, whoever runs the tests.
  mkdirSync(join(directory, 'plugd.yaml'));
  chmodSync(join(directory, 'plugd.yaml'), 0o000);
  expect(await findConfig({ env: {}, cwd: directory })).toBe(join(directory, 'plugd.yaml'));
  await expect(readConfig(join(directory, 'plugd.yaml'))).rejects.toMatchObject({
    code: 'CONFIG_FILE_UNREADABLE',
  });
});
