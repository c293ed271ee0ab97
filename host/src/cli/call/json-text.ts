import type { JsonValue } from '@plugd/protocol/json-value';

/** Where a text stands in the whole that it is of. */
export interface TextPlace {
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
}

/** The text is no JSON; says where and why. */
export class JsonSyntaxError extends Error {
  override readonly name = 'JsonSyntaxError';

  constructor(
    message: string,
    readonly place: TextPlace,
  ) {
    super(message);
  }
}

const deepest = 100;
const space = /[ \t\r\n]*/y;
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const plainText = /[^"\\\u0000-\u001f]*/y;
const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/**
 * The value of a JSON text. Two things that `JSON.parse` does not do: what is wrong is told with its place, and a whole number beyond
 * what a double can hold stays as it was written, as a text, which is how protobuf's JSON writes numbers of 64 bits.
 *
 * @throws JsonSyntaxError
 */
export function parseJson(text: string, from: TextPlace = { line: 1, column: 1 }): JsonValue {
  return new Parser(text, from).document();
}

/** Where a place in a text is, if the text begins at another place. */
export function placeIn(text: string, at: number, from: TextPlace): TextPlace {
  const before = text.slice(0, at);
  const lines = before.split('\n').length - 1;
  if (lines === 0) return { line: from.line, column: from.column + at };
  return { line: from.line + lines, column: at - before.lastIndexOf('\n') };
}

class Parser {
  #at = 0;

  constructor(
    private readonly text: string,
    private readonly from: TextPlace,
  ) {}

  document(): JsonValue {
    const value = this.#value(0);
    this.#skip(space);
    if (this.#at < this.text.length) throw this.#wrong(`${this.#here()} after the end of the value`);
    return value;
  }

  #value(depth: number): JsonValue {
    if (depth > deepest) throw this.#wrong(`more than ${deepest} levels`);
    this.#skip(space);
    const first = this.text[this.#at];
    if (first === '{') return this.#object(depth);
    if (first === '[') return this.#list(depth);
    if (first === '"') return this.#string();
    for (const [word, value] of [
      ['true', true],
      ['false', false],
      ['null', null],
    ] as const) {
      if (!this.text.startsWith(word, this.#at)) continue;
      this.#at += word.length;
      return value;
    }
    const digits = this.#skip(number);
    if (digits === '') throw this.#wrong(`a value is expected, not ${this.#here()}`);
    const value = Number(digits);
    return /^-?\d+$/.test(digits) && !Number.isSafeInteger(value) ? digits : value;
  }

  #object(depth: number): JsonValue {
    const entries = new Map<string, JsonValue>();
    this.#at += 1;
    this.#skip(space);
    if (this.#takes('}')) return {};
    do {
      this.#skip(space);
      if (this.text[this.#at] !== '"') throw this.#wrong(`a key in quotes is expected, not ${this.#here()}`);
      const keyAt = this.#at;
      const key = this.#string();
      if (entries.has(key)) throw this.#wrong(`the key ${JSON.stringify(key)} comes twice`, keyAt);
      this.#skip(space);
      if (!this.#takes(':')) throw this.#wrong(`":" is expected after a key, not ${this.#here()}`);
      entries.set(key, this.#value(depth + 1));
      this.#skip(space);
    } while (this.#takes(','));
    if (!this.#takes('}')) throw this.#wrong(`"," or "}" is expected, not ${this.#here()}`);
    // It defines properties, so that a key named __proto__ is a key like any other.
    return Object.fromEntries(entries);
  }

  #list(depth: number): JsonValue {
    const values: JsonValue[] = [];
    this.#at += 1;
    this.#skip(space);
    if (this.#takes(']')) return values;
    do {
      values.push(this.#value(depth + 1));
      this.#skip(space);
    } while (this.#takes(','));
    if (!this.#takes(']')) throw this.#wrong(`"," or "]" is expected, not ${this.#here()}`);
    return values;
  }

  #string(): string {
    const begin = this.#at;
    this.#at += 1;
    let text = '';
    for (;;) {
      text += this.#skip(plainText);
      const next = this.text[this.#at];
      if (next === undefined) throw this.#wrong('a text without its closing quote', begin);
      if (next === '"') break;
      if (next !== '\\') throw this.#wrong(`${this.#here()} inside of a text: it has to be escaped`);
      text += this.#escape();
    }
    this.#at += 1;
    return text;
  }

  #escape(): string {
    const letter = this.text[this.#at + 1] ?? '';
    const plain = escapes[letter];
    const code = /^u([0-9a-fA-F]{4})/.exec(this.text.slice(this.#at + 1, this.#at + 6))?.[1];
    if (plain === undefined && code === undefined) throw this.#wrong(`there is no escape \\${letter}`);
    this.#at += code === undefined ? 2 : 6;
    return plain ?? String.fromCharCode(Number.parseInt(code ?? '', 16));
  }

  #takes(character: string): boolean {
    if (this.text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #skip(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.text)?.[0] ?? '';
    this.#at += found.length;
    return found;
  }

  #here(): string {
    const character = this.text.codePointAt(this.#at);
    return character === undefined ? 'the end' : JSON.stringify(String.fromCodePoint(character));
  }

  #wrong(message: string, at = this.#at): JsonSyntaxError {
    return new JsonSyntaxError(message, placeIn(this.text, at, this.from));
  }
}
