import { create, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import type { Contract } from '../../../host/src/contract/contract';
import { readContract } from '../../../host/src/contract/given-contract';

const type = { double: 1, int64: 3, int32: 5, bool: 8, string: 9, message: 11, bytes: 12, enum: 14 } as const;

interface Field {
  readonly name: string;
  readonly number: number;
  readonly type: number;
  readonly label?: 1 | 3;
  readonly typeName?: string;
  readonly oneofIndex?: number;
  readonly proto3Optional?: boolean;
}

const item: readonly Field[] = [
  { name: 'id', number: 1, type: type.int32 },
  { name: 'label', number: 2, type: type.string },
  { name: 'child', number: 3, type: type.message, typeName: '.test.v1.Item' },
];

const answer: readonly Field[] = [
  { name: 'name', number: 1, type: type.string },
  { name: 'count', number: 2, type: type.int32 },
  { name: 'ratio', number: 3, type: type.double },
  { name: 'numbers', number: 4, type: type.int32, label: 3 },
  { name: 'items', number: 5, type: type.message, label: 3, typeName: '.test.v1.Item' },
  { name: 'labels', number: 6, type: type.message, label: 3, typeName: '.test.v1.Answer.LabelsEntry' },
  { name: 'limit', number: 7, type: type.int32, oneofIndex: 1, proto3Optional: true },
  { name: 'text', number: 8, type: type.string, oneofIndex: 0 },
  { name: 'number', number: 9, type: type.int64, oneofIndex: 0 },
  { name: 'item', number: 10, type: type.message, typeName: '.test.v1.Item' },
  { name: 'ok', number: 11, type: type.bool },
  { name: 'color', number: 12, type: type.enum, typeName: '.test.v1.Color' },
  { name: 'packed', number: 13, type: type.message, typeName: '.google.protobuf.Any' },
  { name: 'data', number: 14, type: type.bytes },
];

function fieldsOf(fields: readonly Field[]) {
  return fields.map((field) => ({ label: 1 as const, ...field }));
}

const any = {
  name: 'google/protobuf/any.proto',
  package: 'google.protobuf',
  syntax: 'proto3',
  messageType: [
    {
      name: 'Any',
      field: fieldsOf([
        { name: 'type_url', number: 1, type: type.string },
        { name: 'value', number: 2, type: type.bytes },
      ]),
    },
  ],
};

const file = {
  name: 'test/v1/test.proto',
  package: 'test.v1',
  syntax: 'proto3',
  // What the second one declares is missing, as in many plugins' own word.
  dependency: ['google/protobuf/any.proto', 'test/v1/options.proto'],
  messageType: [
    { name: 'Question', field: fieldsOf([{ name: 'key', number: 1, type: type.string }]) },
    { name: 'Item', field: fieldsOf(item) },
    {
      name: 'Answer',
      field: fieldsOf(answer),
      oneofDecl: [{ name: 'either' }, { name: '_limit' }],
      nestedType: [
        {
          name: 'LabelsEntry',
          options: { mapEntry: true },
          field: fieldsOf([
            { name: 'key', number: 1, type: type.string },
            { name: 'value', number: 2, type: type.int32 },
          ]),
        },
      ],
    },
  ],
  enumType: [
    {
      name: 'Color',
      value: [
        { name: 'NONE', number: 0 },
        { name: 'RED', number: 1 },
      ],
    },
  ],
  service: [
    {
      name: 'Test',
      method: [
        method('Get', { idempotencyLevel: 1 }),
        method('Other', { idempotencyLevel: 1 }),
        method('Set', { idempotencyLevel: 2 }),
        method('Add', {}),
        { ...method('Watch', { idempotencyLevel: 1 }), serverStreaming: true },
      ],
    },
  ],
};

function method(name: string, options: { idempotencyLevel?: 1 | 2 }) {
  return { name, inputType: '.test.v1.Question', outputType: '.test.v1.Answer', options };
}

/** A service with methods of each kind, whose answer has fields of each kind. */
export const testContract: Contract = readContract(
  toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [any, file] })),
).contract;

/** Says what the answer of the test's service holds, as the wire has it: any order, any repetition. */
export class AnswerWriter {
  readonly #writer = new BinaryWriter();

  string(number: number, value: string): this {
    this.#writer.tag(number, WireType.LengthDelimited).string(value);
    return this;
  }

  int32(number: number, value: number): this {
    this.#writer.tag(number, WireType.Varint).int32(value);
    return this;
  }

  double(number: number, value: number): this {
    this.#writer.tag(number, WireType.Bit64).double(value);
    return this;
  }

  packed(number: number, values: readonly number[]): this {
    this.#writer.tag(number, WireType.LengthDelimited).fork();
    for (const value of values) this.#writer.int32(value);
    this.#writer.join();
    return this;
  }

  message(number: number, write: (writer: AnswerWriter) => AnswerWriter): this {
    this.#writer.tag(number, WireType.LengthDelimited).bytes(write(new AnswerWriter()).bytes);
    return this;
  }

  get bytes(): Uint8Array {
    return this.#writer.finish();
  }
}

export const wire = (write: (writer: AnswerWriter) => AnswerWriter): Uint8Array =>
  write(new AnswerWriter()).bytes;
