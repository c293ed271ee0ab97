import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, fromBinary } from '@bufbuild/protobuf';
import {
  type FileDescriptorSet,
  FileDescriptorSetSchema,
  FieldDescriptorProto_Label as Label,
  MethodOptions_IdempotencyLevel as Level,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';
import { load } from '@grpc/proto-loader';
import { CounterDefinition } from '@plugd/protocol/gen/samples/counter/v1/counter';
import { KvDefinition, KvService } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { type ContractOption, readContract } from '../../../host/src/contract/given-contract';

const proto = join(__dirname, '../../../proto');
const samples = readFileSync(join(proto, 'src/gen/samples.binpb'));
const decodedSamples = fromBinary(FileDescriptorSetSchema, samples);

/** Level of each method of the samples' store, and how it streams. */
const kvMethods = {
  Get: ['no-side-effects', false, false],
  Put: ['idempotent', false, false],
  Watch: ['no-side-effects', false, true],
  Load: ['unknown', true, false],
  Chat: ['unknown', true, true],
};

function methodsOf(option: ContractOption, service: string): object {
  const found = readContract(option).contract.service(service);
  return Object.fromEntries(
    (found?.methods ?? []).map(({ name, idempotency, requestStream, responseStream }) => [
      name,
      [idempotency, requestStream, responseStream],
    ]),
  );
}

/** A set with one method, declared as given. */
function setWith(method: object, file: object = {}): FileDescriptorSet {
  return create(FileDescriptorSetSchema, {
    file: [
      {
        name: 'one.proto',
        package: 'one',
        service: [{ name: 'S', method: [{ name: 'M', ...method }] }],
        ...file,
      },
    ],
  });
}

describe('the levels of methods, and how they stream, are read', () => {
  test('from generic definitions', () => {
    expect(methodsOf([KvDefinition], 'samples.kv.v1.Kv')).toEqual(kvMethods);
  });

  test('from the bytes of a FileDescriptorSet', () => {
    expect(methodsOf(samples, 'samples.kv.v1.Kv')).toEqual(kvMethods);
    expect(methodsOf(new Uint8Array(samples), 'samples.kv.v1.Kv')).toEqual(kvMethods);
  });

  test('from a decoded FileDescriptorSet', () => {
    expect(methodsOf(decodedSamples, 'samples.kv.v1.Kv')).toEqual(kvMethods);
  });

  test('from what proto-loader makes of the file', async () => {
    const loaded = await load('samples/kv/v1/kv.proto', { includeDirs: [proto] });
    const service = loaded['samples.kv.v1.Kv'];
    if (service === undefined || 'format' in service) throw new Error('it should be a service');
    expect(methodsOf([service], 'samples.kv.v1.Kv')).toEqual(kvMethods);
  });

  test('by name too, as libraries that print enums decode them', () => {
    const set = {
      file: [
        {
          name: 'a',
          service: [{ name: 'S', method: [{ name: 'M', options: { idempotencyLevel: 'IDEMPOTENT' } }] }],
        },
      ],
    };
    expect(methodsOf(set, 'S')).toEqual({ M: ['idempotent', false, false] });
  });
});

test('grpc-js’s definitions tell how methods stream, and nothing of their levels', () => {
  const { contract } = readContract([KvService]);
  expect(contract.services.map(({ name }) => name)).toEqual(['samples.kv.v1.Kv']);
  expect(contract.method('/samples.kv.v1.Kv/Watch')).toEqual({
    path: '/samples.kv.v1.Kv/Watch',
    name: 'Watch',
    requestStream: false,
    responseStream: true,
    inputType: undefined,
    outputType: undefined,
    idempotency: 'unknown',
    levelStated: false,
  });
  expect(contract.isIdempotent('/samples.kv.v1.Kv/Get')).toBe(false);
});

test('a level that descriptors or definitions don’t give is stated as unknown, one from the future too', () => {
  for (const option of [
    setWith({}),
    setWith({ options: { idempotencyLevel: Level.IDEMPOTENCY_UNKNOWN } }),
    setWith({ options: { idempotencyLevel: 3 } }),
  ]) {
    const method = readContract(option).contract.method('/one.S/M');
    expect(method).toMatchObject({ idempotency: 'unknown', levelStated: true });
  }
  expect(readContract([CounterDefinition]).contract.method('/samples.counter.v1.Counter/Put')).toMatchObject({
    idempotency: 'unknown',
    levelStated: true,
  });
});

test('where the first source can’t state a level the next one does; where it can, its word counts', () => {
  const get = '/samples.kv.v1.Kv/Get';
  expect(readContract([KvService, samples]).contract.isIdempotent(get)).toBe(true);
  const denied = structuredClone(decodedSamples);
  for (const { service } of denied.file)
    for (const { method } of service) for (const one of method) delete one.options;
  expect(readContract([KvService, denied, samples]).contract.isIdempotent(get)).toBe(false);
  expect(readContract([samples, denied]).contract.isIdempotent(get)).toBe(true);
});

test.each<[string, ContractOption]>([
  ['bytes', samples],
  ['a decoded message', decodedSamples],
])('messages and types of methods come from %s', (_, option) => {
  const { contract } = readContract(option);
  expect(contract.method('/samples.kv.v1.Kv/Chat')).toMatchObject({
    inputType: 'samples.kv.v1.ChatRequest',
    outputType: 'samples.kv.v1.ChatResponse',
  });
  expect(contract.message('samples.probe.v1.PrintRequest')).toMatchObject({
    name: 'samples.probe.v1.PrintRequest',
    fields: [
      {
        name: 'target',
        number: 1,
        type: 'enum',
        typeName: 'samples.probe.v1.PrintRequest.Target',
        label: 'optional',
      },
      { name: 'text', number: 2, type: 'string', typeName: undefined, label: 'optional' },
    ],
  });
  // A map is a repeated message in its outer one.
  const fields = {
    name: 'fields',
    number: 3,
    type: 'message',
    typeName: 'samples.probe.v1.LogRequest.FieldsEntry',
    label: 'repeated',
  };
  expect(contract.message('samples.probe.v1.LogRequest')?.fields).toContainEqual(fields);
  expect(contract.message('samples.probe.v1.LogRequest.FieldsEntry')?.fields.map(({ name }) => name)).toEqual(
    ['key', 'value'],
  );
  expect(contract.message('samples.probe.v1.Nothing')).toBeUndefined();
  expect(contract.files.map(({ name }) => name).sort()).toEqual(
    decodedSamples.file.map(({ name }) => name).sort(),
  );
});

test('every type and label of fields is told from the others', () => {
  const types = Object.values(Type).filter((value) => typeof value === 'number');
  const labels = Object.values(Label).filter((value) => typeof value === 'number');
  const field = types.flatMap((type) =>
    labels.map((label, index) => ({ name: 'f', number: type * 3 + index, type, label })),
  );
  const { contract } = readContract(setWith({}, { messageType: [{ name: 'M', field }] }));
  const fields = contract.message('one.M')?.fields ?? [];
  expect(fields.map(({ type, label }) => `TYPE_${type} LABEL_${label}`.toUpperCase())).toEqual(
    field.map(({ type, label }) => `TYPE_${Type[type]} LABEL_${Label[label]}`),
  );
});

test('bytes of the files are kept as they were given, for those who need more of them', () => {
  const { contract } = readContract(samples);
  const again = contract.files.flatMap(({ bytes = Buffer.alloc(0) }) => [
    Buffer.from([0x0a]),
    length(bytes.length),
    bytes,
  ]);
  expect(Buffer.concat(again)).toEqual(samples);
  expect(readContract(decodedSamples).contract.files.every(({ bytes }) => bytes === undefined)).toBe(true);
});

describe('the services that have to be served', () => {
  const services = (option: ContractOption) => [...readContract(option).required].sort();

  test('are those of the definitions, each once', () => {
    expect(services([KvDefinition, KvService])).toEqual(['samples.kv.v1.Kv']);
    expect(services([samples, CounterDefinition])).toEqual(['samples.counter.v1.Counter']);
  });

  test('are those of the descriptors where there are no definitions', () => {
    expect(services(setWith({}))).toEqual(['one.S']);
    expect(services([samples, setWith({})])).toContain('samples.counter.v1.AddHelper');
  });

  test('are none where no contract is given', () => {
    expect([services([]), readContract().required]).toEqual([[], []]);
  });
});

test('what is done to the caller’s bytes later is not followed', () => {
  const bytes = new Uint8Array(samples);
  const { contract, sources } = readContract(bytes);
  bytes.fill(0);
  expect(sources).toEqual([samples]);
  expect(contract.files[0]?.bytes?.some((byte) => byte !== 0)).toBe(true);
});

test.each<[string, unknown]>([
  ['text', Buffer.from('this is not protobuf')],
  ['nothing', new Uint8Array(0)],
  ['a set that ends too early', samples.subarray(0, samples.length - 3)],
  ['a set without a file', { file: [] }],
  ['a file that is none', { file: [7] }],
  ['a file without a name', { file: [{ package: 'x' }] }],
  ['a name that is no text', { file: [{ name: 7 }] }],
  ['a list that is none', { file: [{ name: 'a', service: {} }] }],
  ['a set without a service', { file: [{ name: 'a' }] }],
  ['a name without an end', setWith({}, { package: 'p'.repeat(600) })],
  ['a definition without a method', {}],
  ['null in a list', [null]],
])('%s is no contract', (_, option) => {
  expect(() => Reflect.apply(readContract, undefined, [option])).toThrow();
});

test('messages nested without an end are refused', () => {
  let message: object = { name: 'M' };
  for (let depth = 0; depth < 40; depth++) message = { name: 'M', nestedType: [message] };
  expect(() => readContract(setWith({}, { messageType: [message] }))).toThrow('nested');
});

/** A length as a varint. */
function length(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest >>= 7) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
}
