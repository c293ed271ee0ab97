import type { SourceMapText } from './source-map-text';

const DIGITS = new Uint8Array(128);
for (const [value, digit] of [
  ...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
].entries()) {
  DIGITS[digit.charCodeAt(0)] = value;
}
const SEMICOLON = 59;
const COMMA = 44;

/** Where a segment of the map points to; numbers in a map are differences to the segment before. */
interface State {
  source: number;
  line: number;
  column: number;
}

/**
 * Finds sources in a source map. It keeps where each line begins and decodes a line when it is asked for: a map of
 * all positions, as node:module makes it, takes ten times as long and 25 MB.
 */
export class PositionIndex {
  readonly #lines: { readonly begin: number; readonly state: State }[] = [];

  constructor(private readonly map: SourceMapText) {
    const { mappings } = map;
    const state = { source: 0, line: 0, column: 0 };
    for (let begin = 0; begin <= mappings.length; ) {
      this.#lines.push({ begin, state: { ...state } });
      begin = this.#eachSegment(begin, state, () => true) + 1;
    }
  }

  /** `src/main.ts:12:3` for a place in the script. All lines and columns begin with 1. */
  find(line: number, column: number): string | undefined {
    const from = this.#lines[line - 1];
    if (from === undefined) return undefined;
    let found: State | undefined;
    const state = { ...from.state };
    this.#eachSegment(from.begin, state, (generated, mapped) => {
      if (generated >= column) return false;
      found = mapped ? { ...state } : undefined;
      return true;
    });
    if (found === undefined) return undefined;
    const source = this.map.sources[found.source];
    return source ? `${source}:${found.line + 1}:${found.column + 1}` : undefined;
  }

  /** Calls back for the segments of one line, until told to stop; returns where it has come to: the line's end. */
  #eachSegment(begin: number, state: State, visit: (column: number, mapped: boolean) => boolean): number {
    const { mappings } = this.map;
    const fields = [0, 0, 0, 0, 0];
    let generated = 0;
    let count = 0;
    let value = 0;
    let shift = 0;
    for (let at = begin; ; at++) {
      const code = at < mappings.length ? mappings.charCodeAt(at) : SEMICOLON;
      if (code !== SEMICOLON && code !== COMMA) {
        const digit = DIGITS[code] ?? 0;
        value |= (digit & 31) << shift;
        shift += 5;
        if (digit & 32) continue;
        fields[count++] = value & 1 ? -(value >>> 1) : value >>> 1;
        value = 0;
        shift = 0;
        continue;
      }
      if (count > 0) {
        const [ofColumn = 0, ofSource = 0, ofLine = 0, ofSourceColumn = 0] = fields;
        generated += ofColumn;
        if (count > 3) {
          state.source += ofSource;
          state.line += ofLine;
          state.column += ofSourceColumn;
        }
        if (!visit(generated, count > 3)) return at;
        count = 0;
      }
      if (code === SEMICOLON) return at;
    }
  }
}
