import { status } from '@grpc/grpc-js';
import { RpcError } from '@plugd/host';
import { CanaryBook, withinWeight } from '../../support/canary-book';
import { ownFailure } from '../../support/canary-failure';

const what = { repeatable: true, key: undefined };
const by = (servedBy: string) => async () => ({ servedBy, pid: 7 });
const fails = (error: Error) => async () => {
  throw error;
};

test('a failure that a version was told to make counts as its own, any other one as wrong', async () => {
  const book = new CanaryBook();
  await book.enter(what, by('1.0.0'));
  await book.enter(what, fails(new RpcError(status.INTERNAL, ownFailure('2.0.0', 9))));
  await book.enter(what, fails(new RpcError(status.INTERNAL, 'something else')));
  await book.enter(what, fails(new Error('no status at all')));
  expect(book.calls.map(({ version, pid, failed }) => [version, pid, failed])).toEqual([
    ['1.0.0', 7, undefined],
    ['2.0.0', 9, 'own'],
    [undefined, undefined, 'wrong'],
    [undefined, undefined, 'wrong'],
  ]);
  expect(Object.values(book.wrong())).toEqual([1, 1]);
});

test('only a call that may not be made twice can be lost with its process', async () => {
  const book = new CanaryBook();
  const lost = new RpcError(status.UNAVAILABLE, 'gone', { metadata: { 'plugd-executed': 'maybe' } });
  await book.enter({ ...what, repeatable: false }, fails(lost));
  await book.enter(what, fails(lost));
  expect(book.calls.map(({ failed }) => failed)).toEqual(['lost', 'wrong']);
});

test('calls count under the page that was open when they began, and those with a key not at all', async () => {
  const book = new CanaryBook();
  const late = book.enter(what, async () => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    return { servedBy: '2.0.0', pid: 9 };
  });
  book.page = 25;
  await book.enter(what, by('1.0.0'));
  await book.enter({ repeatable: true, key: 'a' }, by('2.0.0'));
  await late;
  expect(book.shares('2.0.0')).toEqual([
    { percent: 0, calls: 1, hers: 1 },
    { percent: 25, calls: 1, hers: 0 },
  ]);
});

test('a key that was sent back shows', async () => {
  const book = new CanaryBook();
  for (const version of ['1.0.0', '1.0.0', '2.0.0', '1.0.0']) {
    await book.enter({ repeatable: true, key: 'a' }, by(version));
  }
  expect(book.versionsOf('a')).toEqual(['1.0.0', '2.0.0', '1.0.0']);
});

test.each([
  [5, 1000, 50, true],
  [5, 1000, 80, true],
  [5, 1000, 95, false],
  [5, 1000, 10, false],
  [100, 1000, 990, false],
  [0, 1000, 2, false],
])('of a weight of %d %%, in %d calls %d are within it: %p', (percent, calls, hers, within) => {
  expect(withinWeight({ percent, calls, hers })).toBe(within);
});
