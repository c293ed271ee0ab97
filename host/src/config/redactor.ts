/** Shorter ones stand in ordinary words, and hide nothing that could not be guessed. */
const shortest = 4;
/** Of a secret of several lines, such as a key, each line may come by itself; short ones are ordinary words. */
const shortestLine = 8;

export const redacted = '***';

/**
 * Takes secrets out of what is to be shown, logged or kept. Where text comes in parts, a secret that a cut goes through is
 * not known: it has to be given whole lines.
 */
export class Redactor {
  readonly #known = new Set<string>();
  #pattern: RegExp | undefined;

  constructor(secrets: Iterable<string> = []) {
    this.add(secrets);
  }

  /** From now on these are taken out too. Those that were known stay so: what was a secret is still in some process. */
  add(secrets: Iterable<string>): void {
    const before = this.#known.size;
    for (const secret of secrets) for (const form of formsOf(secret)) this.#known.add(form);
    if (this.#known.size === before) return;
    // The longest first: one that holds another one goes as a whole.
    const parts = [...this.#known].sort((a, b) => b.length - a.length).map(escaped);
    this.#pattern = new RegExp(parts.join('|'), 'g');
  }

  redact(text: string): string {
    return this.#pattern === undefined ? text : text.replace(this.#pattern, redacted);
  }

  /** All texts of a value in JSON's form, keys among them; not in bytes. The value itself is left as it is. */
  redactJson<T>(value: T): T;
  redactJson(value: unknown): unknown {
    if (this.#pattern === undefined) return value;
    return this.#inner(value);
  }

  #inner(value: unknown): unknown {
    if (typeof value === 'string') return this.redact(value);
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
    if (Array.isArray(value)) return value.map((one) => this.#inner(one));
    return Object.fromEntries(
      Object.entries(value).map(([key, one]) => [this.redact(key), this.#inner(one)]),
    );
  }
}

/** As it is, as JSON writes it, and as URLs have it. */
function formsOf(secret: string): string[] {
  const lines = secret.includes('\n')
    ? secret.split(/\r?\n/).filter((line) => line.length >= shortestLine)
    : [];
  return [secret, ...lines]
    .filter((text) => text.length >= shortest)
    .flatMap((text) => [text, JSON.stringify(text).slice(1, -1), inUrl(text)]);
}

function inUrl(text: string): string {
  try {
    return encodeURIComponent(text);
  } catch {
    // Half of a surrogate pair, which no URL can hold.
    return text;
  }
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
