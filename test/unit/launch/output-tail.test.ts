import { OutputTail } from '../../../host/src/launch/output-tail';

test('it keeps the last 40 lines, each at most 1 KiB', () => {
  const tail = new OutputTail();
  for (let i = 0; i < 100; i++) tail.add(`${i} ${'x'.repeat(5_000)}`);
  const lines = tail.lines();
  expect(lines).toHaveLength(40);
  expect(lines[0]?.startsWith('60 ')).toBe(true);
  expect(lines.every((line) => line.length === 1_024 && line.endsWith('x…'))).toBe(true);
});

test('dropped bytes are cut into lines when they are asked for', () => {
  const tail = new OutputTail();
  tail.add('kept');
  tail.addDropped(Buffer.from('one\r\ntw'));
  tail.addDropped(Buffer.from('o\nthree'));
  expect(tail.lines()).toEqual(['kept', 'one', 'two', 'three']);
  tail.add('last');
  expect(tail.lines()).toEqual(['kept', 'one', 'two', 'three', 'last']);
});

test('of much that was dropped the end is kept', () => {
  const tail = new OutputTail();
  for (let i = 0; i < 50; i++) tail.addDropped(Buffer.alloc(65_536, '\n'));
  tail.addDropped(Buffer.from('end\n'));
  expect(tail.lines()).toHaveLength(40);
  expect(tail.lines().at(-1)).toBe('end');
});

test.each(['\n', 'x', '\nx', 'x\n', '\n\n'])('a short piece is taken as it is: %j', (text) => {
  const tail = new OutputTail();
  tail.addDropped(Buffer.from(text));
  expect(tail.lines()).toEqual(text.replace(/\n$/, '').split('\n'));
});
