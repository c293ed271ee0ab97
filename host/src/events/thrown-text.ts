/** What was thrown, as text: it may be anything, also what can't be made one. */
export function thrownText(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return 'something without a text';
  }
}
