import { constants } from 'node:fs';
import { chmod, copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PluginError } from '@plugd/protocol/plugin-error';
import { type ArtifactFile, type ArtifactTree, failed } from './artifact-tree';
import { openPlainFile } from './plain-file';
import { isSystemError } from './system-error';

/**
 * Copies what was listed into an empty directory: directories 0700, files 0500 where they may be executed, else 0400.
 * Links become files of their own. The result are the copied files, where they are now.
 *
 * Throws PluginError ARTIFACT_UNREADABLE, ARTIFACT_CHANGED, RUN_DIR_FULL.
 */
export async function copyFiles(
  { files, directories }: ArtifactTree,
  target: string,
): Promise<readonly ArtifactFile[]> {
  const copies: ArtifactFile[] = [];
  for (const directory of directories) {
    await mkdir(join(target, directory), { mode: 0o700 }).catch((cause: unknown) =>
      refused(target, directory, cause),
    );
  }
  for (const { path, source, executable } of files) {
    const copy = join(target, path);
    try {
      // What has become a pipe since it was listed would be waited for.
      await (await openPlainFile(source)).close();
      // Bytes, or blocks that are shared until one of the two changes. A hard link would be the same file: whoever
      // overwrote the one would overwrite the other.
      await copyFile(source, copy, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
      await chmod(copy, executable ? 0o500 : 0o400);
    } catch (cause) {
      refused(target, source, cause);
    }
    copies.push({ path, source: copy, executable });
  }
  return copies;
}

function refused(target: string, path: string, cause: unknown): never {
  if (isSystemError(cause, 'ENOSPC', 'EDQUOT'))
    throw new PluginError('RUN_DIR_FULL', `There is no room left for a copy of ${path} in ${target}.`, {
      facts: { path: target },
      cause,
    });
  return failed(path, cause);
}
