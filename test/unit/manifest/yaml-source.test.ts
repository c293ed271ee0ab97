import { readYaml } from '../../../host/src/manifest/yaml-source';

const read = (text: string) => readYaml(Buffer.from(text));
const problem = (text: string) =>
  read(text).problems.map(({ line, column, message }) => ({ line, column, message }));

test('values, keys and lists have their places', () => {
  const source = read('a: 1\nb:\n  - x\n  - {c:   yes}\n"odd key": ""\n');
  expect(source.value).toEqual({ a: 1, b: ['x', { c: 'yes' }], 'odd key': '' });
  expect(source.problems).toEqual([]);
  expect(source.placeOf(['a'])).toEqual({ line: 1, column: 4 });
  expect(source.placeOf(['b', 1, 'c'])).toEqual({ line: 4, column: 11 });
  expect(source.placeOfKey(['b', 1, 'c'])).toEqual({ line: 4, column: 6 });
  expect(source.placeOfKey(['odd key'])).toEqual({ line: 5, column: 1 });
});

test('what is not there has the place of what is around it', () => {
  const source = read('a: 1\nb:\n  c: {}\n');
  expect(source.placeOf(['b', 'c', 'd', 'e'])).toEqual({ line: 3, column: 3 });
  expect(source.placeOf(['z'])).toEqual({ line: 1, column: 1 });
});

test('a number is known as it was written', () => {
  const source = read('version: 1.10\nbig: 0x10\nname: 1.2.3\n');
  expect(source.value).toEqual({ version: 1.1, big: 16, name: '1.2.3' });
  expect(source.writtenAs(['version'])).toBe('1.10');
  expect(source.writtenAs(['big'])).toBe('0x10');
  expect(source.writtenAs(['name'])).toBeUndefined();
});

test('words that YAML 1.1 took for something else are texts', () => {
  expect(read('a: yes\nb: no\nc: on\nd: 1:20\ne: 2001-01-01\nf: <<\n').value).toEqual({
    a: 'yes',
    b: 'no',
    c: 'on',
    d: '1:20',
    e: '2001-01-01',
    f: '<<',
  });
});

test('a byte order mark and the line ends of Windows are no part of the data', () => {
  const source = read('\ufeffa: x\r\nb: y\r\n');
  expect(source.value).toEqual({ a: 'x', b: 'y' });
  expect(source.placeOf(['b'])).toEqual({ line: 2, column: 4 });
});

test.each([
  ['an anchor', 'a: &x 1\n', 1, 4, 'anchors (&) are not allowed'],
  ['an alias', 'a: 1\nb: *x\n', 2, 4, 'aliases (*) are not allowed'],
  ['a tag', 'a: !!binary x\n', 1, 4, 'tags (!) are not allowed'],
  ['a directive', '%YAML 1.1\n---\na: yes\n', 1, 1, 'directives (%) are not allowed'],
  ['a second document', 'a: 1\n---\nb: 1\n', 2, 1, 'a second document is not allowed'],
  ['a key twice', 'a: 1\nb: 1\na: 2\n', 3, 1, 'the key "a" stands already in line 1'],
  ['a key that is a list', '? [a]\n: 1\n', 1, 3, 'keys have to be texts'],
  ['a control character', 'a: "\u001b[31m"\n', 1, 5, 'the control character U+001B is not allowed'],
  [
    'a control character of the upper half',
    'a: \u009b\n',
    1,
    4,
    'the control character U+009B is not allowed',
  ],
  ['NUL', 'a: x\0\n', 1, 5, 'the control character U+0000 is not allowed'],
  ['nothing', '', 1, 1, 'the file has to hold a map of keys and values'],
  ['a list', '- a\n', 1, 1, 'the file has to hold a map of keys and values'],
  ['a tab', 'a:\n\tb: 1\n', 2, 1, 'tabs are not allowed as indentation'],
])('%s is refused with its place', (_, text, line, column, message) => {
  expect(problem(text)).toEqual([{ line, column, message }]);
});

test('bytes that are no UTF-8 are refused', () => {
  expect(readYaml(Buffer.from([0x61, 0x3a, 0x20, 0xff])).problems).toMatchObject([{ message: 'not UTF-8' }]);
});

// A parser that calls itself for each level runs out of its stack, and with it the process.
test.each([
  ['lists in braces', '['.repeat(1_000_000)],
  ['maps in braces', '{a: '.repeat(200_000)],
  ['lists on a line', `${'- '.repeat(500_000)}a`],
  ['keys on a line', '? '.repeat(500_000)],
  ['lines that go in', Array.from({ length: 1_000 }, (_, depth) => `${' '.repeat(depth)}a:\n`).join('')],
  [
    'lines that go in a little',
    Array.from({ length: 100 }, (_, depth) => `${' '.repeat(depth)}a:\n`).join(''),
  ],
])('%s without end are refused before they are parsed', (_, text) => {
  expect(problem(text)).toMatchObject([{ message: 'nested more than 32 levels deep' }]);
});

test('what is not nested is not taken for it', () => {
  const flat = `{${Array.from({ length: 100 }, (_, i) => `k${i}: [${i}]`).join(', ')}}`;
  const text = `a: ${flat} # [[[[\nb: ["[[[[", '{{{{']\nc: |\n${' '.repeat(300)}[[[ - - -\n`;
  expect(read(text).problems).toEqual([]);
});

test('what is too long is refused unread', () => {
  expect(problem('#'.repeat(1024 * 1024 + 1))).toMatchObject([{ message: 'more than 1048576 bytes' }]);
  expect(problem('a,'.repeat(60_000))).toHaveLength(1);
  expect(problem(`a: [${'1,'.repeat(60_000)}]`)).toMatchObject([{ message: 'more than 100000 tokens' }]);
});

test('keys that objects have of their own are keys', () => {
  const { value } = read('"__proto__": {x: 1}\nconstructor: 2\n');
  expect(Object.keys(value ?? {})).toEqual(['__proto__', 'constructor']);
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
});
