import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashFile, verifyChecksum } from '../../../host/src/artifact/checksum';

const temp = mkdtempSync(join(tmpdir(), 'checksum-'));
afterAll(() => rmSync(temp, { recursive: true }));
const content = Buffer.alloc(200_000, 'content');
const path = join(temp, 'file');
writeFileSync(path, content);
const sha256 = createHash('sha256').update(content).digest('hex');

test('the file that was approved passes, in either case of digits', async () => {
  expect(await hashFile(path)).toBe(sha256);
  await verifyChecksum(path, sha256);
  await verifyChecksum(path, sha256.toUpperCase());
});

test('another content is refused with both checksums', async () => {
  const expected = `0${'1'.repeat(63)}`;
  await expect(verifyChecksum(path, expected)).rejects.toMatchObject({
    code: 'CHECKSUM_MISMATCH',
    facts: { path, expected, actual: sha256 },
  });
});

test.each(['', 'abc', `${sha256}0`, sha256.replace(/./, 'g')])('%j is no checksum', async (text) => {
  await expect(verifyChecksum(path, text)).rejects.toMatchObject({ code: 'OPTIONS_INVALID' });
});

test('a file that can not be read is no match', async () => {
  await expect(verifyChecksum(join(temp, 'absent'), sha256)).rejects.toMatchObject({
    code: 'COMMAND_NOT_FOUND',
  });
});

test('a sum that nobody waits for any more is given up in the middle of a file', async () => {
  const large = join(temp, 'large');
  writeFileSync(large, '');
  truncateSync(large, 4 * 1024 ** 3);
  const ending = new AbortController();
  const sum = hashFile(large, ending.signal);
  setImmediate(() => ending.abort(new Error('not wanted')));
  await expect(sum).rejects.toThrow('not wanted');
  await expect(hashFile(path, ending.signal)).rejects.toThrow('not wanted');
});
