import { LiveBlock } from '../../../host/src/cli/operation/live-block';

/** As much of a terminal as it takes: lines, a cursor, and the three sequences that are used. */
class Screen {
  lines: string[] = [''];
  row = 0;
  column = 0;

  write(text: string): void {
    for (const [all, digits, letter] of text.matchAll(/\u001b\[(\??\d*)([A-Za-z])|[\s\S]/g)) {
      if (letter === undefined) this.#put(all);
      else if (letter === 'A') this.row = Math.max(0, this.row - Number(digits || 1));
      else if (letter === 'K') this.#line(this.row, (line) => line.slice(0, this.column));
      else if (letter === 'J') {
        this.#line(this.row, (line) => line.slice(0, this.column));
        this.lines.length = this.row + 1;
      }
    }
  }

  #put(character: string): void {
    if (character === '\r') this.column = 0;
    else if (character === '\n') {
      this.row++;
      this.column = 0;
      this.lines[this.row] ??= '';
    } else {
      const at = this.column++;
      this.#line(this.row, (line) => line.padEnd(at).slice(0, at) + character + line.slice(at + 1));
    }
  }

  #line(row: number, change: (line: string) => string): void {
    this.lines[row] = change(this.lines[row] ?? '');
  }
}

test('what is painted takes the place of what was painted before, whether it has more lines or fewer', () => {
  const screen = new Screen();
  screen.write('before\n');
  const block = new LiveBlock(screen);
  block.paint(['a long first line', 'second', 'third']);
  expect(screen.lines).toEqual(['before', 'a long first line', 'second', 'third', '']);
  block.paint(['short']);
  expect(screen.lines).toEqual(['before', 'short', '']);
  block.paint(['one', 'two']);
  block.end();
  screen.write('after\n');
  expect(screen.lines).toEqual(['before', 'one', 'two', 'after', '']);
});

test('a block that was never painted writes nothing', () => {
  const screen = new Screen();
  new LiveBlock(screen).end();
  expect(screen.lines).toEqual(['']);
});
