import { JsonSplitter } from '../../../host/src/cli/call/json-splitter';
import { JsonSyntaxError, parseJson } from '../../../host/src/cli/call/json-text';
import { SeededRandom } from '../../support/seeded-random';

test.each([
  '{}',
  '[]',
  ' {"a" : [1, -2.5e3, true, false, null, "x\\"\\\\\\u00e9\\n"], "b": {"c": {}}} ',
  '"text"',
  '0',
  '{"__proto__": 1}',
])('%s is read as JSON.parse reads it', (text) => {
  expect(parseJson(text)).toEqual(JSON.parse(text));
});

test('a whole number that a double can not hold stays as it was written', () => {
  expect(parseJson('[9007199254740993, 9007199254740991]')).toEqual(['9007199254740993', 9007199254740991]);
});

test.each([
  ['{"a": 1,}', 1, 9],
  ['{\n  "a": 1\n  "b": 2\n}', 3, 3],
  ['{"a" 1}', 1, 6],
  ["{'a': 1}", 1, 2],
  ['{"a": nope}', 1, 7],
  ['{"a": 01}', 1, 8],
  ['{"a": "x', 1, 7],
  ['{"a": "\\x"}', 1, 8],
  ['{"a": "\t"}', 1, 8],
  ['{"a": 1, "a": 2}', 1, 10],
  ['[1 2]', 1, 4],
  ['{} {}', 1, 4],
  ['', 1, 1],
])('%j is wrong at line %i, column %i', (text, line, column) => {
  let error: unknown;
  try {
    parseJson(text);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(JsonSyntaxError);
  expect(error).toMatchObject({ place: { line, column } });
});

test('what is nested too deep is refused and ends nothing', () => {
  expect(() => parseJson('['.repeat(100_000))).toThrow(JsonSyntaxError);
});

test('values are told apart wherever the text is cut, each with its place', () => {
  const text = '{"a": "}\\"{"}\n [1, {"b": 2}] "x" 12\ttrue{}{}';
  const expected = [
    ['{"a": "}\\"{"}', 1, 1],
    ['[1, {"b": 2}]', 2, 2],
    ['"x"', 2, 16],
    ['12', 2, 20],
    ['true', 2, 23],
    ['{}', 2, 27],
    ['{}', 2, 29],
  ];
  const random = new SeededRandom();
  for (let round = 0; round < 200; round++) {
    const splitter = new JsonSplitter();
    const found: unknown[] = [];
    for (let at = 0; at < text.length; ) {
      const end = at + 1 + Math.floor(random.next() * 6);
      for (const { text: piece, place } of splitter.take(text.slice(at, end)))
        found.push([piece, place.line, place.column]);
      at = end;
    }
    for (const { text: piece, place } of splitter.end()) found.push([piece, place.line, place.column]);
    expect(found).toEqual(expected);
  }
});

test('a value is given as soon as it is whole, not when the next one comes', () => {
  const splitter = new JsonSplitter();
  expect([...splitter.take('{"a": ')]).toEqual([]);
  expect([...splitter.take('1}')]).toHaveLength(1);
});
