import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import * as fc from 'fast-check';
import {
  DescriptorBudget,
  readDescriptorFile,
  readDescriptorSet,
} from '../../../host/src/contract/descriptor-bytes';
import { descriptorFile } from '../../../host/src/contract/descriptor-file';

const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9]{0,8}$/);
const field = fc.record({
  name,
  number: fc.integer({ min: 1, max: 0x1fffffff }),
  type: fc.integer({ min: 1, max: 18 }),
  label: fc.integer({ min: 1, max: 3 }),
  typeName: fc.option(
    name.map((one) => `.${one}`),
    { nil: '' },
  ),
  oneofIndex: fc.option(fc.nat(2), { nil: undefined }),
  proto3Optional: fc.option(fc.boolean(), { nil: undefined }),
});
const enums = fc.array(
  fc.record({ name, value: fc.array(fc.record({ name, number: fc.integer() }), { maxLength: 3 }) }),
  { maxLength: 2 },
);
const messages = (depth: number): fc.Arbitrary<object[]> =>
  depth === 0
    ? fc.constant([])
    : fc.array(
        fc.record({
          name,
          field: fc.array(field, { maxLength: 3 }),
          enumType: enums,
          options: fc.option(fc.record({ mapEntry: fc.boolean() }), { nil: undefined }),
          nestedType: messages(depth - 1),
        }),
        { maxLength: 3 },
      );
const method = fc.record({
  name,
  inputType: name,
  outputType: name,
  clientStreaming: fc.boolean(),
  serverStreaming: fc.boolean(),
  options: fc.record({ idempotencyLevel: fc.integer({ min: 0, max: 2 }), deprecated: fc.boolean() }),
});
const file = fc.record({
  name,
  package: fc.oneof(fc.constant(''), name),
  dependency: fc.array(name, { maxLength: 3 }),
  messageType: messages(3),
  service: fc.array(fc.record({ name, method: fc.array(method, { maxLength: 3 }) }), { maxLength: 3 }),
  enumType: enums,
  // What nobody asks for stands between what is asked for.
  extension: fc.array(field, { maxLength: 1 }),
  syntax: fc.constantFrom('proto2', 'proto3'),
});

test('bytes and the message that a library decodes from them are the same file', () => {
  fc.assert(
    fc.property(file, (declared) => {
      const bytes = toBinary(
        FileDescriptorProtoSchema,
        create(FileDescriptorProtoSchema, declared as object),
      );
      const decoded = fromBinary(FileDescriptorProtoSchema, bytes);
      expect(readDescriptorFile(bytes)).toEqual(descriptorFile(decoded, Buffer.from(bytes)));
    }),
    { numRuns: 300 },
  );
});

test('bytes of any kind are read or refused, and never more than the budget is made of them', () => {
  const soup = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    // Looks like a file up to somewhere.
    fc.tuple(file, fc.nat(), fc.integer({ min: 0, max: 255 })).map(([declared, at, byte]) => {
      const bytes = toBinary(
        FileDescriptorProtoSchema,
        create(FileDescriptorProtoSchema, declared as object),
      );
      bytes[at % bytes.length] = byte;
      return bytes;
    }),
  );
  fc.assert(
    fc.property(soup, (bytes) => {
      try {
        const read = readDescriptorFile(bytes, new DescriptorBudget(5));
        expect(read.messages.length + read.services.length + read.dependencies.length).toBeLessThanOrEqual(5);
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
    }),
    { numRuns: 1_000 },
  );
});

test('a budget ends over many files', () => {
  const bytes = toBinary(
    FileDescriptorProtoSchema,
    create(FileDescriptorProtoSchema, { name: 'a', messageType: [{ name: 'A', field: [{ name: 'f' }] }] }),
  );
  const budget = new DescriptorBudget(5);
  readDescriptorFile(bytes, budget);
  readDescriptorFile(bytes, budget);
  expect(() => readDescriptorFile(bytes, budget)).toThrow('too many');
});

test('messages nested by the thousand, each in the one before, are refused and not followed', () => {
  let nested: Buffer = Buffer.from([0x0a, 0x01, 0x4d]);
  for (let depth = 0; depth < 5_000; depth++) nested = nest(3, nested);
  expect(() => readDescriptorFile(Buffer.concat([Buffer.from([0x0a, 0x01, 0x61]), nest(4, nested)]))).toThrow(
    'deep',
  );
});

test('a set is its files, in their order', () => {
  const files = ['b', 'a'].map((one) => Buffer.from([0x0a, 0x01, one.charCodeAt(0)]));
  const set = Buffer.concat(files.map((bytes) => nest(1, bytes)));
  expect(readDescriptorSet(set).map((read) => read.name)).toEqual(['b', 'a']);
});

/** A field of bytes. */
function nest(number: number, bytes: Buffer): Buffer {
  const head = [(number << 3) | 2];
  let rest = bytes.length;
  for (; rest > 127; rest >>= 7) head.push((rest & 127) | 128);
  return Buffer.concat([Buffer.from([...head, rest]), bytes]);
}
