import { readFields, readMessage } from '@plugd/protocol/read-message';
import { type DescriptorFile, descriptorFile } from './descriptor-file';
import { streamOptionFields } from './stream-options';

/** How a field is read: as text, a number or yes and no, or as a message; in brackets what may come again. */
type Reading = One | readonly [One];
type One = 'text' | 'number' | 'boolean' | Schema;

/** By number: the name that decoded messages have for the field, and how to read it. */
interface Schema {
  readonly [field: number]: readonly [name: string, reading: Reading];
}

const fieldSchema: Schema = {
  1: ['name', 'text'],
  3: ['number', 'number'],
  4: ['label', 'number'],
  5: ['type', 'number'],
  6: ['typeName', 'text'],
  9: ['oneofIndex', 'number'],
  17: ['proto3Optional', 'boolean'],
};

const enumSchema: Schema = {
  1: ['name', 'text'],
  2: ['value', [{ 1: ['name', 'text'], 2: ['number', 'number'] }]],
};

const messageSchema: { [field: number]: readonly [string, Reading] } = {
  1: ['name', 'text'],
  2: ['field', [fieldSchema]],
  4: ['enumType', [enumSchema]],
  7: ['options', { 7: ['mapEntry', 'boolean'] }],
};
messageSchema[3] = ['nestedType', [messageSchema]];

const methodSchema: Schema = {
  1: ['name', 'text'],
  2: ['inputType', 'text'],
  3: ['outputType', 'text'],
  4: ['options', { 34: ['idempotencyLevel', 'number'], ...streamOptionFields }],
  5: ['clientStreaming', 'boolean'],
  6: ['serverStreaming', 'boolean'],
};

const fileSchema: Schema = {
  1: ['name', 'text'],
  2: ['package', 'text'],
  3: ['dependency', ['text']],
  4: ['messageType', [messageSchema]],
  5: ['enumType', [enumSchema]],
  6: ['service', [{ 1: ['name', 'text'], 2: ['method', [methodSchema]] }]],
};

/** How many declarations may still be made of bytes: two bytes of a stranger's become an object. */
export class DescriptorBudget {
  readonly #most: number;
  #taken = 0;

  constructor(declarations: number) {
    this.#most = declarations;
  }

  get taken(): number {
    return this.#taken;
  }

  /** @throws Error when there are not so many left */
  take(declarations = 1): void {
    this.#taken += declarations;
    if (this.#taken > this.#most) throw new Error('there are too many declarations');
  }
}

/**
 * The files of a FileDescriptorSet in bytes. Reads the wire itself: a whole protobuf runtime would only be loaded to
 * find a few names in them.
 *
 * @throws Error if it is none
 */
export function readDescriptorSet(bytes: Uint8Array): DescriptorFile[] {
  const files: DescriptorFile[] = [];
  readMessage(bytes, { 1: (file) => files.push(readDescriptorFile(file)) });
  return files;
}

/**
 * A FileDescriptorProto in bytes, of which a copy is kept.
 *
 * @throws Error if it is none, or beyond the budget
 */
export function readDescriptorFile(
  bytes: Uint8Array,
  budget = new DescriptorBudget(Number.POSITIVE_INFINITY),
): DescriptorFile {
  const own = Buffer.from(bytes);
  return descriptorFile(decode(own, fileSchema, budget, 0), own);
}

/** Deeper than any message that is taken. */
const deepest = 64;

function decode(bytes: Uint8Array, schema: Schema, budget: DescriptorBudget, depth: number): object {
  if (depth > deepest) throw new Error('messages nested too deep');
  const decoded: Record<string, unknown> = {};
  readFields(bytes, (field, value, varint) => {
    const known = schema[field];
    if (known === undefined) return;
    const [name, reading] = known;
    if (isRepeated(reading)) {
      budget.take();
      const read = readValue(reading[0], value, varint, budget, depth);
      const list = decoded[name];
      if (Array.isArray(list)) list.push(read);
      else decoded[name] = [read];
    } else {
      decoded[name] = readValue(reading, value, varint, budget, depth);
    }
  });
  return decoded;
}

function readValue(
  reading: One,
  bytes: Uint8Array,
  varint: number,
  budget: DescriptorBudget,
  depth: number,
): unknown {
  switch (reading) {
    case 'text':
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
    case 'number':
      return varint;
    case 'boolean':
      return varint !== 0;
    default:
      return decode(bytes, reading, budget, depth + 1);
  }
}

function isRepeated(reading: Reading): reading is readonly [One] {
  return Array.isArray(reading);
}
