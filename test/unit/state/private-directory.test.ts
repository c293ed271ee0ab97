import { PluginError } from '@plugd/protocol/plugin-error';
import { takingIntoUse } from '../../../host/src/state/private-directory';

const refused = (cause: unknown) => takingIntoUse('/state', () => Promise.reject(cause));

test('a full disk is told from one that refuses, however deep its word lies', async () => {
  const full = new Error('IO error: /state/new: No space left on device');
  await expect(refused(new Error('it did not open', { cause: full }))).rejects.toMatchObject({
    code: 'STATE_DIR_UNUSABLE',
    hint: 'Free space there.',
  });
  await expect(refused(new Error('ENOSPC: no space left on device, write'))).rejects.toMatchObject({
    hint: 'Free space there.',
  });
  await expect(refused(new Error('EROFS: read-only file system'))).rejects.toMatchObject({
    code: 'STATE_DIR_UNUSABLE',
    hint: expect.not.stringContaining('Free'),
  });
  const own = new PluginError('STATE_FORMAT_NEWER', 'It is newer.');
  await expect(refused(own)).rejects.toBe(own);
});
