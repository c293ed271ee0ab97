import { durationMs, sinceOption, waitOption } from '../../../host/src/cli/duration';
import { age } from '../../../host/src/cli/output/age';

const invalid = expect.objectContaining({ code: 'commander.invalidArgument' });

const [second, minute, hour, day] = [1_000, 60_000, 3_600_000, 86_400_000];

test.each([
  [0, '0s'],
  [-5 * second, '0s'],
  [42 * second + 900, '42s'],
  [119 * second, '119s'],
  [2 * minute, '2m'],
  [3 * minute + 5 * second, '3m5s'],
  [12 * minute + 5 * second, '12m'],
  [2 * hour + 12 * minute, '2h12m'],
  [12 * hour + 30 * minute, '12h'],
  [3 * day + 4 * hour, '3d4h'],
  [400 * day + hour, '400d'],
])('%d ms are an age of %s', (ms, text) => {
  expect(age(ms)).toBe(text);
});

test.each([
  ['500ms', 500],
  ['1.5s', 1_500],
  ['90s', 90 * second],
  ['1h30m', hour + 30 * minute],
  ['2d', 2 * day],
  ['5', undefined],
  ['', undefined],
  ['5x', undefined],
  ['1h 3m', undefined],
  ['-5s', undefined],
  ['5s!', undefined],
])('the time %s is %s', (text, ms) => {
  expect(durationMs(text)).toBe(ms);
});

test('a wait has a unit, is longer than nothing, and no longer than a timer can be', () => {
  expect(waitOption('30s')).toBe(30 * second);
  for (const text of ['30', '0s', '25d', 'soon']) expect(() => waitOption(text)).toThrow(invalid);
});

test('a beginning is so long ago, or a date', () => {
  const since = sinceOption(() => 10 * hour);
  expect(since('2h')).toBe(8 * hour);
  // As far back as there is anything; 0 would mean that none was given.
  expect(since('30d')).toBe(1);
  expect(since('2026-05-01T13:00:00Z')).toBe(Date.UTC(2026, 4, 1, 13));
  for (const text of ['yesterday', '10', '1 May', '2026-13-01']) expect(() => since(text)).toThrow(invalid);
});
