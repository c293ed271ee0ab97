import type { HostEvent, HostEventListener } from '@plugd/host';
import { type Answer, Ledger } from '../../support/ledger';

// What the upgrade tests rest on has to see what it is there to see.

function newLedger() {
  let listener: HostEventListener | undefined;
  const ledger = new Ledger((given) => {
    listener = given;
  }, 'kv');
  const swap = (generation: number, version: string): Answer => {
    const pid = 100 + generation;
    const event: HostEvent = {
      type: 'instance',
      sequence: generation,
      time: 0,
      plugin: 'kv',
      instance: `kv-${generation}`,
      version,
      generation,
      pid,
      from: 'ready',
      to: 'serving',
      cause: { reason: 'swapped' },
    };
    listener?.(event);
    return { servedBy: version, pid };
  };
  return { ledger, swap };
}

test('answers of what was in the route between begin and end of the call are right', async () => {
  const { ledger, swap } = newLedger();
  const first = swap(1, '1.0.0');
  expect(await ledger.enter('get', async () => [first])).toBe(true);
  await ledger.enter('watch', async () => {
    swap(2, '2.0.0');
    return [first, first];
  });
  await ledger.enter('get', async () => [swap(3, '3.0.0')]);
  expect(ledger.wrong).toEqual([]);
  expect(ledger.entries).toMatchObject([
    { from: 1, to: 1, generation: 1, version: '1.0.0', pid: 101 },
    { from: 1, to: 2, generation: 1 },
    { from: 2, to: 3, generation: 3 },
  ]);
});

test.each<[string, RegExp, (first: Answer, second: Answer) => readonly Answer[]]>([
  ['by a generation that had left', /generation 1, but the route went from 2 to 2/, (first) => [first]],
  ['by two processes', /mixed/, (first, second) => [second, first]],
  ['by a version that is another’s', /which is 2\.0\.0/, (_, second) => [{ ...second, servedBy: '1.0.0' }]],
  ['by a stranger', /never in the route/, () => [{ servedBy: '2.0.0', pid: 7 }]],
  ['by nobody', /nobody/, () => []],
])('a call answered %s is wrong', async (_, fault, answers) => {
  const { ledger, swap } = newLedger();
  const [first, second] = [swap(1, '1.0.0'), swap(2, '2.0.0')];
  expect(await ledger.enter('get', async () => answers(first, second))).toBe(false);
  expect(ledger.wrong).toEqual([expect.stringMatching(fault)]);
});

test('a call that fails is wrong', async () => {
  const { ledger, swap } = newLedger();
  swap(1, '1.0.0');
  await ledger.enter('get', () => Promise.reject(new Error('14 UNAVAILABLE')));
  expect(ledger.wrong).toEqual(['get: 14 UNAVAILABLE']);
  expect(ledger.entries).toMatchObject([{ error: '14 UNAVAILABLE', pid: undefined }]);
});
