import { parseArgs } from 'node:util';
import { runLoop } from '../../host/src/upgrade/loop';
import { runRecovery } from '../../host/src/upgrade/recovery';
import { explore } from './explore';
import { seededBugs } from './mutations';
import { recoveryCases, recoveryDifferences } from './recovery';
import { spoiledRecoveries } from './recovery-mutations';
import { replay } from './replay';
import {
  allSettings,
  handSettings,
  makeSetting,
  shiftSettings,
  shiftTraceSettings,
  traceSettings,
} from './settings';
import { tracesOf } from './traces';
import type { Setting } from './world';

// One line of JSON for each setting and each seeded bug, one each for the host's own loop and recovery held against the
// model's traces, one for all of it at the end.

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '180' },
    faults: { type: 'string', default: '4' },
  },
});
const maxFaults = Number(values.faults);
if (!(Number(values.seconds) > 0) || !Number.isSafeInteger(maxFaults) || maxFaults < 0) {
  console.error('--seconds takes a number above 0, --faults one from 0 on');
  process.exit(2);
}
/** What a heap of the ordinary size has room for. */
const maxStates = 4_000_000;

const began = performance.now();
const all = { states: 0, transitions: 0, depth: 0, settings: 0, whole: 0, violations: 0 };

/** With ever more faults, for as long as there is time. */
function exploreAll(seconds: number, settingsOf: (faults: number) => readonly Setting[]): void {
  const deadline = performance.now() + seconds * 1000;
  for (let faults = 0; faults <= maxFaults; faults++) {
    for (const setting of settingsOf(faults)) {
      if (performance.now() > deadline) return;
      const result = explore(setting, { maxStates, deadline });
      console.log(JSON.stringify(result));
      all.settings++;
      all.whole += result.whole ? 1 : 0;
      all.states += result.states;
      all.transitions += result.transitions;
      all.depth = Math.max(all.depth, result.depth);
      all.violations += result.counterexample === undefined ? 0 : 1;
    }
  }
}

const seconds = Number(values.seconds);
exploreAll(seconds * 0.55, (faults) => [
  ...allSettings(faults, false),
  ...handSettings(faults),
  ...allSettings(faults, true),
]);
exploreAll(seconds * 0.45, (faults) => [
  ...shiftSettings(faults, 'a call and its descendant'),
  ...shiftSettings(faults, 'two calls'),
  // Three calls are many times as much, and little that is new.
  ...(faults > 1 ? [] : shiftSettings(faults, 'a call, its descendant and another call')),
]);
let missed = 0;
for (const { name, choice, mutation, found } of seededBugs) {
  const { counterexample, states } = explore(makeSetting(name, choice, mutation));
  const isFound = counterexample !== undefined && found.test(counterexample.violation);
  missed += isFound ? 0 : 1;
  const steps = counterexample?.trace.length;
  console.log(
    JSON.stringify({ bug: name, found: isFound, violation: counterexample?.violation, steps, states }),
  );
}

void finish();

/** The host's own loop and recovery, held against what the model's do. */
async function finish(): Promise<void> {
  // With a third fault traces are many times as many, and ask nothing of a loop that they don't with two.
  const faults = Math.min(maxFaults, 2);
  const traces = [...traceSettings(faults), ...shiftTraceSettings(faults, true)].flatMap(tracesOf);
  let differing = 0;
  for (const trace of traces) {
    const { differences } = await replay(trace, runLoop);
    differing += differences.length > 0 ? 1 : 0;
  }
  console.log(JSON.stringify({ replay: 'loop', traces: traces.length, differing }));
  const cases = recoveryCases(traces);
  const wrong = await recoveryDifferences(runRecovery, cases);
  const overlooked: string[] = [];
  for (const { name, spoil } of spoiledRecoveries) {
    if ((await recoveryDifferences(spoil(runRecovery), cases)).length === 0) overlooked.push(name);
  }
  const spoiled = spoiledRecoveries.length;
  console.log(
    JSON.stringify({
      replay: 'recovery',
      journals: cases.length,
      differing: wrong.length,
      bugs: spoiled,
      overlooked,
    }),
  );
  differing += wrong.length;
  missed += overlooked.length;
  const bugs = seededBugs.length + spoiled;
  const took = Math.round(performance.now() - began) / 1000;
  console.log(JSON.stringify({ setting: 'all', ...all, differing, bugs, missed, seconds: took }));
  process.exitCode = all.violations + differing + missed > 0 ? 1 : 0;
}
