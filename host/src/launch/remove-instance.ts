import type { Platform } from '../platform/platform';
import { endProcess } from './end-process';
import type { InstanceRecord } from './instance-record';
import type { KeptProcess } from './keeper';
import { removeInstanceDirectory } from './run-directory';
import { removeSocket, type SocketOwner } from './socket-file';

/**
 * Ends a process with all that descends from it, then removes its socket and its directory. Throws PluginError
 * STOP_FAILED; the files then stay, so that whoever looks can find the process by them.
 */
export async function removeInstance(
  record: SocketOwner & Pick<InstanceRecord, 'token'>,
  kept: KeptProcess,
  options: {
    readonly platform: Platform;
    readonly politeMs: number;
    /** The directories of this host, which it removes itself. */
    readonly ownDirectories: readonly string[];
  },
): Promise<void> {
  await endProcess(kept, { platform: options.platform, token: record.token, politeMs: options.politeMs });
  kept.closeOutput();
  removeSocket(record);
  // A plugin can make its directory hard to remove; that doesn't keep it alive. The host tries again when it closes.
  await removeInstanceDirectory(record.directory, options.ownDirectories).catch(() => {});
}
