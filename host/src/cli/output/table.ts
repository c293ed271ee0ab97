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
  /** It gives way where a terminal is too narrow for all. */
  readonly spare?: boolean;
}

export interface TableLayout {
  readonly paint?: Paint;
  /** Of the terminal. Left out: nothing is cut, for programs read it. */
  readonly width?: number;
}

const gap = '  ';
/** On a terminal, one long text must not push all other columns aside. */
const widest = 48;
/** So much the last column, which explains, is to have at least. */
const enough = 30;

interface Measured<Row> {
  readonly column: Column<Row>;
  /** Of each row. */
  readonly texts: readonly string[];
  readonly width: number;
}

/** Rows below headers, in columns as wide as what they hold. A line per row, each with its end. */
export function renderTable<Row>(
  columns: readonly Column<Row>[],
  rows: Iterable<Row>,
  { paint = plain, width }: TableLayout = {},
): string {
  const list = [...rows];
  const last = columns.length - 1;
  const all = columns.map((column, index) =>
    measure(column, list, width === undefined || index === last ? Number.POSITIVE_INFINITY : widest),
  );
  const fitting = width === undefined ? all : narrowed(all, width);
  const head = fitting.map(({ column }): Cell => ({ text: column.header, colour: 'bold' }));
  const body = list.map((row, index) =>
    fitting.map(({ column, texts }): Cell => ({ text: texts[index] ?? '', colour: column.colour?.(row) })),
  );
  return [head, ...body].map((cells) => renderLine(cells, fitting, paint)).join('');
}

interface Cell {
  readonly text: string;
  readonly colour: Colour | undefined;
}

function renderLine<Row>(cells: readonly Cell[], columns: readonly Measured<Row>[], paint: Paint): string {
  const parts = columns.map(({ column, width }, index) => {
    const { text, colour } = cells[index] ?? { text: '', colour: undefined };
    const fits = shorten(text, width);
    const spaces = ' '.repeat(width - lengthOf(fits));
    const shade = paint(colour, fits);
    if (column.right === true) return spaces + shade;
    return index === columns.length - 1 ? shade : shade + spaces;
  });
  return `${parts.join(gap).trimEnd()}\n`;
}

/** Leaves out spare columns, from the right, until the last one has room; then cuts that one. */
function narrowed<Row>(columns: readonly Measured<Row>[], width: number): readonly Measured<Row>[] {
  const last = columns.at(-1);
  if (last === undefined) return columns;
  const room = width - columns.slice(0, -1).reduce((sum, one) => sum + one.width + gap.length, 0);
  const spare = columns.findLastIndex(({ column }) => column.spare === true);
  if (room < Math.min(last.width, enough) && spare >= 0)
    return narrowed(
      columns.filter((_, index) => index !== spare),
      width,
    );
  // Where there is no room to speak of, lines may as well wrap.
  return room < 12 ? columns : [...columns.slice(0, -1), { ...last, width: Math.min(last.width, room) }];
}

function measure<Row>(column: Column<Row>, rows: readonly Row[], most: number): Measured<Row> {
  const texts = rows.map((row) => shorten(shown(column.text(row)), most));
  const width = texts.reduce((longest, text) => Math.max(longest, lengthOf(text)), column.header.length);
  return { column, texts, width };
}
/** `NAME  value` lines of one thing: what `describe` shows. Empty values show as `-`. */
export function renderFields(
  fields: readonly (readonly [name: string, value: string | number, colour?: Colour | undefined])[],
  { paint = plain }: { readonly paint?: Paint } = {},
): string {
  // Some names are those that a daemon gave.
  const lines = fields.map(([name, value, colour]) => ({ name: visible(name), text: shown(value), colour }));
  const width = lines.reduce((most, { name }) => Math.max(most, lengthOf(name)), 0);
  return lines
    .map(({ name, text, colour }) => {
      const spaces = ' '.repeat(width - lengthOf(name));
      return `${paint('bold', `${name}:`)}${spaces}${gap}${paint(colour, text)}\n`;
    })
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
