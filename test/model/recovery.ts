import type { JournalLine, RecoveryEnvironment, RunRecovery } from '../../host/src/upgrade/loop-environment';
import { type StepRow, strategies } from '../../host/src/upgrade/step-table';
import { decideRecovery } from './controller';
import type { Trace } from './traces';

/** What the model does with an operation that a killed host has left in its journal. */
export const referenceRecovery: RunRecovery = async ({ rows }, lines, environment) => {
  const version = decideRecovery(lines.at(-1), rows);
  if (version === 'nothing') return version;
  await environment.removeLeftovers();
  for (const tried of version === 'new' ? (['new', 'old'] as const) : (['old'] as const)) {
    try {
      await environment.start(tried);
    } catch {
      continue;
    }
    // The next start, if this host is killed as well, has nothing to finish any more.
    await environment.journal({ kind: 'end', outcome: tried === 'new' ? 'done' : 'undone' }).catch(() => {});
    return tried;
  }
  await environment.journal({ kind: 'end', outcome: 'down' }).catch(() => {});
  return 'down';
};

export interface RecoveryCase {
  readonly strategy: Trace['strategy'];
  readonly rows: readonly StepRow[];
  readonly lines: readonly JournalLine[];
  readonly version: 'nothing' | 'old' | 'new';
}

/** What the traces leave in the journal of a host that is killed in them, or after their end; each once. */
export function recoveryCases(traces: readonly Trace[]): RecoveryCase[] {
  const cases = new Map<string, RecoveryCase>();
  for (const { strategy, steps, exchanges, end } of traces) {
    const lines: JournalLine[] = [];
    for (const { ask, ok } of exchanges) if ('journal' in ask && ok) lines.push(ask.journal);
    // Of a line that was kept though nobody was told so, the trace of a killed host knows by its end.
    const last = 'killed' in end ? end.line : null;
    if (last !== null && JSON.stringify(lines.at(-1)) !== JSON.stringify(last)) lines.push(last);
    if ('outcome' in end && lines.at(-1)?.kind !== 'end') continue;
    const rows = strategies[strategy].filter(({ step }) => steps.includes(step));
    const version = 'killed' in end ? end.killed : 'nothing';
    cases.set(JSON.stringify([strategy, steps, lines]), { strategy, rows, lines, version });
  }
  return [...cases.values()];
}

/** Takes a recovery through a case, in a world in which some versions do not start; says what it did, in order. */
export async function replayRecovery(
  { strategy, rows, lines }: RecoveryCase,
  broken: readonly ('old' | 'new')[],
  runRecovery: RunRecovery,
): Promise<{ did: string[]; outcome: string }> {
  const did: string[] = [];
  const environment: RecoveryEnvironment = {
    journal: async (line) => {
      did.push(line.kind === 'end' ? `end ${line.outcome}` : `line of a ${line.kind}`);
    },
    removeLeftovers: async () => {
      did.push('remove leftovers');
    },
    start: async (version) => {
      did.push(`start ${version}`);
      if (broken.includes(version)) throw new Error(`the ${version} version does not start in this case`);
    },
  };
  const outcome = await runRecovery({ strategy, rows }, lines, environment);
  return { did, outcome };
}

export const allBroken: readonly (readonly ('old' | 'new')[])[] = [[], ['new'], ['old'], ['old', 'new']];

/** What a recovery has to do with a case, in a world in which some versions do not start. */
export function expectedRecovery(
  { version }: RecoveryCase,
  broken: readonly ('old' | 'new')[],
): { did: string[]; outcome: string } {
  if (version === 'nothing') return { did: [], outcome: 'nothing' };
  const tried: readonly ('old' | 'new')[] = version === 'new' ? ['new', 'old'] : ['old'];
  const works = tried.findIndex((candidate) => !broken.includes(candidate));
  const outcome = tried[works] ?? 'down';
  const starts = tried
    .slice(0, works < 0 ? tried.length : works + 1)
    .map((candidate) => `start ${candidate}`);
  const end = { new: 'end done', old: 'end undone', down: 'end down' }[outcome];
  return { did: ['remove leftovers', ...starts, end], outcome };
}

/** Where a recovery does otherwise than it has to, in words; each case in each world. */
export async function recoveryDifferences(
  runRecovery: RunRecovery,
  cases: readonly RecoveryCase[],
): Promise<string[]> {
  const found: string[] = [];
  for (const one of cases) {
    for (const broken of allBroken) {
      const wanted = JSON.stringify(expectedRecovery(one, broken));
      const is = JSON.stringify(await replayRecovery(one, broken, runRecovery));
      if (is === wanted) continue;
      const where = `${one.strategy} ${JSON.stringify(one.lines)} with ${broken.join(' and ') || 'nothing'} broken`;
      found.push(`${is}, not ${wanted} in ${where}`);
    }
  }
  return found;
}
