import { type ErrorCode, errorCodes, type Fault } from './error-codes';

const brand = Symbol.for('plugd.PluginError');

/** What is known of a failure, by name: versions, paths, exit codes, the last lines that a plugin printed. */
export type Facts = Readonly<Record<string, unknown>>;

export interface PluginErrorOptions {
  readonly facts?: Facts;
  /** Replaces the code's own hint where more is known. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/**
 * The one error class of plugd. `code` is stable and listed in docs/errors.md; the message is a sentence with
 * the facts and what to do, for people.
 *
 * `instanceof` holds over two copies of this package.
 */
export class PluginError extends Error {
  override readonly name = 'PluginError';
  readonly code: ErrorCode;
  /** Whose fault it is. */
  readonly fault: Fault;
  readonly facts: Facts;
  /** What to do about it. */
  readonly hint: string;
  /** The sentence alone, without code and hint. */
  readonly summary: string;

  constructor(code: ErrorCode, summary: string, options: PluginErrorOptions = {}) {
    const hint = options.hint ?? errorCodes[code].hint;
    super(`[${code}] ${summary} ${hint}`, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.fault = errorCodes[code].fault;
    this.facts = options.facts ?? {};
    this.hint = hint;
    this.summary = summary;
    Object.defineProperty(this, brand, { value: true });
  }

  /** The same error with more facts, for a caller that knows more than the place where it was thrown. */
  withFacts(facts: Facts): PluginError {
    return new PluginError(this.code, this.summary, {
      facts: { ...this.facts, ...facts },
      hint: this.hint,
      ...(this.cause === undefined ? {} : { cause: this.cause }),
    });
  }

  /** For logs and events: a plain object without the stack. */
  toJSON(): { code: ErrorCode; fault: Fault; message: string; facts: Facts; hint: string } {
    return { code: this.code, fault: this.fault, message: this.summary, facts: this.facts, hint: this.hint };
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && brand in value;
  }
}
