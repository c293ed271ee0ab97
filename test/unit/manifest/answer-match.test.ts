import { missingIn } from '../../../host/src/manifest/answer-match';

const answer = {
  key: 'a',
  count: '5',
  nested: { flag: true, tags: ['x', 'y'] },
  items: [{ id: 1 }, { id: 2, more: 3 }],
};

test.each([
  [{}],
  [{ key: 'a' }],
  [{ nested: { tags: ['x', 'y'] } }],
  [{ items: [{ id: 1 }, { id: 2 }] }],
  // 64-bit numbers are texts in JSON.
  [{ count: 5 }],
  [{ count: '5' }],
  // Left out is the default.
  [{ absent: 0, other: '', third: false, fourth: [], fifth: {}, nested: { inner: { deep: 0 } } }],
])('%j is in the answer', (expected) => {
  expect(missingIn(answer, expected)).toBeUndefined();
});

test.each([
  [{ key: 'b' }, 'key is "a", and not "b"'],
  [{ nested: { flag: false } }, 'nested.flag is true, and not false'],
  [{ nested: { tags: ['x'] } }, 'nested.tags has 2 entries, and not 1'],
  [{ items: [{ id: 1 }, { id: 3 }] }, 'items[1].id is 2, and not 3'],
  [{ absent: 1 }, 'absent is missing, and not 1'],
  [{ key: { a: 1 } }, 'key is "a", and not a map'],
  [{ items: 'x' }, 'items is a list, and not "x"'],
  [{ count: 6 }, 'count is "5", and not 6'],
  [{ key: null }, 'key is "a", and not empty'],
])('%j is not, and is told where', (expected, why) => {
  expect(missingIn(answer, expected)).toBe(why);
});

test('no answer at all lacks what is not the default', () => {
  expect(missingIn(undefined, { a: 1 })).toBe('the answer is missing, and not a map');
  expect(missingIn(undefined, {})).toBeUndefined();
});

test('what an answer holds does not reach a terminal', () => {
  expect(missingIn({ a: '\u001b[31m' }, { a: 'x' })).toBe('a is "\\x1b[31m", and not "x"');
});
