import { painted } from '../../../host/src/cli/output/colour';
import { asJson } from '../../../host/src/cli/output/json';
import { type Column, renderFields, renderTable } from '../../../host/src/cli/output/table';
import { asYaml } from '../../../host/src/cli/output/yaml';

interface Row {
  readonly name: string;
  readonly count: number;
  readonly note: string;
}

const columns: readonly Column<Row>[] = [
  { header: 'NAME', text: ({ name }) => name },
  { header: 'COUNT', text: ({ count }) => count, right: true },
  { header: 'NOTE', text: ({ note }) => note, colour: () => 'red' },
];

const row = (name: string, count = 0, note = ''): Row => ({ name, count, note });

test('columns are as wide as what they hold, figures stand to the right, and what is empty is a dash', () => {
  expect(renderTable(columns, [row('kv', 7, 'fine'), row('counter', 1_200)])).toBe(
    ['NAME     COUNT  NOTE', 'kv           7  fine', 'counter   1200  -', ''].join('\n'),
  );
});

test('colours take no room', () => {
  const plain = renderTable(columns, [row('kv', 7, 'fine'), row('counter', 12, 'x')]);
  const coloured = renderTable(columns, [row('kv', 7, 'fine'), row('counter', 12, 'x')], { paint: painted });
  expect(coloured).toContain('\u001b[31mfine\u001b[0m');
  expect(coloured.replace(/\u001b\[\d+m/g, '')).toBe(plain);
});

test('what could drive a terminal is written out, and stays on its line', () => {
  const text = renderTable(columns, [row('kv\u001b[2J', 1, 'first\nsecond\r\u202egnp.exe')]);
  expect(text.split('\n')).toHaveLength(3);
  expect(text).toContain('kv\\x1b[2J');
  expect(text).toContain('first\\nsecond\\r\\u202egnp.exe');
  expect(renderFields([['Problem', 'a\u0007b']])).toBe('Problem:  a\\x07b\n');
  expect(asJson({ text: '\u009b31m\u202e' })).toBe('{\n  "text": "\\u009b31m\\u202e"\n}\n');
  expect(asYaml({ 'k\u0085': 'a\u001b[31m\u009b', list: ['line\n\u202eend'] })).toBe(
    '"k\\u0085": "a\\e[31m\\u009b"\nlist:\n  - "line\\n\\u202eend"\n',
  );
});

test('on a terminal a line fits: a long name is cut, and the last column takes what is left', () => {
  const rows = [row('n'.repeat(100), 1, 'x'.repeat(200)), row('kv', 1, 'short')];
  const lines = renderTable(columns, rows, { width: 80 }).trimEnd().split('\n');
  expect(lines.map((line) => line.length)).toEqual([expect.any(Number), 80, expect.any(Number)]);
  expect(lines[1]).toMatch(/^n{47}… {6}1 {2}x+…$/);
  expect(lines.every((line) => line.length <= 80)).toBe(true);
  // A pipe gets all of it.
  expect(renderTable(columns, rows)).toContain(`${'n'.repeat(100)}      1  ${'x'.repeat(200)}\n`);
});

test('a pair of surrogates is one character, and is not cut in two', () => {
  const text = renderTable([{ header: 'A', text: (one: string) => one }, ...[]], ['😀'.repeat(60), 'b'], {
    width: 20,
  });
  expect(text.split('\n')[1]).toBe(`${'😀'.repeat(19)}…`);
});

test('on a narrow terminal spare columns give way, the right one first, before the last one is cut', () => {
  const spare: readonly Column<Row>[] = [
    { header: 'NAME', text: ({ name }) => name },
    { header: 'FIRST', text: ({ count }) => count, spare: true },
    { header: 'SECOND', text: ({ count }) => count, spare: true },
    { header: 'NOTE', text: ({ note }) => note },
  ];
  const headers = (width: number | undefined, note: string) => {
    const text = renderTable(spare, [row('kv', 1, note)], width === undefined ? {} : { width });
    return text.split('\n')[0]?.split(/ +/);
  };
  const long = 'x'.repeat(100);
  expect(headers(undefined, long)).toEqual(['NAME', 'FIRST', 'SECOND', 'NOTE']);
  expect(headers(80, long)).toEqual(['NAME', 'FIRST', 'SECOND', 'NOTE']);
  expect(headers(45, long)).toEqual(['NAME', 'FIRST', 'NOTE']);
  expect(headers(38, long)).toEqual(['NAME', 'NOTE']);
  // What has little to say needs little room.
  expect(headers(38, 'fine')).toEqual(['NAME', 'FIRST', 'SECOND', 'NOTE']);
});
