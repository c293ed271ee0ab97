import { stepWords, strategies, undoWords } from '../../../host/src/upgrade/step-table';

describe.each(Object.entries(strategies))('the steps of %s', (_, rows) => {
  test('have each step once', () => {
    const names = rows.map(({ step }) => step);
    expect(new Set(names).size).toBe(names.length);
  });

  test('swap once, and know which of them come before and after', () => {
    const swap = rows.findIndex(({ step }) => step === 'swap');
    const phases = rows.map((__, index) => (index < swap ? 'before' : index > swap ? 'after' : 'swap'));
    expect(rows.map(({ phase }) => phase)).toEqual(phases);
  });

  test('come further with each', () => {
    const percents = rows.map(({ percent }) => percent);
    expect(percents).toEqual([...new Set(percents)].sort((a, b) => a - b));
    expect(percents.at(-1)).toBe(100);
  });

  test('hold calls from hold to release-calls, both among them', () => {
    const names = rows.filter(({ held }) => held).map(({ step }) => step);
    if (names.length === 0) return;
    expect([names[0], names.at(-1)]).toEqual(['hold', 'release-calls']);
  });

  test('are undone whenever they fail before the new one has calls, and never made good by an old one that is gone where they are not its own', () => {
    for (const { step, phase, held, onFailure, ifOldIsGone } of rows) {
      if (phase !== 'after' || held) expect([step, onFailure]).toEqual([step, 'undo']);
      if (ifOldIsGone === 'done') expect([step, stepWords[step].side]).toEqual([step, 'old']);
    }
  });

  test('are finished by a restarted host from the one on which gives calls to the new one', () => {
    const giving = rows.some(({ held }) => held) ? 'release-calls' : 'swap';
    const from = rows.findIndex(({ step }) => step === giving);
    rows.forEach(({ onRestart }, index) => {
      expect(onRestart === 'finish').toBe(index >= from);
    });
  });
});

test('what is done instead of an undo ends somewhere', () => {
  for (const { orElse } of Object.values(undoWords)) {
    if (orElse !== undefined) expect(undoWords[orElse].orElse).toBeUndefined();
  }
});
