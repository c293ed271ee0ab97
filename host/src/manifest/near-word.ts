/** Longer words are not compared: nobody mistypes a text of that length for a name. */
const longest = 64;

/** Which of these names was probably meant; undefined where none is near. Capitals, `-` and `_` make no difference. */
export function nearWord(word: string, candidates: readonly string[]): string | undefined {
  if (word === '' || word.length > longest) return undefined;
  const bare = bareOf(word);
  let best: string | undefined;
  // Of a short word hardly anything may be wrong, or any other one would be near.
  let least = Math.min(3, Math.max(1, Math.floor(bare.length / 3))) + 1;
  for (const candidate of candidates) {
    if (candidate === word || candidate.length > longest) continue;
    const other = bareOf(candidate);
    if (Math.abs(other.length - bare.length) >= least) continue;
    const steps = distance(bare, other);
    if (steps >= least || steps >= other.length) continue;
    best = candidate;
    least = steps;
  }
  return best;
}

/** `start_timeout_ms` is startTimeoutMs to whoever typed it. */
function bareOf(word: string): string {
  return word.replace(/[-_ ]/g, '').toLowerCase();
}

/** How many letters have to be changed, added, removed, or swapped with their neighbour. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      const one = Math.min(at(row, j) + 1, at(next, j - 1) + 1, at(row, j - 1) + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      next.push(swapped ? Math.min(one, at(before, j - 2) + 1) : one);
    }
    before = row;
    row = next;
  }
  return at(row, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
