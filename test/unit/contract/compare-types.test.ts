import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { compareContracts, formatChange } from '../../../host/src/contract/compare';
import type { Contract } from '../../../host/src/contract/contract';
import { readContract } from '../../../host/src/contract/given-contract';
import { fieldLabels, fieldTypes } from '../../../host/src/contract/message-type';
import { testProperty } from '../../support/property-test';

// What stands in messages, as a compiler would write it. A field is a line: `repeated a.Tree children = 1`.

const types: readonly string[] = fieldTypes;
const labels: readonly string[] = fieldLabels;

interface Message {
  readonly fields: readonly string[];
  /** By name, the names of the fields in it. */
  readonly oneofs?: Readonly<Record<string, readonly string[]>>;
  /** Fields that are declared `optional` in proto3: each has a oneof of its own. */
  readonly optional?: readonly string[];
}

interface Schema {
  readonly messages: Readonly<Record<string, Message>>;
  readonly enums?: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

function setOf({ messages, enums = {} }: Schema): Uint8Array {
  const messageType = Object.entries(messages).map(([name, message]) => messageOf(name, message, enums));
  const enumType = Object.entries(enums).map(([name, values]) => ({
    name,
    value: Object.entries(values).map(([value, number]) => ({ name: value, number })),
  }));
  const method = [{ name: 'Do', inputType: '.a.In', outputType: '.a.In' }];
  const file = { name: 'a.proto', package: 'a', messageType, enumType, service: [{ name: 'S', method }] };
  return toBinary(
    FileDescriptorSetSchema,
    create(FileDescriptorSetSchema, { file: [file] } as Parameters<typeof create>[1]),
  );
}

function messageOf(name: string, { fields, oneofs = {}, optional = [] }: Message, enums: object) {
  const nestedType: object[] = [];
  const names = [...Object.keys(oneofs), ...optional.map((one) => `_${one}`)];
  const field = fields.map((text) => {
    const [, label = 'optional', type = '', own = '', number = ''] =
      /^(?:(repeated|required) )?(map<.+>|\S+) (\S+) = (\d+)$/.exec(text) ?? [];
    const map = /^map<(.+), (.+)>$/.exec(type);
    if (map !== null) {
      const entry = `${own[0]?.toUpperCase()}${own.slice(1)}Entry`;
      nestedType.push({
        name: entry,
        options: { mapEntry: true },
        field: [typed('key', 1, map[1] ?? '', enums), typed('value', 2, map[2] ?? '', enums)],
      });
      return { name: own, number: Number(number), type: 11, typeName: `.a.${name}.${entry}`, label: 3 };
    }
    const oneof = Object.entries(oneofs).find(([, members]) => members.includes(own))?.[0];
    const index = names.indexOf(optional.includes(own) ? `_${own}` : (oneof ?? ''));
    return {
      ...typed(own, Number(number), type, enums),
      label: labels.indexOf(label) + 1,
      ...(index < 0 ? {} : { oneofIndex: index }),
      ...(optional.includes(own) ? { proto3Optional: true } : {}),
    };
  });
  return { name, field, nestedType, oneofDecl: names.map((one) => ({ name: one })) };
}

function typed(name: string, number: number, type: string, enums: object) {
  const scalar = types.indexOf(type) + 1;
  if (scalar > 0) return { name, number, type: scalar, label: 1 };
  return { name, number, type: type in enums ? 14 : 11, typeName: `.a.${type}`, label: 1 };
}

const contract = (schema: Schema): Contract => readContract(setOf(schema)).contract;
const changes = (was: Schema, is: Schema) => compareContracts(contract(was), contract(is));
const lines = (was: Schema, is: Schema, breaking: boolean) =>
  changes(was, is)
    .filter((change) => change.breaking === breaking)
    .map(formatChange);

/** One message, called `In`. */
const fields = (...given: readonly string[]): Schema => ({ messages: { In: { fields: given } } });
const color = (values: Readonly<Record<string, number>>): Schema => ({
  messages: { In: { fields: ['Color color = 1'] } },
  enums: { Color: values },
});
const inside = (inner: string): Schema => ({
  messages: {
    In: { fields: ['repeated Node nodes = 1'] },
    Node: { fields: ['Node left = 1', 'Leaf leaf = 2'] },
    Leaf: { fields: [inner] },
  },
});
const valued = (inner: string): Schema => ({
  messages: { In: { fields: ['map<string, Leaf> leaves = 1'] }, Leaf: { fields: [inner] } },
});
const together = (given: readonly string[], oneofs: Message['oneofs'] = {}): Schema => ({
  messages: { In: { fields: given, oneofs } },
});
const abc = ['string a = 1', 'string b = 2', 'string c = 3'];

test.each<[string, Schema, Schema, readonly string[]]>([
  [
    'a field that has to be there',
    fields('string a = 1'),
    fields('required string a = 1'),
    ['a.In.a: field cardinality changed: optional → required'],
  ],
  [
    'a field that need not be there any more',
    fields('required string a = 1'),
    fields('string a = 1'),
    ['a.In.a: field cardinality changed: required → optional'],
  ],
  [
    'a required field that is gone',
    fields('required string a = 1', 'string b = 2'),
    fields('string b = 2'),
    ['a.In.a: field removed'],
  ],
  [
    'a field that comes many times',
    fields('string a = 1'),
    fields('repeated string a = 1'),
    ['a.In.a: field cardinality changed: optional → repeated'],
  ],
  [
    'two fields with each other’s numbers',
    fields('string a = 1', 'string b = 2'),
    fields('string b = 1', 'string a = 2'),
    ['a.In.a: field number changed: 1 → 2', 'a.In.b: field number changed: 2 → 1'],
  ],
  [
    'a number that another field has taken',
    fields('string a = 1'),
    fields('int64 b = 1'),
    ['a.In.a: field type changed: string → int64'],
  ],
  [
    'a width of numbers',
    fields('int32 a = 1'),
    fields('int64 a = 1'),
    ['a.In.a: field type changed: int32 → int64'],
  ],
  [
    'a message that has become an enum',
    { messages: { In: { fields: ['Kind a = 1'] }, Kind: { fields: [] } } },
    { messages: { In: { fields: ['Kind a = 1'] } }, enums: { Kind: { NONE: 0 } } },
    ['a.In.a: field type changed: message a.Kind → enum a.Kind'],
  ],
  [
    'what a map is of',
    fields('map<string, int32> counts = 1'),
    fields('map<string, string> counts = 1'),
    ['a.In.counts: field type changed: map<string, int32> → map<string, string>'],
  ],
  [
    'the key of a map',
    fields('map<string, int32> counts = 1'),
    fields('map<int64, int32> counts = 1'),
    ['a.In.counts: field type changed: map<string, int32> → map<int64, int32>'],
  ],
  [
    'a map that has become a list',
    { messages: { In: { fields: ['map<string, int32> all = 1'] }, Pair: { fields: [] } } },
    { messages: { In: { fields: ['repeated Pair all = 1'] }, Pair: { fields: [] } } },
    ['a.In.all: field type changed: map<string, int32> → a.Pair'],
  ],
  [
    'a field of a map’s values',
    valued('string a = 1'),
    valued('bytes a = 1'),
    ['a.Leaf.a: field type changed: string → bytes'],
  ],
  [
    'a field deep in messages that contain themselves',
    inside('string a = 1'),
    inside('string a = 7'),
    ['a.Leaf.a: field number changed: 1 → 7'],
  ],
  [
    'the number of an enum’s value',
    color({ NONE: 0, RED: 1, BLUE: -2 }),
    color({ NONE: 0, RED: 3, BLUE: -1 }),
    ['a.Color.RED: enum number changed: 1 → 3', 'a.Color.BLUE: enum number changed: -2 → -1'],
  ],
  [
    'a field that excludes another one now',
    together(abc),
    together(abc, { choice: ['a', 'b'] }),
    ['a.In.a: field oneof changed: alone → with b', 'a.In.b: field oneof changed: alone → with a'],
  ],
  [
    'a field that excludes another one no more',
    together(abc, { choice: ['a', 'b', 'c'] }),
    together(abc, { choice: ['a', 'b'] }),
    [
      'a.In.a: field oneof changed: with b, c → with b',
      'a.In.b: field oneof changed: with a, c → with a',
      'a.In.c: field oneof changed: with a, b → alone',
    ],
  ],
])('%s breaks callers', (_, was, is, expected) => {
  expect(lines(was, is, true)).toEqual(expected);
});

test.each<[string, Schema, Schema, readonly string[]]>([
  ['another name', fields('string a = 1'), fields('string b = 1'), []],
  [
    'another name of a map',
    fields('map<string, int32> counts = 1'),
    fields('map<string, int32> totals = 1'),
    [],
  ],
  [
    'another name of a oneof',
    together(abc, { choice: ['a', 'b'] }),
    together(abc, { either: ['a', 'b'] }),
    [],
  ],
  ['a oneof of one field', together(abc), together(abc, { choice: ['a'] }), []],
  [
    'a new field in a oneof',
    together(['string a = 1', 'string b = 2'], { choice: ['a', 'b'] }),
    together(abc, { choice: ['a', 'b', 'c'] }),
    ['a.In.c: field added: string = 3'],
  ],
  [
    'a field of which is told whether it was set',
    { messages: { In: { fields: abc } } },
    { messages: { In: { fields: abc, optional: ['a', 'b'] } } },
    [],
  ],
  [
    'a new value of an enum',
    color({ NONE: 0 }),
    color({ NONE: 0, RED: 1 }),
    ['a.Color.RED: enum value added: 1'],
  ],
  [
    'a value of an enum that is gone',
    color({ NONE: 0, RED: 1 }),
    color({ NONE: 0 }),
    ['a.Color.RED: enum value removed'],
  ],
  ['another name of an enum’s value', color({ NONE: 0 }), color({ UNSET: 0 }), []],
  ['a field that is gone', fields(...abc), fields('string a = 1', 'string b = 2'), ['a.In.c: field removed']],
])('%s breaks nobody', (_, was, is, expected) => {
  expect(changes(was, is).map(formatChange)).toEqual(expected);
  expect(lines(was, is, true)).toEqual([]);
});

test('where a library decoded the descriptors, nothing is said of oneofs: it leaves open which fields are in the first', () => {
  const was = together(abc);
  const file = [
    {
      name: 'a.proto',
      package: 'a',
      service: [{ name: 'S', method: [{ name: 'Do', inputType: '.a.In', outputType: '.a.In' }] }],
      messageType: [
        {
          name: 'In',
          oneofDecl: [{ name: 'choice' }],
          field: ['a', 'b', 'c'].map((name, index) => ({
            name,
            number: index + 1,
            type: 9,
            label: 1,
            oneofIndex: 0,
          })),
        },
      ],
    },
  ];
  expect(compareContracts(contract(was), readContract({ file }).contract)).toEqual([]);
});

test("what the compiler wrote of this project's own contracts is read: enums, maps, oneofs", () => {
  const gen = join(__dirname, '../../../proto/src/gen');
  const plugd = readContract(readFileSync(join(gen, 'plugd.binpb'))).contract;
  const samples = readContract(readFileSync(join(gen, 'samples.binpb'))).contract;
  const request = plugd.message('grpc.reflection.v1.ServerReflectionRequest');
  expect(request?.fields.filter(({ oneof }) => oneof === 0).length).toBeGreaterThan(2);
  expect(request?.fields.find(({ name }) => name === 'host')?.oneof).toBeUndefined();
  expect(plugd.enum('grpc.health.v1.HealthCheckResponse.ServingStatus')?.values).toContainEqual({
    name: 'NOT_SERVING',
    number: 2,
  });
  expect(samples.message('samples.probe.v1.LogRequest.FieldsEntry')?.mapEntry).toBe(true);
});

test('a chain of messages as long as a stranger likes is compared, and takes no stack', () => {
  const length = 6_000;
  const chain = (last: string): Schema => ({
    messages: Object.fromEntries([
      ['In', { fields: ['M0 next = 1'] }],
      ...Array.from({ length }, (_, at) => [
        `M${at}`,
        { fields: [at + 1 < length ? `M${at + 1} next = 1` : last] },
      ]),
    ]),
  });
  expect(lines(chain('string end = 1'), chain('bytes end = 1'), true)).toEqual([
    `a.M${length - 1}.end: field type changed: string → bytes`,
  ]);
});

const scalar = fc.constantFrom('string', 'int32', 'bool', 'bytes', 'map<string, int32>', 'In');
const messageFields = fc
  .uniqueArray(fc.record({ number: fc.integer({ min: 1, max: 6 }), type: scalar, many: fc.boolean() }), {
    selector: ({ number }) => number,
    maxLength: 6,
  })
  .map((list) =>
    list.map(
      ({ number, type, many }) =>
        `${many && !type.startsWith('map') ? 'repeated ' : ''}${type} f${number} = ${number}`,
    ),
  );

testProperty(
  'a contract differs in nothing from itself, what one way is added is gone the other way, and a changed line breaks both ways',
  fc.property(messageFields, messageFields, (one, other) => {
    const [was, is] = [fields(...one), fields(...other)];
    expect(changes(was, was)).toEqual([]);
    const kinds = (all: ReturnType<typeof changes>, kind: string) =>
      all.filter((change) => change.kind === kind).map(({ where }) => where);
    const there = changes(was, is);
    const back = changes(is, was);
    expect(kinds(there, 'field-added').sort()).toEqual(kinds(back, 'field-removed').sort());
    const breaking = (all: ReturnType<typeof changes>) =>
      new Set(all.filter((change) => change.breaking).map(({ where }) => where));
    expect(breaking(there)).toEqual(breaking(back));
    const numberOf = (line: string) => line.split(' = ')[1];
    const changed = one.filter((line) => {
      const same = other.find((candidate) => numberOf(candidate) === numberOf(line));
      return same !== undefined && same !== line;
    });
    expect(breaking(there).size).toBe(changed.length);
  }),
);
