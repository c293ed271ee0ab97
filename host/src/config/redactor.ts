import type { JsonObject, JsonValue } from '@plugd/protocol/json-value';
import { printable } from '@plugd/protocol/printable';

/** Shorter ones stand in ordinary words, and hide nothing that could not be guessed. */
const shortest = 4;
/** Of a secret of several lines, such as a key, each line may come by itself; short ones are ordinary words. So are short ends. */
const shortestLine = 8;
/** Where text was cut; a cut through a character leaves bytes that are none. */
const cut = /(…|\ufffd|\\ufffd)/;
const isDigits = /^\d+$/;

export const redacted = '***';

/**
 * Takes secrets out of what is to be shown, logged or kept; of a secret that a cut went through, what is left of it: its first
 * characters, at least 4, at the end of a text or before `…`, and its last ones, at least 8, at the beginning.
 */
export class Redactor {
  /** The longest first: one that holds another one goes as a whole. */
  #known: readonly string[] = [];

  constructor(secrets: Iterable<string> = []) {
    this.add(secrets);
  }

  /** From now on these are taken out too. Those that were known stay so: what was a secret is still in some process. */
  add(secrets: Iterable<string>): void {
    const all = new Set(this.#known);
    for (const secret of secrets) for (const form of formsOf(secret)) all.add(form);
    if (all.size > this.#known.length) this.#known = [...all].sort((a, b) => b.length - a.length);
  }

  redact(text: string): string {
    if (this.#known.length === 0) return text;
    // One by one: of an expression for all of them a long secret would be too much.
    const rest = this.#known.reduce((left, form) => left.replaceAll(form, redacted), text);
    const parts = rest.split(cut);
    // What is nothing but the beginning of a secret, or its end, is more likely a name.
    const whole = parts.length === 1 ? rest : undefined;
    for (const form of this.#known) {
      for (const [index, part] of parts.entries()) parts[index] = withoutBeginning(part, form, whole);
      parts[0] = withoutEnd(parts[0] ?? '', form, whole);
    }
    return parts.join('');
  }

  /** All texts of a value in JSON's form, keys among them; not in bytes. The value itself is left as it is. */
  redactJson<T>(value: T): T;
  redactJson(value: unknown): unknown {
    if (this.#known.length === 0) return value;
    return this.#inner(value, false);
  }

  /**
   * The same of what a plugin has sent, which may have a secret of digits as a number. Not for plugd's own documents: whoever reads
   * those expects numbers where they stand.
   */
  redactFields(value: JsonValue): JsonValue;
  redactFields(value: unknown): unknown {
    if (this.#known.length === 0) return value;
    return this.#inner(value, true);
  }

  /** As {@link redactJson} does, of a document whose own names, those of its first level, are plugd's words: with another one nobody could read it. */
  redactDocument(document: JsonObject): JsonObject {
    return Object.fromEntries(Object.entries(document).map(([key, one]) => [key, this.redactJson(one)]));
  }

  #inner(value: unknown, numbers: boolean): unknown {
    if (typeof value === 'string') return this.redact(value);
    if (numbers && typeof value === 'number') return this.#hasSecret(value) ? redacted : value;
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
    if (Array.isArray(value)) return value.map((one) => this.#inner(one, numbers));
    return Object.fromEntries(
      Object.entries(value).map(([key, one]) => [this.redact(key), this.#inner(one, numbers)]),
    );
  }

  /** No number is cut. One of many digits loses some of them, and one of leading zeros those. */
  #hasSecret(value: number): boolean {
    const text = String(value);
    if (text.length < shortest) return false;
    return this.#known.some((form) => text.includes(form) || (isDigits.test(form) && Number(form) === value));
  }
}

/** Without the first characters of a secret at its end. */
function withoutBeginning(text: string, secret: string, whole: string | undefined): string {
  if (text.length < shortest) return text;
  const head = secret.slice(0, shortest);
  let at = text.indexOf(head, Math.max(0, text.length - secret.length + 1));
  while (at !== -1 && !secret.startsWith(text.slice(at))) at = text.indexOf(head, at + 1);
  return at === -1 || (at === 0 && text === whole) ? text : `${text.slice(0, at)}${redacted}`;
}

/** Without the last characters of a secret at its beginning. */
function withoutEnd(text: string, secret: string, whole: string | undefined): string {
  if (text.length < shortestLine) return text;
  const tail = secret.slice(-shortestLine);
  let at = text.lastIndexOf(tail, secret.length - shortestLine - 1);
  while (at > 0 && !secret.endsWith(text.slice(0, at + tail.length))) at = text.lastIndexOf(tail, at - 1);
  const end = at + tail.length;
  if (at === -1 || !secret.endsWith(text.slice(0, end)) || (end === text.length && text === whole))
    return text;
  return `${redacted}${text.slice(end)}`;
}

/** As it is, as JSON writes it, as messages show it, and as URLs have it. */
function formsOf(secret: string): string[] {
  const lines = secret.includes('\n')
    ? secret.split(/\r?\n/).filter((line) => line.length >= shortestLine)
    : [];
  return [secret, ...lines]
    .filter((text) => text.length >= shortest)
    .flatMap((text) => [text, JSON.stringify(text).slice(1, -1), shown(text), inUrl(text)]);
}

function shown(text: string): string {
  return printable(text, Number.POSITIVE_INFINITY);
}

function inUrl(text: string): string {
  try {
    return encodeURIComponent(text);
  } catch {
    // Half of a surrogate pair, which no URL can hold.
    return text;
  }
}
