/** Whether a name is one of those that were typed; without any, every one is. `*` stands for any characters. */
export function nameMatcher(patterns: readonly string[]): (name: string) => boolean {
  if (patterns.length === 0) return () => true;
  const pieces = patterns.map((pattern) => pattern.split('*'));
  return (name) => pieces.some((one) => matches(name, one));
}

/** Piece by piece, each at its first place: a regular expression of somebody's pattern could take for ever. */
function matches(name: string, pieces: readonly string[]): boolean {
  const [first = '', ...rest] = pieces;
  const last = rest.pop();
  if (last === undefined) return name === first;
  if (!name.startsWith(first)) return false;
  let at = first.length;
  for (const piece of rest) {
    const found = name.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return name.length - last.length >= at && name.endsWith(last);
}
