import type * as Yaml from 'yaml';
import type { SourceProblem } from './problem';

export const sourceLimits = {
  bytes: 1024 * 1024,
  /** Words, marks, spaces and line ends: what a parser's time and memory grow with. Some 14,000 lines `file: sum`. */
  tokens: 100_000,
  /** What is in what. A parser calls itself for each level. */
  depth: 32,
  /** Where a line begins: each level of the data is at least one column further in than the one around it. */
  indentation: 200,
};

/** What YAML can do beside data; none of it is of use in a file that says what to run. */
const refused: Readonly<Record<string, string>> = {
  anchor: 'anchors (&) are not allowed',
  alias: 'aliases (*) are not allowed',
  tag: 'tags (!) are not allowed',
  'directive-line': 'directives (%) are not allowed',
};

/** Those that YAML forbids, tab and line ends aside. */
const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u0084\u0086-\u009f]/;

/** Marks of the lexer that stand for nothing in the text. */
const weightless = new Set(['\u0002', '\u0018', '\u001f']);

/**
 * Looks through a text before it is parsed: what is nested deeply enough would exhaust the parser's stack, and end the
 * process. Undefined: it may be parsed.
 */
export function sourceTooMuch(
  text: string,
  { Lexer, CST }: typeof Yaml,
  place: (offset: number) => { line: number; column: number },
): SourceProblem | undefined {
  const problem = (offset: number, message: string): SourceProblem => ({
    ...place(offset),
    path: '',
    message,
  });
  const found = control.exec(text);
  if (found !== null) {
    const code = found[0].charCodeAt(0).toString(16).padStart(4, '0');
    return problem(found.index, `the control character U+${code.toUpperCase()} is not allowed`);
  }
  let [offset, tokens, flow, opened, begins, indentation] = [0, 0, 0, 0, true, 0];
  for (const lexeme of new Lexer().lex(text)) {
    if (weightless.has(lexeme)) continue;
    tokens++;
    if (tokens > sourceLimits.tokens) return problem(offset, `more than ${sourceLimits.tokens} tokens`);
    const type = CST.tokenType(lexeme) ?? 'scalar';
    const why = refused[type];
    if (why !== undefined) return problem(offset, why);
    if (type === 'newline') {
      [opened, begins, indentation] = [0, true, 0];
    } else if (type === 'space') {
      if (begins) indentation = lexeme.length;
    } else {
      if (type === 'flow-seq-start' || type === 'flow-map-start') flow++;
      if (type === 'flow-seq-end' || type === 'flow-map-end') flow--;
      // Several of them on one line are one in another: "- - - a". In braces they stand beside each other.
      const opens = type === 'seq-item-ind' || type === 'explicit-key-ind' || type === 'map-value-ind';
      if (opens && flow === 0) opened++;
      const far = begins && type !== 'comment' && indentation > sourceLimits.indentation;
      if (far || flow > sourceLimits.depth || opened > sourceLimits.depth)
        return problem(offset, `nested more than ${sourceLimits.depth} levels deep`);
      begins = false;
    }
    offset += lexeme.length;
  }
  return undefined;
}
