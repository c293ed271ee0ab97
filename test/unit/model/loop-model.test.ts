import { explore } from '../../model/explore';
import { seededBugs } from '../../model/mutations';
import { allSettings, handSettings, makeSetting, shiftSettings } from '../../model/settings';

// What is explored here is small enough for every day; `npm run test:model` goes further.

const settings = [
  ...[0, 1, 2].flatMap((faults) => allSettings(faults, false)),
  ...handSettings(1),
  ...shiftSettings(0, 'two calls'),
  ...shiftSettings(0, 'a call and its descendant'),
  // The two that may do most are met with faults by the longer run.
  ...shiftSettings(1, 'one call').filter(
    ({ shift }) => shift?.rolls?.surge !== 2 && shift?.rolls?.surge !== 1,
  ),
];

test.each(settings.map((setting) => [setting.name, setting] as const))(
  'no interleaving breaks a promise: %s',
  (_, setting) => {
    const { counterexample, whole, states } = explore(setting);
    expect(counterexample).toBeUndefined();
    expect(whole).toBe(true);
    expect(states).toBeGreaterThan(50);
  },
);

test.each(seededBugs.map((bug) => [bug.name, bug] as const))(
  'the model finds a bug that is put in: %s',
  (_, bug) => {
    const { counterexample } = explore(makeSetting(bug.name, bug.choice, bug.mutation));
    expect(counterexample?.violation).toMatch(bug.found);
    expect(counterexample?.trace.length).toBeGreaterThan(0);
  },
);
