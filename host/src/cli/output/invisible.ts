// JSON and YAML leave these as they are, and a terminal acts on them, or hides text with them.
const invisible =
  /[\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g;

/** Written as `\u009b`, which means the same between the quotes of both. */
export function escapeInvisible(text: string): string {
  return text.replace(invisible, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

export function hasInvisible(text: string): boolean {
  return text.search(invisible) >= 0;
}
