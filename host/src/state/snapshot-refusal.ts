import { PluginError } from '@plugd/protocol/plugin-error';
import { SnapshotDamaged, SnapshotFormatUnknown } from './snapshot-damaged';
import { knownFormats } from './snapshot-file';
import type { KeptSnapshot } from './snapshot-record';

export function notFound(id: string): PluginError {
  return new PluginError('SNAPSHOT_NOT_FOUND', `There is no snapshot ${id} any more.`, { facts: { id } });
}

export function notKept(
  { plugin, version, bytes }: KeptSnapshot,
  directory: string,
  why: string,
  cause?: unknown,
): PluginError {
  return new PluginError(
    'SNAPSHOT_NOT_KEPT',
    `The snapshot of ${plugin} ${version}, ${bytes} bytes, is not kept in ${directory}: ${why}.`,
    { facts: { plugin, version, bytes, directory }, ...(cause === undefined ? {} : { cause }) },
  );
}

/** What became of the attempt to read a file, or the snapshot that was to go into it. */
export function unreadable(what: string, cause: unknown): PluginError {
  if (cause instanceof SnapshotFormatUnknown) {
    const { format } = cause;
    return new PluginError('STATE_FORMAT_NEWER', `${what} has format ${format}.`, {
      facts: { path: what, format, known: knownFormats },
      cause,
    });
  }
  // The system's own words stay in the cause.
  const why = cause instanceof SnapshotDamaged ? cause.message : "it can't be read";
  return new PluginError('SNAPSHOT_CORRUPT', `${what} can't be used: ${why}.`, {
    facts: { path: what },
    cause,
  });
}
