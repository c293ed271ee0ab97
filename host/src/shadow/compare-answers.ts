import { status } from '@grpc/grpc-js';
import type { Contract } from '../contract/contract';
import { MessageLibrary } from '../contract/message-library';
import { compareMessages, describe } from './compare-messages';
import { decodeMessage, TooManyValues, ValueBudget } from './decode';
import type { AnswerDifference } from './difference';
import type { FieldPaths } from './field-paths';
import type { Redaction } from './redaction';

/** How a call ended. */
export interface Answer {
  readonly code: status;
  readonly details: string;
  /** Undefined unless the call succeeded. */
  readonly message: Uint8Array | undefined;
  /** It has not been read. Default false. */
  readonly tooLarge?: boolean;
}

export interface AnswerRules {
  readonly ignore: FieldPaths;
  readonly reveal: FieldPaths;
  readonly revealRequest: FieldPaths;
  readonly compareDetails: boolean;
}

/** How answers were compared: by what their messages say, or, for want of descriptors, by their bytes. */
export type ComparedAs = 'message' | 'bytes';

/** Some milliseconds of work, during which nothing else is done. */
const MOST_VALUES = 20_000;
/** Of one answer. */
const MOST_DIFFERENCES = 10;

/** Compares what two versions say to one request, as callers of the old one's contract would read it. */
export class AnswerComparer {
  readonly #library: MessageLibrary;
  readonly #contract: Contract;

  constructor(
    contract: Contract,
    private readonly rules: AnswerRules,
    private readonly redaction: Redaction,
  ) {
    this.#contract = contract;
    this.#library = new MessageLibrary(contract);
  }

  comparedAs(path: string): ComparedAs {
    return this.#type(this.#contract.method(path)?.outputType) === undefined ? 'bytes' : 'message';
  }

  /** In what they differ; nothing if they agree. @throws TooManyValues where that can't be told in reasonable time */
  differences(path: string, old: Answer, other: Answer): readonly AnswerDifference[] {
    if (old.code !== other.code) {
      return [{ field: '', kind: 'status', old: status[old.code], new: status[other.code] }];
    }
    if (old.message === undefined || other.message === undefined) {
      if (!this.rules.compareDetails || old.details === other.details) return [];
      const [one, two] = [old, other].map(({ details }) =>
        this.redaction.text('string', Buffer.from(details), false),
      );
      return [{ field: '', kind: 'details', old: one ?? '', new: two ?? '' }];
    }
    // Most answers are: then nothing need be decoded.
    if (Buffer.compare(old.message, other.message) === 0) return [];
    return this.#messageDifferences(path, old.message, other.message);
  }

  #messageDifferences(path: string, old: Uint8Array, other: Uint8Array): readonly AnswerDifference[] {
    const type = this.#type(this.#contract.method(path)?.outputType);
    const different = (kind: 'bytes' | 'undecodable'): readonly AnswerDifference[] => [
      {
        field: '',
        kind,
        old: this.redaction.text('bytes', old, false),
        new: this.redaction.text('bytes', other, false),
      },
    ];
    if (type === undefined) return different('bytes');
    const read = (bytes: Uint8Array) => {
      try {
        return decodeMessage(bytes, type, new ValueBudget(MOST_VALUES));
      } catch (error) {
        if (error instanceof TooManyValues) throw error;
        return undefined;
      }
    };
    const one = read(old);
    if (one === undefined) return different('bytes');
    const two = read(other);
    if (two === undefined) return different('undecodable');
    const { ignore, reveal } = this.rules;
    return compareMessages(one, two, {
      library: this.#library,
      ignore,
      reveal,
      redaction: this.redaction,
      most: MOST_DIFFERENCES,
    });
  }

  /** What of a request may be shown: fields of its own, not those of messages in it. */
  revealed(path: string, request: Uint8Array): Readonly<Record<string, string>> | undefined {
    const type = this.#type(this.#contract.method(path)?.inputType);
    if (type === undefined) return undefined;
    const named = type.fields.filter(({ name }) =>
      this.rules.revealRequest.includes([name], `${type.typeName}.${name}`),
    );
    if (named.length === 0) return undefined;
    try {
      const { fields } = decodeMessage(request, type, new ValueBudget(MOST_VALUES));
      return Object.fromEntries(
        named.map((field) => [field.name, describe(fields.get(field.number), field, true, this.redaction)]),
      );
    } catch {
      return undefined;
    }
  }

  #type(name: string | undefined) {
    return name === undefined ? undefined : this.#library.message(name);
  }
}
