// JSON leaves these as they are, and a terminal acts on them, or hides text with them.
const invisible = /[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g;

/** A document as JSON, with a line end: over several lines for one thing, in one line for what comes bit by bit. */
export function asJson(document: unknown, indent: 0 | 2 = 2): string {
  const text = JSON.stringify(document, undefined, indent) ?? 'null';
  return `${text.replace(invisible, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`)}\n`;
}
