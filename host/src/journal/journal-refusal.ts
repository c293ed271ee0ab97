import { PluginError } from '@plugd/protocol/plugin-error';

export function journalFailed(what: string, cause?: unknown): PluginError {
  return new PluginError('JOURNAL_FAILED', `The journal could not keep ${what}.`, {
    ...(cause === undefined ? {} : { cause }),
  });
}

export interface JournalDamage {
  readonly path: string;
  readonly what: string;
  /** Where the files are as they were found, where they had to be changed. */
  readonly copy?: string;
  readonly cause?: unknown;
}

export function journalDamaged({ path, what, copy, cause }: JournalDamage): PluginError {
  return new PluginError('JOURNAL_DAMAGED', `The journal in ${path} was damaged: ${what}.`, {
    facts: { path, ...(copy === undefined ? {} : { copy }) },
    ...(cause === undefined ? {} : { cause }),
  });
}
