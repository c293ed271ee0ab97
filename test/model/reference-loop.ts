import type { LoopEnvironment, LoopOutcome, RunLoop } from '../../host/src/upgrade/loop-environment';
import { type Answer, type Ask, answered, begin, nextAsk, soundController } from './controller';

/** The model's own machine as a loop: what a replay of any trace agrees with. */
export const referenceLoop: RunLoop = async ({ rows }, environment) => {
  const warnings: LoopOutcome['warnings'][number][] = [];
  let state = begin(soundController);
  let failed: LoopOutcome['failed'];
  for (let ask = nextAsk(state, rows); ask !== undefined; ask = nextAsk(state, rows)) {
    const { answer, error } = await put(ask, environment);
    const next = answered(state, answer, rows, soundController);
    if (next.failed !== undefined && failed === undefined) failed = { step: next.failed, error };
    else if (!answer.ok) warnings.push({ at: placeOf(ask), error });
    state = next;
  }
  return { outcome: state.outcome, warnings, ...(failed === undefined ? {} : { failed }) };
};

async function put(ask: Ask, environment: LoopEnvironment): Promise<{ answer: Answer; error?: unknown }> {
  try {
    if (ask.ask === 'journal') await environment.journal(ask.line);
    else if (ask.ask === 'perform') await environment.perform(ask.row);
    else await environment.undo(ask.undo);
    return { answer: { ok: true, oldIsGone: false } };
  } catch (error) {
    return { answer: { ok: false, oldIsGone: environment.oldIsGone() }, error };
  }
}

function placeOf(ask: Ask): LoopOutcome['warnings'][number]['at'] {
  if (ask.ask === 'perform') return ask.row.step;
  if (ask.ask === 'undo') return ask.undo;
  const { line } = ask;
  return line.kind === 'step' ? line.step : line.kind === 'undo' ? line.undo : 'end';
}
