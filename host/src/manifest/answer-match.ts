import { type DataPath, describeValue, formatPath } from './problem';

/**
 * Where an answer, as protobuf's JSON, lacks what is expected of it, in a sentence; undefined: it has all of it. An answer may
 * have fields that are not named; lists have to be of the same length. A field that protobuf's JSON leaves out has its default, so
 * that `0`, `""`, `false` and empty lists and maps are found in it too.
 */
export function missingIn(answer: unknown, expected: unknown, path: DataPath = []): string | undefined {
  if (answer === undefined && isDefault(expected)) return undefined;
  if (Array.isArray(expected)) {
    if (!Array.isArray(answer)) return differs(answer, expected, path);
    if (answer.length !== expected.length)
      return `${label(path)} has ${answer.length} entries, and not ${expected.length}`;
    return first(expected.map((one, index) => () => missingIn(answer[index], one, [...path, index])));
  }
  if (isMap(expected)) {
    if (!isMap(answer)) return differs(answer, expected, path);
    return first(
      Object.entries(expected).map(
        ([key, one]) =>
          () =>
            missingIn(Object.hasOwn(answer, key) ? answer[key] : undefined, one, [...path, key]),
      ),
    );
  }
  return same(answer, expected) ? undefined : differs(answer, expected, path);
}

/** 64-bit numbers are texts in protobuf's JSON; whoever writes an expectation may not know which fields those are. */
function same(answer: unknown, expected: unknown): boolean {
  if (answer === expected) return true;
  return typeof expected === 'number' && typeof answer === 'string' && answer === String(expected);
}

function isDefault(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (isMap(value)) return Object.values(value).every(isDefault);
  return value === 0 || value === '' || value === false || value === null || value === '0';
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function first(checks: readonly (() => string | undefined)[]): string | undefined {
  for (const check of checks) {
    const found = check();
    if (found !== undefined) return found;
  }
  return undefined;
}

function differs(answer: unknown, expected: unknown, path: DataPath): string {
  const is = answer === undefined ? 'missing' : describeValue(answer);
  return `${label(path)} is ${is}, and not ${describeValue(expected)}`;
}

function label(path: DataPath): string {
  return path.length === 0 ? 'the answer' : formatPath(path);
}
