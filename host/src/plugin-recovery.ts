import type { JsonObject, JsonValue } from '@plugd/protocol/json-value';
import { PluginError } from '@plugd/protocol/plugin-error';
import type { EmitEvent } from './events/host-event';
import type { Logger } from './events/logger';
import type { LoadOptions } from './instance/load-options';
import type { OperationHead, UnfinishedOperation } from './journal/journal';
import { endCarriers } from './launch/end-process';
import type { Platform } from './platform/platform';
import type { JournalLine } from './upgrade/loop-environment';
import { runRecovery } from './upgrade/recovery';
import type { OperationName } from './upgrade/report';
import { type StrategyName, strategies } from './upgrade/step-table';

/** What the journal says of a version: enough to start it again with the options that the application gives at its load. */
export interface JournaledSide {
  readonly version: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string | undefined;
  readonly sha256: string | undefined;
}

/** What an operation's entry in the journal begins with. */
export function headOf(about: {
  readonly id: string;
  readonly plugin: string;
  readonly operation: OperationName;
  readonly strategy: StrategyName;
  readonly hostToken: string;
  readonly from: LoadOptions;
}): OperationHead {
  const { id, plugin, operation, strategy, hostToken, from } = about;
  return { id, plugin, operation, strategy, hostToken, from: sideJson(from) };
}

/** Environments stay out of the journal: they may hold secrets. */
export function sideJson({ version, command, args = [], cwd, sha256 }: LoadOptions): JsonObject {
  return {
    version,
    command,
    args: [...args],
    ...(cwd === undefined ? {} : { cwd }),
    ...(sha256 === undefined ? {} : { sha256 }),
  };
}

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
  const lines = written.flatMap((line) => asLine(line) ?? []);
  const notes = notesOf(written);
  const { plugin } = head;
  const sides = { old: asSide(head['from']), new: asSide(notes['to']) };
  const strategy = strategyOf(head['strategy']);
  const snapshotId = asText(notes['snapshot']);
  const told = {
    type: 'operation',
    plugin,
    operation: operationOf(head['operation']),
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

/** Which processes may have been left, by what a line says. */
function tokenOf(line: JsonValue): string | undefined {
  return isObject(line) ? asText(line['hostToken']) : undefined;
}

function asLine(line: JsonValue): JournalLine | undefined {
  if (!isObject(line)) return undefined;
  const { kind, step, undo, outcome } = line;
  // What this release doesn't know is worth what the line before it was: the table is asked by name.
  if (kind === 'step' && typeof step === 'string') return { kind, step } as JournalLine;
  if (kind === 'undo' && typeof undo === 'string') return { kind, undo } as JournalLine;
  if (kind === 'end' && typeof outcome === 'string') return { kind, outcome } as JournalLine;
  return undefined;
}

/** What the lines say beside their steps, the latest word of each. */
function notesOf(lines: readonly JsonValue[]): JsonObject {
  return Object.assign({}, ...lines.filter(isObject));
}

function asSide(value: JsonValue | undefined): JournaledSide | undefined {
  if (value === undefined || !isObject(value)) return undefined;
  const version = asText(value['version']);
  const command = asText(value['command']);
  const { args } = value;
  if (version === undefined || command === undefined || !Array.isArray(args)) return undefined;
  return {
    version,
    command,
    args: args.map(String),
    cwd: asText(value['cwd']),
    sha256: asText(value['sha256']),
  };
}

function strategyOf(value: JsonValue | undefined): StrategyName {
  const name = Object.keys(strategies).find((one) => one === value);
  if (name === undefined) {
    throw new PluginError('STATE_FORMAT_NEWER', `The journal names a strategy that is not known: ${value}.`);
  }
  return name as StrategyName;
}

function operationOf(value: JsonValue | undefined): OperationName {
  return value === 'restart' || value === 'rollback' ? value : 'upgrade';
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function asText(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
