import type { z } from 'zod';
import { groupsWith, type KeySchema, keysAt } from './known-keys';
import { nearWord } from './near-word';
import { type DataPath, describeValue, formatPath, quoted, type SourceProblem } from './problem';
import type { YamlSource } from './yaml-source';

type Issue = z.core.$ZodIssue;

/** What kinds of files have in common: which keys there are, and whose values no message may show. */
export interface Shape {
  /** Made when it is needed: most files are right. */
  readonly keys: () => KeySchema;
  readonly isSecret: (path: DataPath) => boolean;
}

/** What a schema found, in words and with places. */
export function shapeProblems(issues: readonly Issue[], source: YamlSource, shape: Shape): SourceProblem[] {
  const teller = new Teller(source, shape);
  return issues.flatMap((issue) => teller.tell(issue, []));
}

class Teller {
  readonly #source: YamlSource;
  readonly #shape: Shape;

  constructor(source: YamlSource, shape: Shape) {
    this.#source = source;
    this.#shape = shape;
  }

  /** `base`: where the schema began that the issue's path begins at. */
  tell(issue: Issue, base: DataPath): SourceProblem[] {
    const path = [...base, ...issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step))];
    switch (issue.code) {
      case 'unrecognized_keys':
        return issue.keys.map((key) => this.#unknownKey([...path, key], key));
      case 'invalid_key':
        return [
          this.#at(
            path,
            `the key ${quoted(String(path.at(-1)))} has to be ${issue.issues[0]?.message ?? 'another'}`,
            true,
          ),
        ];
      case 'invalid_union':
        return this.#union(issue.errors, path);
      case 'invalid_value': {
        const choices = issue.values.map(String);
        const value = this.#value(path);
        const near = typeof value === 'string' ? nearWord(value, choices) : undefined;
        return [
          this.#wanted(path, choices.length === 1 ? `${choices[0]}` : `one of ${choices.join(', ')}`, near),
        ];
      }
      case 'invalid_type':
        return [this.#wanted(path, words(issue.expected))];
      case 'too_small': {
        const relation = issue.inclusive === false ? 'more than' : 'at least';
        return [this.#wanted(path, sized(issue.origin, relation, Number(issue.minimum)))];
      }
      case 'too_big': {
        const relation = issue.inclusive === false ? 'less than' : 'at most';
        return [this.#wanted(path, sized(issue.origin, relation, Number(issue.maximum)))];
      }
      default:
        return [this.#wanted(path, issue.message)];
    }
  }

  #unknownKey(path: DataPath, key: string): SourceProblem {
    const keys = this.#shape.keys();
    const near = nearWord(key, keysAt(keys, path.slice(0, -1)));
    const problem = this.#at(path, `unknown key ${quoted(key)}`, true);
    if (near !== undefined) return { ...problem, suggestion: quoted(near) };
    const [group, ...others] = groupsWith(keys, key);
    if (group === undefined || others.length > 0) return problem;
    const where = group === '' ? 'it stands at the top level' : `it stands in ${group}`;
    return { ...problem, message: `${problem.message}: ${where}` };
  }

  /** Which of the alternatives was meant tells the value's kind: of a map that is wrong inside, what is wrong inside. */
  #union(branches: readonly (readonly Issue[])[], path: DataPath): SourceProblem[] {
    const meant = branches.filter(
      (issues) => !issues.some((issue) => issue.path.length === 0 && isOfKind(issue)),
    );
    const [first] = meant;
    if (first !== undefined) return first.flatMap((issue) => this.tell(issue, path));
    const wanted = branches.flat().flatMap(kindWanted);
    return [this.#wanted(path, [...new Set(wanted)].join(' or '))];
  }

  #wanted(path: DataPath, wanted: string, near?: string): SourceProblem {
    const value = this.#value(path);
    const label = formatPath(path);
    if (value === undefined) return this.#at(path, `${label} is missing`);
    const shown = this.#shape.isSecret(path) ? `of the kind ${kindOf(value)}` : this.#shown(path, value);
    const quotes = wanted.startsWith('a text') && (typeof value === 'number' || typeof value === 'boolean');
    const message = `${label} is ${shown}; it has to be ${wanted}${quotes ? ': put it in quotes' : ''}`;
    return { ...this.#at(path, message), ...(near === undefined ? {} : { suggestion: quoted(near) }) };
  }

  /** `1.10`, as it stands there, and not the 1.1 that it was read as. */
  #shown(path: DataPath, value: unknown): string {
    const written = this.#source.writtenAs(path);
    if (written === undefined || value === null) return describeValue(value);
    return `the ${kindOf(value)} ${describeValue(written).slice(1, -1)}`;
  }

  #at(path: DataPath, message: string, key = false): SourceProblem {
    const { line, column } = key ? this.#source.placeOfKey(path) : this.#source.placeOf(path);
    return { line, column, path: formatPath(path), message };
  }

  #value(path: DataPath): unknown {
    let value: unknown = this.#source.value;
    for (const step of path) {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
      value = Reflect.get(value, step);
    }
    return value;
  }
}

/** Whether it says that the value is something else altogether. */
function isOfKind({ code }: Issue): boolean {
  return code === 'invalid_type' || code === 'invalid_value';
}

/** What kind of value such an issue asks for. */
function kindWanted(issue: Issue): string[] {
  if (issue.code === 'invalid_type') return [words(issue.expected)];
  return issue.code === 'invalid_value' ? issue.values.map(String) : [];
}

function kindOf(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'list';
  if (typeof value === 'object') return 'map';
  return typeof value === 'string' ? 'text' : typeof value;
}

function words(expected: string): string {
  const names: Readonly<Record<string, string>> = {
    string: 'a text',
    number: 'a number',
    int: 'a whole number',
    boolean: 'true or false',
    array: 'a list',
    tuple: 'a list',
    object: 'a map',
    record: 'a map',
  };
  return names[expected] ?? expected;
}

function sized(origin: string, relation: string, limit: number): string {
  if (origin === 'string')
    return limit === 1 ? 'a text that is not empty' : `a text of ${relation} ${limit} characters`;
  if (origin === 'array') return `a list of ${relation} ${limit}`;
  return `${relation} ${limit}`;
}
