import { minVersion, Range } from 'semver';

/** More alternatives together are not looked through: nobody writes them. */
const mostAlternatives = 200;

/** Whether it is a range, and a version can be in it. */
export function isPossible(range: string): boolean {
  return parsed(range) !== undefined && isPossibleTogether([range]);
}

/**
 * Whether one version can be in all of these ranges. Each is a list of alternatives (`||`), so that ranges which overlap in
 * pairs need not overlap all together.
 */
export function isPossibleTogether(ranges: readonly string[]): boolean {
  let together: readonly string[] = [''];
  for (const range of ranges) {
    const alternatives = parsed(range)?.range.split('||') ?? [];
    const joined = new Set(together.flatMap((one) => alternatives.map((other) => `${one} ${other}`.trim())));
    together = [...joined].filter((one) => minVersion(one) !== null);
    if (together.length > mostAlternatives) return true;
  }
  return together.length > 0;
}

function parsed(range: string): Range | undefined {
  try {
    return new Range(range);
  } catch {
    return undefined;
  }
}
