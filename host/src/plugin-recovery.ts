import type { EmitEvent } from './events/host-event';
import type { Logger } from './events/logger';
import type { UnfinishedOperation } from './journal/journal';
import { type JournaledSide, readJournaled, tokenOf } from './journaled-operation';
import { endCarriers } from './launch/end-process';
import type { Platform } from './platform/platform';
import { runRecovery } from './upgrade/recovery';
import { strategies } from './upgrade/step-table';

export interface RecoveryTools {
  readonly platform: Platform;
  readonly logger: Logger;
  readonly emit: EmitEvent;
  /** In the environment of all of this host's plugins. */
  readonly token: string;
  /** Fires when the plugin is stopped before it serves: then all of this is left to the next host. */
  readonly signal: AbortSignal;
}

/**
 * Starts a version with the state that an operation took, if it came so far. By the journal, or, where `side` is undefined,
 * as the application asks for it.
 */
export type StartSide = (side: JournaledSide | undefined, snapshotId: string | undefined) => Promise<void>;

/**
 * Finishes or undoes what a killed host has left: first nothing of its processes is left, then `start` is called with the
 * version that is to serve. Resolves to whether it does; false where there was nothing to be finished or undone, or where
 * the application asks for a version that the operation had nothing to do with: that is then for the caller to start.
 *
 * Throws what the last start threw, and PluginError STOP_FAILED where a process of the killed host can't be ended.
 */
export async function recoverPlugin(
  { head, lines: written, intact, append, end }: UnfinishedOperation,
  askedVersion: string,
  { platform, logger, emit, token, signal }: RecoveryTools,
  start: StartSide,
): Promise<boolean> {
  const { lines, sides, strategy, snapshotId, operation } = readJournaled(head, written);
  const { plugin } = head;
  const told = {
    type: 'operation',
    plugin,
    operation,
    step: 'recover',
    fromVersion: sides.old?.version ?? '',
    toVersion: sides.new?.version ?? sides.old?.version ?? '',
  } as const;
  const cause = { reason: 'host-was-killed' };
  emit({ ...told, phase: 'started', percent: 0, cause });
  const removeLeftovers = async (): Promise<void> => {
    for (const one of [head, ...written].flatMap((line) => tokenOf(line) ?? [])) {
      await endCarriers(platform, one);
    }
    // Should this host be killed as well, the next one finds what it had started. Its guardian would end that too.
    await append({ hostToken: token }).catch((error: unknown) => {
      logger.warn('the journal could not be written in a recovery', { plugin, error: String(error) });
    });
  };
  const known = [sides.old, sides.new].flatMap((side) => side?.version ?? []);
  if (lines.length === 0 || (known.length > 0 && !known.includes(askedVersion))) {
    await removeLeftovers();
    await end({ outcome: lines.length === 0 ? 'undone' : 'overtaken', recovered: true });
    emit({
      ...told,
      phase: 'done',
      percent: 100,
      cause: { ...cause, message: `${askedVersion} is started, as it was asked for` },
    });
    return false;
  }
  const side = (version: 'old' | 'new'): JournaledSide | undefined => {
    // Of the version that it asks for the application knows best. Where both have its name it means the old one.
    const own =
      sides[version]?.version === askedVersion && (version === 'old' || sides.old?.version !== askedVersion);
    return own ? undefined : sides[version];
  };
  let failure: unknown;
  const outcome = await runRecovery(
    { strategy, rows: strategies[strategy] },
    // What may lack lines says no more than that it was begun.
    intact ? lines : lines.slice(0, 1),
    {
      journal: async (line) => {
        if (line.kind !== 'end') await append({ ...line });
        // Neither version was given its time: the next host tries again.
        else if (line.outcome !== 'down' || !signal.aborted)
          await end({ outcome: line.outcome, recovered: true });
      },
      removeLeftovers,
      start: async (version) => {
        try {
          await start(side(version), snapshotId);
        } catch (error) {
          failure = error;
          logger.error('a version could not be started again after its host was killed', {
            plugin,
            version: sides[version]?.version,
            error: String(error),
          });
          throw error;
        }
      },
    },
  );
  if (outcome === 'down') {
    emit({ ...told, phase: 'failed', percent: 0, cause: { reason: 'error', message: String(failure) } });
    throw failure;
  }
  const version = outcome === 'new' ? sides.new?.version : sides.old?.version;
  emit({ ...told, phase: 'done', percent: 100, cause: { ...cause, message: `${version} serves` } });
  return true;
}
