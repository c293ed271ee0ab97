// Control characters (C0, DEL, C1), what reorders or hides text on a terminal, line separators and marks of
// annotations, the byte order mark, the replacement character that stands for bytes which are not UTF-8, and halves
// of surrogate pairs.
const UNPRINTABLE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ufffd]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escapeCharacter(character: string): string {
  const unit = character.charCodeAt(0);
  if (unit < 0x80) return NAMED[character] ?? `\\x${unit.toString(16).padStart(2, '0')}`;
  return `\\u${unit.toString(16).padStart(4, '0')}`;
}

/**
 * Text that a plugin produced, made fit for an error message or a terminal: on one line, control characters
 * escaped, cut at `limit` UTF-16 units (default 200) with a note of how long it was.
 */
export function printable(text: string, limit = 200): string {
  if (text.length <= limit) return text.replace(UNPRINTABLE, escapeCharacter);
  const head = text.slice(0, limit);
  // A pair that the cut would halve goes as a whole.
  const whole = /[\ud800-\udbff]$/.test(head) ? head.slice(0, -1) : head;
  return `${whole.replace(UNPRINTABLE, escapeCharacter)}… (${text.length} characters)`;
}
