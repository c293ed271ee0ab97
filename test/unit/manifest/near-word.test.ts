import { nearWord } from '../../../host/src/manifest/near-word';

const keys = ['name', 'version', 'command', 'instances', 'startTimeoutMs', 'strategy', 'state'];

test.each([
  ['instancse', 'instances'],
  ['Version', 'version'],
  ['start_timeout_ms', 'startTimeoutMs'],
  ['start-timeout-ms', 'startTimeoutMs'],
  ['comand', 'command'],
  ['strategie', 'strategy'],
  ['nmae', 'name'],
  ['stat', 'state'],
])('%s is likely %s', (word, meant) => {
  expect(nearWord(word, keys)).toBe(meant);
});

test.each(['', 'x', 'na', 'replicas', 'a'.repeat(10_000)])('%j is near to none of them', (word) => {
  expect(nearWord(word, keys)).toBeUndefined();
});

test('nothing is near where there is nothing', () => {
  expect(nearWord('name', [])).toBeUndefined();
});
