import { type Colour, type Paint, plain } from './colour';
import { visible } from './visible';

/** A column of a table: what it shows of a row. */
export interface Column<Row> {
  readonly header: string;
  /** Empty shows as `-`. What a terminal must not see is escaped by the table. */
  readonly text: (row: Row) => string | number;
  /** Figures stand to the right. */
  readonly right?: boolean;
  readonly colour?: (row: Row) => Colour | undefined;
}

export interface TableLayout {
  readonly paint?: Paint;
  /** Of the terminal. Left out: nothing is cut, for programs read it. */
  readonly width?: number;
}

const gap = '  ';
/** On a terminal, one long text must not push all other columns aside. */
const widest = 48;

/** Rows below headers, in columns as wide as what they hold. A line per row, each with its end. */
export function renderTable<Row>(
  columns: readonly Column<Row>[],
  rows: Iterable<Row>,
  { paint = plain, width }: TableLayout = {},
): string {
  const last = columns.length - 1;
  const cut = (text: string, index: number) =>
    width === undefined || index === last ? text : shorten(text, widest);
  const cells = Array.from(rows, (row) => ({
    row,
    texts: columns.map((column, index) => cut(shown(column.text(row)), index)),
  }));
  const widths = columns.map((column, index) =>
    cells.reduce((most, { texts }) => Math.max(most, lengthOf(texts[index] ?? '')), column.header.length),
  );
  // What is left for the last column; where that is nothing to speak of, lines may as well wrap.
  const before = widths.slice(0, last).reduce((sum, one) => sum + one + gap.length, 0);
  const room = width === undefined || width - before < 12 ? undefined : width - before;

  const line = (texts: readonly string[], colours: readonly (Colour | undefined)[]) =>
    `${texts
      .map((text, index) => {
        const fits = index === last && room !== undefined ? shorten(text, room) : text;
        const column = columns[index];
        const spaces = ' '.repeat(Math.max(0, (widths[index] ?? 0) - lengthOf(fits)));
        const shade = paint(colours[index], fits);
        if (column?.right === true) return spaces + shade;
        return index === last ? shade : shade + spaces;
      })
      .join(gap)
      .trimEnd()}\n`;

  const head = line(
    columns.map(({ header }) => header),
    columns.map(() => 'bold'),
  );
  return (
    head +
    cells
      .map(({ row, texts }) =>
        line(
          texts,
          columns.map(({ colour }) => colour?.(row)),
        ),
      )
      .join('')
  );
}

/** `NAME  value` lines of one thing: what `describe` shows. Empty values show as `-`. */
export function renderFields(
  fields: readonly (readonly [name: string, value: string | number, colour?: Colour | undefined])[],
  { paint = plain, indent = '' }: { readonly paint?: Paint; readonly indent?: string } = {},
): string {
  const width = fields.reduce((most, [name]) => Math.max(most, name.length), 0);
  return fields
    .map(
      ([name, value, colour]) =>
        `${indent}${paint('bold', `${name}:`)}${' '.repeat(width - name.length)}${gap}${paint(colour, shown(value))}\n`,
    )
    .join('');
}

function shown(value: string | number): string {
  return value === '' ? '-' : visible(String(value));
}

function shorten(text: string, most: number): string {
  const characters = Array.from(text);
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join('')}…`;
}

/** Of characters, not of halves of them. */
function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text) length++;
  return length;
}
