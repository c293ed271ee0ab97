import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashFiles } from '../../../host/src/artifact/artifact-tree';
import { verifyChecksum } from '../../../host/src/artifact/checksum';
import { copyFiles } from '../../../host/src/artifact/private-copy';

// A file that has become a pipe since it was listed: nobody will ever write to it.
const temp = mkdtempSync(join(tmpdir(), 'pipes-'));
const source = join(temp, 'kv');
const target = join(temp, 'copy');
const files = [{ path: 'kv', executable: true, source }];
const onUnix = process.platform === 'win32' ? test.skip : test;
beforeAll(() => {
  mkdirSync(target);
  if (process.platform !== 'win32') execFileSync('mkfifo', [source]);
});
afterAll(() => rmSync(temp, { recursive: true }));

const isChanged = { code: 'ARTIFACT_CHANGED', facts: { path: source } };

onUnix('it is not waited for where its sum is asked', async () => {
  await expect(hashFiles(files)).rejects.toMatchObject(isChanged);
  await expect(verifyChecksum(source, '0'.repeat(64))).rejects.toMatchObject({ code: 'COMMAND_NOT_FOUND' });
});

onUnix('nor where it is copied', async () => {
  await expect(copyFiles({ files, directories: [] }, target)).rejects.toMatchObject(isChanged);
});

onUnix('neither is a directory', async () => {
  const directory = join(temp, 'directory');
  mkdirSync(directory);
  const listed = [{ path: 'kv', executable: true, source: directory }];
  await expect(hashFiles(listed)).rejects.toMatchObject({ code: 'ARTIFACT_CHANGED' });
  writeFileSync(join(temp, 'file'), 'text');
  const file = [{ path: 'kv', executable: true, source: join(temp, 'file') }];
  expect([...(await hashFiles(file)).keys()]).toEqual(['kv']);
});
