import { placeIn, type TextPlace } from './json-text';

/** The text of one value, and where it begins. */
export interface JsonPiece {
  readonly text: string;
  readonly place: TextPlace;
}

const white = new Set([' ', '\t', '\r', '\n']);

/**
 * Takes a text apart that comes in parts and holds one JSON value after the other, with or without line ends between them. Only
 * finds where values end; whether they are any is for who reads them.
 */
export class JsonSplitter {
  #text = '';
  #place: TextPlace = { line: 1, column: 1 };
  /** Up to here it has been looked at. */
  #seen = 0;
  #depth = 0;
  #inString = false;
  /** A backslash was the last one. */
  #escaped = false;

  /** How much waits for the end of its value, in UTF-16 units. */
  get waiting(): number {
    return this.#text.length;
  }

  /** The values that are whole with this part. */
  *take(part: string): Iterable<JsonPiece> {
    this.#text += part;
    for (;;) {
      if (this.#seen === 0) this.#skipSpace();
      const end = this.#end();
      if (end === undefined) return;
      yield this.#cut(end);
    }
  }

  /** There is no more: what is left is taken for a value. */
  *end(): Iterable<JsonPiece> {
    if (this.#text !== '') yield this.#cut(this.#text.length);
  }

  #skipSpace(): void {
    let length = 0;
    while (white.has(this.#text[length] ?? '')) length++;
    if (length > 0) this.#cut(length);
  }

  #cut(end: number): JsonPiece {
    const piece = { text: this.#text.slice(0, end), place: this.#place };
    this.#place = placeIn(this.#text, end, this.#place);
    this.#text = this.#text.slice(end);
    this.#seen = 0;
    this.#depth = 0;
    this.#inString = false;
    this.#escaped = false;
    return piece;
  }

  /** Where the first value ends; undefined: not yet. */
  #end(): number | undefined {
    for (; this.#seen < this.#text.length; this.#seen++) {
      const character = this.#text[this.#seen] ?? '';
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (character === '\\') this.#escaped = true;
        else if (character === '"') {
          this.#inString = false;
          if (this.#depth === 0) return this.#seen + 1;
        }
      } else if (character === '"') {
        // What came before it without a space is a value of its own, or rubbish.
        if (this.#depth === 0 && this.#seen > 0) return this.#seen;
        this.#inString = true;
      } else if (character === '{' || character === '[') {
        if (this.#depth === 0 && this.#seen > 0) return this.#seen;
        this.#depth++;
      } else if (character === '}' || character === ']') {
        this.#depth--;
        if (this.#depth <= 0) return this.#seen + 1;
      } else if (this.#depth === 0 && white.has(character)) {
        return this.#seen;
      }
    }
    return undefined;
  }
}
