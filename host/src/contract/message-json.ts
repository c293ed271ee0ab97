import { type DescField, type DescMessage, fromBinary, fromJson, toBinary, toJson } from '@bufbuild/protobuf';
import type { JsonValue } from '@plugd/protocol/json-value';
import type { Contract } from './contract';
import { MessageLibrary } from './message-library';

/** Where in a message something stands: names of fields, keys of maps, places in lists. */
export type MessagePath = readonly (string | number)[];

/** What was given is no such message. */
export class MessageMismatch extends Error {
  override readonly name = 'MessageMismatch';

  /**
   * @param path where it is not, as far as that is known
   * @param known of a name that the message has no field for: those that it has
   */
  constructor(
    message: string,
    readonly path: MessagePath = [],
    readonly known: readonly string[] = [],
  ) {
    super(message);
  }
}

/** Messages of a contract as protobuf's JSON, in both directions, by its descriptors. */
export class MessageJson {
  readonly #library: MessageLibrary;

  constructor(contract: Contract) {
    this.#library = new MessageLibrary(contract);
  }

  /** @throws MessageMismatch where the JSON is no message of this type, or descriptors don't tell of it */
  encode(type: string, json: JsonValue): Uint8Array {
    const message = this.#message(type);
    expectKnown(message, json, []);
    const registry = this.#library.registryFor(type);
    try {
      // Theirs can be changed, which they don't do.
      const value = json as Parameters<typeof fromJson>[1];
      return toBinary(message, fromJson(message, value, registry === undefined ? {} : { registry }));
    } catch (error) {
      throw mismatch(error);
    }
  }

  /** @throws MessageMismatch where the bytes are no message of this type, or descriptors don't tell of it */
  decode(type: string, bytes: Uint8Array): JsonValue {
    const message = this.#message(type);
    const registry = this.#library.registryFor(type);
    try {
      return toJson(message, fromBinary(message, bytes), {
        // Who asks at a terminal wants to see that a counter is 0.
        alwaysEmitImplicit: true,
        ...(registry === undefined ? {} : { registry }),
      });
    } catch (error) {
      throw mismatch(error);
    }
  }

  #message(type: string): DescMessage {
    const found = this.#library.message(type);
    if (found !== undefined) return found;
    throw new MessageMismatch(`the plugin’s descriptors don’t tell of the message ${type}`);
  }
}

/** Said with the place and the names that there are: what is unknown is mostly mistyped. */
function expectKnown(type: DescMessage, json: unknown, path: MessagePath): void {
  // These have a JSON form of their own.
  if (type.typeName.startsWith('google.protobuf.')) return;
  if (!isMap(json)) {
    // Inside of a message it may mean that there is none.
    if (json === null && path.length > 0) return;
    throw new MessageMismatch(`${type.typeName} is written as an object, {…}, not as ${kindOf(json)}`, path);
  }
  for (const [key, value] of Object.entries(json)) {
    const at = [...path, key];
    const field = type.fields.find(({ name, jsonName }) => name === key || jsonName === key);
    if (field !== undefined) expectKnownIn(field, value, at);
    // Extensions, which the library knows.
    else if (!key.startsWith('[')) {
      const known = type.fields.map(({ jsonName }) => jsonName);
      throw new MessageMismatch(`${type.typeName} has no field ${JSON.stringify(key)}`, at, known);
    }
  }
}

function expectKnownIn(field: DescField, value: unknown, path: MessagePath): void {
  const { message } = field;
  if (message === undefined) return;
  if (field.fieldKind === 'list' && Array.isArray(value)) {
    for (const [index, one] of value.entries()) expectKnown(message, one, [...path, index]);
  } else if (field.fieldKind === 'map' && isMap(value)) {
    for (const [key, one] of Object.entries(value)) expectKnown(message, one, [...path, key]);
  } else if (field.fieldKind === 'message') {
    expectKnown(message, value, path);
  }
}

function kindOf(json: unknown): string {
  if (json === null) return 'null';
  if (Array.isArray(json)) return 'a list';
  return typeof json === 'string' ? 'a text' : `a ${typeof json}`;
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The library says `cannot decode field a.v1.Request.amount from JSON: expected …`. */
function mismatch(error: unknown): MessageMismatch {
  if (error instanceof MessageMismatch) return error;
  const text = error instanceof Error ? error.message : String(error);
  const found = /^cannot decode (?:field|message|oneof) (\S+) from JSON: (.*)$/s.exec(text);
  return new MessageMismatch(found === null ? text : `${found[1]}: ${found[2]}`);
}
