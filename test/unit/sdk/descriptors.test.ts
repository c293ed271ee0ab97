import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  type FileDescriptorSet,
  FileDescriptorSetSchema,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';
import { builtInDescriptors } from '../../../sdk/src/services/built-in-descriptors';
import { DescriptorIndex } from '../../../sdk/src/services/descriptor-index';

const bytesOf = (set: FileDescriptorSet): Uint8Array => toBinary(FileDescriptorSetSchema, set);

function indexed(...sets: Uint8Array[]): DescriptorIndex {
  const index = new DescriptorIndex();
  for (const set of sets) index.add(set);
  return index;
}

const extended = bytesOf(
  create(FileDescriptorSetSchema, {
    file: [
      {
        name: 'base.proto',
        package: 'base',
        messageType: [
          {
            name: 'Outer',
            field: [{ name: 'value', number: 1, type: Type.STRING }],
            oneofDecl: [{ name: 'choice' }],
            nestedType: [{ name: 'Inner', field: [{ name: 'deep', number: 1 }] }],
            enumType: [{ name: 'Kind', value: [{ name: 'KIND_A', number: 0 }] }],
          },
        ],
        enumType: [{ name: 'Top', value: [{ name: 'TOP_A', number: 0 }] }],
        service: [{ name: 'Svc', method: [{ name: 'Call' }] }],
      },
      {
        name: 'more.proto',
        package: 'more',
        dependency: ['base.proto', 'missing.proto'],
        extension: [{ name: 'extra', number: 120, extendee: '.base.Outer' }],
        messageType: [
          { name: 'Holder', extension: [{ name: 'inside', number: 110, extendee: '.base.Outer' }] },
        ],
      },
      { name: 'bare.proto', messageType: [{ name: 'NoPackage' }] },
    ],
  }),
);

test.each([
  ['base.Outer', 'base.proto'],
  ['base.Outer.value', 'base.proto'],
  ['base.Outer.choice', 'base.proto'],
  ['base.Outer.Inner', 'base.proto'],
  ['base.Outer.Inner.deep', 'base.proto'],
  ['base.Outer.Kind', 'base.proto'],
  ['base.Outer.KIND_A', 'base.proto'],
  ['base.Top', 'base.proto'],
  ['base.TOP_A', 'base.proto'],
  ['base.Svc', 'base.proto'],
  ['base.Svc.Call', 'base.proto'],
  ['more.extra', 'more.proto'],
  ['more.Holder.inside', 'more.proto'],
  ['NoPackage', 'bare.proto'],
])('%s is found in %s', (symbol, file) => {
  expect(indexed(extended).fileOf(symbol)?.name).toBe(file);
});

test.each(['base', 'base.Nobody', 'Outer', 'base.Outer.Kind.KIND_A', ''])(
  '"%s" is not a symbol',
  (symbol) => {
    expect(indexed(extended).fileOf(symbol)).toBeUndefined();
  },
);

test('extensions are found by the message that they extend', () => {
  const index = indexed(extended);
  expect(index.extensionNumbers('base.Outer')).toEqual([110, 120]);
  expect(index.extensionNumbers('base.Outer.Inner')).toEqual([]);
  expect(index.extensionNumbers('base.Nobody')).toBeUndefined();
  expect(index.fileOfExtension('base.Outer', 110)?.name).toBe('more.proto');
  expect(index.fileOfExtension('base.Outer', 111)).toBeUndefined();
});

test('a file comes with all that it imports and that is there, itself first', () => {
  const index = indexed(extended);
  const file = index.file('more.proto');
  if (file === undefined) throw new Error('it should be there');
  expect(index.closure(file).map(({ name }) => name)).toEqual(['more.proto', 'base.proto']);
});

test('of two files with one name the first counts', () => {
  const other = bytesOf(
    create(FileDescriptorSetSchema, { file: [{ name: 'base.proto', package: 'other' }] }),
  );
  const index = indexed(extended, other);
  expect(index.fileOf('base.Outer')?.name).toBe('base.proto');
});

test.each<[string, Uint8Array]>([
  ['text', Buffer.from('this is not protobuf')],
  ['a set that ends too early', extended.subarray(0, extended.length - 3)],
  ['another message', Buffer.from([0x10, 0x01])],
  ['a file without a name', bytesOf(create(FileDescriptorSetSchema, { file: [{ package: 'x' }] }))],
])('%s is refused', (_name, bytes) => {
  expect(() => indexed(bytes)).toThrow(expect.objectContaining({ code: 'DESCRIPTORS_INVALID' }));
});

test('the embedded descriptors are those of the contracts; if not, run: node sdk/embed-descriptors.mjs', () => {
  const file = join(__dirname, '../../../proto/src/gen/plugd.binpb');
  const all = fromBinary(FileDescriptorSetSchema, readFileSync(file));
  const embedded = fromBinary(FileDescriptorSetSchema, builtInDescriptors());
  // Options of other people's contracts are none of a plugin's services, nor is what a daemon is asked, nor what both need.
  const others = [
    ...['plugd/options.proto', 'google/protobuf/descriptor.proto'],
    ...['plugd/admin/v1/admin.proto', 'google/protobuf/struct.proto'],
  ];
  const wanted = all.file.filter(({ name }) => !name.startsWith('samples/') && !others.includes(name));
  const byName = (set: readonly { name: string }[]) => [...set].sort((a, b) => a.name.localeCompare(b.name));
  expect(byName(embedded.file)).toEqual(byName(wanted));
});
