import type * as Yaml from 'yaml';
import { type DataPath, formatPath, printableSentence, quoted, type SourceProblem } from './problem';
import { sourceLimits, sourceTooMuch } from './yaml-limits';

export interface Place {
  readonly line: number;
  readonly column: number;
}

/** The data of a YAML file, with the places where they stand. */
export interface YamlSource {
  /** Undefined where the text can't be read as one map. */
  readonly value: Readonly<Record<string, unknown>> | undefined;
  readonly problems: readonly SourceProblem[];
  /** Where the value of a path stands; of one that is not there, the next one around it that is. */
  placeOf(path: DataPath): Place;
  /** Where its key stands. */
  placeOfKey(path: DataPath): Place;
  /** How a value that is not a text was written: `1.10`, which is the number 1.1. */
  writtenAs(path: DataPath): string | undefined;
}

const start: Place = { line: 1, column: 1 };

/**
 * Reads YAML 1.2, core schema, as plain data: no anchors, aliases, tags, directives or second documents, each key once.
 * It never throws for what the text holds.
 */
export function readYaml(bytes: Uint8Array): YamlSource {
  if (bytes.length > sourceLimits.bytes)
    return nothing([{ ...start, path: '', message: `more than ${sourceLimits.bytes} bytes` }]);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return nothing([{ ...start, path: '', message: 'not UTF-8' }]);
  }
  return new Reader(text).read();
}

/** Paths as keys of a map: no key of the data can look like the end of another. */
const keyOf = (path: DataPath): string => JSON.stringify(path);

class Reader {
  // Loaded with the first file: an application without manifests does without.
  readonly #yaml: typeof Yaml = require('yaml');
  readonly #text: string;
  readonly #lines: Yaml.LineCounter;
  readonly #problems: SourceProblem[] = [];
  readonly #values = new Map<string, Place>();
  readonly #keys = new Map<string, Place>();
  readonly #written = new Map<string, string>();

  constructor(text: string) {
    this.#text = text;
    this.#lines = new this.#yaml.LineCounter();
    this.#lines.addNewLine(0);
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1))
      this.#lines.addNewLine(at + 1);
  }

  read(): YamlSource {
    const tooMuch = sourceTooMuch(this.#text, this.#yaml, (offset) => this.#place(offset));
    if (tooMuch !== undefined) return nothing([tooMuch]);
    const document = this.#yaml.parseDocument(this.#text, {
      version: '1.2',
      schema: 'core',
      merge: false,
      prettyErrors: false,
      stringKeys: true,
      // Compares each key with each other one: with thousands of them that takes minutes. It is done below.
      uniqueKeys: false,
      // With 'silent' a second document would be passed over in silence.
      logLevel: 'error',
    });
    for (const { code, message, pos } of [...document.errors, ...document.warnings])
      this.#add(pos[0], [], wordsOf(code, message));
    if (this.#problems.length > 0) return nothing(this.#problems);
    const { contents } = document;
    if (!this.#yaml.isMap(contents)) {
      this.#add(contents?.range?.[0] ?? 0, [], 'the file has to hold a map of keys and values');
      return nothing(this.#problems);
    }
    return {
      value: this.#map(contents, []),
      problems: this.#problems,
      placeOf: (path) => this.#nearest(path, this.#values),
      placeOfKey: (path) => this.#nearest(path, this.#keys),
      writtenAs: (path) => this.#written.get(keyOf(path)),
    };
  }

  #value(node: unknown, path: DataPath): unknown {
    if (path.length > sourceLimits.depth) {
      this.#add(offsetOf(node), path, `nested more than ${sourceLimits.depth} levels deep`);
      return null;
    }
    if (this.#yaml.isMap(node)) return this.#map(node, path);
    if (this.#yaml.isSeq(node)) {
      this.#values.set(keyOf(path), this.#place(offsetOf(node)));
      return node.items.map((item, index) => this.#value(item, [...path, index]));
    }
    // Nothing behind a key stands where the key does.
    if (!this.#yaml.isScalar(node)) return null;
    const place = node.range == null ? this.#keys.get(keyOf(path)) : this.#place(node.range[0]);
    this.#values.set(keyOf(path), place ?? start);
    if (typeof node.value !== 'string') this.#written.set(keyOf(path), node.source ?? '');
    return node.value;
  }

  #map(node: Yaml.YAMLMap, path: DataPath): Record<string, unknown> {
    this.#values.set(keyOf(path), this.#place(offsetOf(node)));
    const entries = new Map<string, unknown>();
    for (const { key, value } of node.items) {
      const name = this.#yaml.isScalar(key) ? String(key.value) : '';
      const inner = [...path, name];
      if (entries.has(name)) {
        const first = this.#keys.get(keyOf(inner)) ?? start;
        this.#add(offsetOf(key), inner, `the key ${quoted(name)} stands already in line ${first.line}`);
        continue;
      }
      this.#keys.set(keyOf(inner), this.#place(offsetOf(key)));
      entries.set(name, this.#value(value, inner));
    }
    // Not by assignment, by which "__proto__" would be more than a key.
    return Object.fromEntries(entries);
  }

  #nearest(path: DataPath, places: ReadonlyMap<string, Place>): Place {
    for (let length = path.length; length > 0; length--) {
      const key = keyOf(path.slice(0, length));
      const found =
        (length === path.length ? places.get(key) : undefined) ??
        this.#keys.get(key) ??
        this.#values.get(key);
      if (found !== undefined) return found;
    }
    return start;
  }

  #add(offset: number, path: DataPath, message: string): void {
    this.#problems.push({ ...this.#place(offset), path: formatPath(path), message });
  }

  #place(offset: number): Place {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }
}

function offsetOf(node: unknown): number {
  if (typeof node !== 'object' || node === null || !('range' in node)) return 0;
  const { range } = node;
  return Array.isArray(range) && typeof range[0] === 'number' ? range[0] : 0;
}

function wordsOf(code: string, message: string): string {
  if (code === 'NON_STRING_KEY') return 'keys have to be texts';
  if (code === 'MULTIPLE_DOCS') return 'a second document is not allowed';
  return printableSentence(message);
}

function nothing(problems: readonly SourceProblem[]): YamlSource {
  return {
    value: undefined,
    problems,
    placeOf: () => start,
    placeOfKey: () => start,
    writtenAs: () => undefined,
  };
}
