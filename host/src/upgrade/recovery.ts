import type { JournalLine, LoopPlan, RecoveryEnvironment, RunRecovery } from './loop-environment';

/**
 * Takes up an operation that a killed host has left in its journal. What the last line says is worth stands in the table;
 * here is only in which order the world is put right: first nothing of the operation runs any more, then one version is
 * started, then the journal gets its end. A host that is killed in the middle of this finds the same last line again.
 *
 * Where the new version was to serve and does not start, the old one does. Where neither starts it is `down`.
 *
 * Rejects where what is left of the operation can't be removed: beside it nothing may be started. The operation keeps
 * its last line then, and the host's next start tries again.
 */
export const runRecovery: RunRecovery = async (plan, lines, environment) => {
  if (lines.length === 0 || lines.some(({ kind }) => kind === 'end')) return 'nothing';
  await environment.removeLeftovers();
  const versions = servesAfter(plan, lines) === 'new' ? (['new', 'old'] as const) : (['old'] as const);
  for (const version of versions) {
    if (await starts(version, environment)) {
      await writeEnd(version === 'new' ? 'done' : 'undone', environment);
      return version;
    }
  }
  await writeEnd('down', environment);
  return 'down';
};

/** Which version has to serve where these lines are all that there is. */
export function servesAfter({ rows }: LoopPlan, lines: readonly JournalLine[]): 'old' | 'new' {
  for (const line of lines.toReversed()) {
    // What was begun to be undone is undone, whatever stands before it.
    if (line.kind !== 'step') return 'old';
    const row = rows.find(({ step }) => step === line.step);
    // A step of another release is worth at least what the one before it was.
    if (row !== undefined) return row.onRestart === 'finish' ? 'new' : 'old';
  }
  return 'old';
}

async function starts(version: 'old' | 'new', environment: RecoveryEnvironment): Promise<boolean> {
  try {
    await environment.start(version);
    return true;
  } catch {
    // Told by whoever starts it, in its events and its log.
    return false;
  }
}

async function writeEnd(
  outcome: 'done' | 'undone' | 'down',
  environment: RecoveryEnvironment,
): Promise<void> {
  // What serves serves, also if the line is not kept: the next start would come to the same.
  await environment.journal({ kind: 'end', outcome }).catch(() => {});
}
