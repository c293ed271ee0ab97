import { errorFields, type Logger } from '../logger';
import { canonicalJson } from './canonical-json';
import { handoffError } from './handoff-error';
import type { StateDefinition } from './state-definition';
import { UnfitState } from './unfit-state';

/** Makes bytes of a state and back, of whatever schema they are. */
export class StateCodec {
  readonly #definition: StateDefinition<unknown>;
  readonly #log: Logger;
  /** The other schemas in rising order. */
  readonly #others: readonly number[];

  constructor(definition: StateDefinition<unknown>, log: Logger) {
    this.#definition = definition;
    this.#log = log;
    this.#others = Object.keys(definition.migrate ?? {})
      .map(Number)
      .sort((a, b) => a - b);
  }

  /** The schemas that {@link read} takes, in rising order. */
  get schemas(): readonly number[] {
    return [...this.#others, this.#definition.schema].sort((a, b) => a - b);
  }

  /** @throws RpcError with STATE_CODEC_FAILED */
  encode(state: unknown): Uint8Array {
    return this.#run('encode', () => {
      const definition = this.#definition;
      if (definition.encode === undefined) return Buffer.from(canonicalJson(state));
      const bytes: unknown = definition.encode(state);
      if (!(bytes instanceof Uint8Array)) throw new UnfitState('it gave no Uint8Array');
      return bytes;
    });
  }

  /** @throws RpcError with STATE_SCHEMA_UNKNOWN */
  checkSchema(schema: number): void {
    const known = this.schemas;
    if (known.includes(schema)) return;
    throw handoffError(
      'STATE_SCHEMA_UNKNOWN',
      `The state has schema ${schema}; this version reads ${known.join(', ')}.`,
    );
  }

  /** The state in the definition's own schema. @throws RpcError with STATE_SCHEMA_UNKNOWN, STATE_CODEC_FAILED */
  read(bytes: Buffer, schema: number): unknown {
    this.checkSchema(schema);
    let state = this.#run(`decode of schema ${schema}`, () => this.#decode(bytes, schema));
    for (const from of this.#way(schema)) {
      state = this.#run(`migrate from schema ${from}`, () => this.#definition.migrate?.[from]?.(state));
    }
    return state;
  }

  /**
   * How a state differs from the given one, without its content. Bytes of the own schema that the author encodes are
   * compared as they came: his decode may have lost something of them.
   * @throws RpcError with STATE_SCHEMA_UNKNOWN, STATE_CODEC_FAILED
   */
  difference(restored: unknown, bytes: Buffer, schema: number): string | undefined {
    const { equal, encode, schema: own } = this.#definition;
    if (equal !== undefined) {
      const given = this.read(bytes, schema);
      const same = this.#run('equal', () => Reflect.apply(equal, this.#definition, [restored, given]));
      return same === true ? undefined : "the plugin's own comparison finds them different";
    }
    const wanted = schema === own && encode !== undefined ? bytes : this.encode(this.read(bytes, schema));
    const held = this.encode(restored);
    if (Buffer.compare(held, wanted) === 0) return undefined;
    const common = commonLength(held, wanted);
    return `${held.length} bytes were restored of ${wanted.length}, and they differ from byte ${common} on`;
  }

  #decode(bytes: Buffer, schema: number): unknown {
    const definition = this.#definition;
    if (definition.decode !== undefined) return definition.decode(bytes, schema);
    try {
      return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    } catch {
      // JSON.parse quotes what it can't read.
      throw new UnfitState('the bytes are no JSON');
    }
  }

  /** The schemas on the way to the own one: each step leads to the next of those that are known. */
  #way(schema: number): readonly number[] {
    const { schema: own } = this.#definition;
    if (schema < own) return this.#others.filter((one) => one >= schema && one < own);
    return this.#others.filter((one) => one <= schema && one > own).reverse();
  }

  #run<T>(what: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      // What the author's code says may quote the state: the place where it threw says enough.
      const words = error instanceof UnfitState ? error.message : kindOf(error);
      this.#log.error('the state could not be read or written', {
        step: what,
        error: words,
        ...place(error),
      });
      throw handoffError('STATE_CODEC_FAILED', `The plugin's ${what} failed: ${words}`);
    }
  }
}

function kindOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}

function place(error: unknown): { readonly stack?: string } {
  const { stack } = errorFields(error);
  if (typeof stack !== 'string') return {};
  return {
    stack: stack
      .split('\n')
      .filter((line) => /^ {4}at /.test(line))
      .join('\n'),
  };
}

function commonLength(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) if (a[at] !== b[at]) return at;
  return length;
}
