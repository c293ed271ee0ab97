import { QuietTime } from '../../../host/src/watch/quiet-time';

const look = (quiet: QuietTime, nowMs: number, things: Record<string, string>) => {
  const { settled, justGone, nextMs } = quiet.look(nowMs, new Map(Object.entries(things)));
  return { settled: [...settled].sort(), justGone: [...justGone], nextMs };
};

test('what has not changed for the quiet time is settled, each by itself', () => {
  const quiet = new QuietTime(300);
  expect(look(quiet, 0, { a: '1' })).toEqual({ settled: [], justGone: [], nextMs: 300 });
  expect(look(quiet, 200, { a: '1', b: '1' })).toEqual({ settled: [], justGone: [], nextMs: 100 });
  expect(look(quiet, 300, { a: '1', b: '1' })).toEqual({ settled: ['a'], justGone: [], nextMs: 200 });
  expect(look(quiet, 400, { a: '2', b: '1' })).toEqual({ settled: [], justGone: [], nextMs: 100 });
  expect(look(quiet, 500, { a: '2', b: '1' })).toEqual({ settled: ['b'], justGone: [], nextMs: 200 });
  expect(look(quiet, 700, { a: '2', b: '1' })).toEqual({
    settled: ['a', 'b'],
    justGone: [],
    nextMs: undefined,
  });
});

test('what is gone may come back within the quiet time', () => {
  const quiet = new QuietTime(300);
  look(quiet, 0, { a: '1' });
  expect(look(quiet, 300, {})).toEqual({ settled: [], justGone: ['a'], nextMs: 300 });
  expect(look(quiet, 400, { a: '1' })).toEqual({ settled: [], justGone: [], nextMs: 300 });
  look(quiet, 500, {});
  expect(look(quiet, 800, {})).toEqual({ settled: [], justGone: [], nextMs: undefined });
});

test('without a quiet time all is settled at once, and what was doubted begins anew', () => {
  expect(look(new QuietTime(0), 5, { a: '1' })).toEqual({
    settled: ['a'],
    justGone: [],
    nextMs: undefined,
  });
  const quiet = new QuietTime(100);
  look(quiet, 0, { a: '1' });
  quiet.disturb('a');
  expect(look(quiet, 100, { a: '1' }).settled).toEqual([]);
});
