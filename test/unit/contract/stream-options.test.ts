import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema, FieldDescriptorProto_Type as Type } from '@bufbuild/protobuf/wkt';
import { load } from '@grpc/proto-loader';
import { FeedDefinition, FeedService } from '@plugd/protocol/gen/samples/feed/v1/feed';
import { type ContractOption, readContract } from '../../../host/src/contract/given-contract';
import { resumeFields } from '../../../host/src/contract/resume-fields';

const proto = join(__dirname, '../../../proto');
const samples = readFileSync(join(proto, 'src/gen/samples.binpb'));
const follow = '/samples.feed.v1.Feed/Follow';

/** What is said of the streams of each method of the samples' feed. */
function streamsOf(option: ContractOption): object {
  const methods = readContract(option).contract.service('samples.feed.v1.Feed')?.methods ?? [];
  return Object.fromEntries(methods.map(({ name, resumable, mayBeCut }) => [name, { resumable, mayBeCut }]));
}

const said = {
  Follow: { resumable: { token: 'sequence', request: 'after' } },
  // The request's field has the token's name.
  Deliver: { resumable: { token: 'sequence', request: 'sequence' } },
  Tick: { mayBeCut: true },
  Exchange: {},
};

describe('which streams are resumable, and which may be cut, is read', () => {
  test('from generic definitions, which keep it among unknown fields', () => {
    expect(streamsOf(FeedDefinition)).toEqual(said);
  });

  test('from the bytes of a FileDescriptorSet', () => {
    expect(streamsOf(samples)).toEqual(said);
  });

  test('from a decoded FileDescriptorSet, as far as its library keeps it', () => {
    expect(streamsOf(fromBinary(FileDescriptorSetSchema, samples))).toEqual(said);
  });

  test('from proto-loader’s definitions', async () => {
    const loaded = await load('samples/feed/v1/feed.proto', { includeDirs: [proto] });
    const service = loaded['samples.feed.v1.Feed'];
    if (service === undefined || !('Follow' in service)) throw new Error('no service');
    expect(streamsOf(service as ContractOption)).toEqual(said);
  });

  test('not from grpc-js’s definitions, which have no place for it; then whoever knows more is asked', () => {
    expect(streamsOf(FeedService)).toEqual({ Follow: {}, Deliver: {}, Tick: {}, Exchange: {} });
    expect(streamsOf([FeedService, samples])).toEqual(said);
  });
});

test('what cannot be read as the option makes the contract unreadable', () => {
  const broken = {
    ...FeedDefinition,
    methods: {
      follow: {
        ...FeedDefinition.methods.follow,
        options: { _unknownFields: { 405682: [Buffer.from([9, 1])] } },
      },
    },
  };
  expect(() => readContract(broken)).toThrow();
});

describe('the fields of a resumable stream', () => {
  const fieldsOf = (option: ContractOption, path: string) => {
    const { contract } = readContract(option);
    const method = contract.method(path);
    if (method === undefined) throw new Error('no method');
    return resumeFields(contract, method);
  };

  test('are found by their names', () => {
    expect(fieldsOf(samples, follow)).toEqual({ token: 1, request: 1, wireType: 0, type: 'uint64' });
    expect(fieldsOf(samples, '/samples.feed.v1.Feed/Deliver')).toEqual({
      token: 3,
      request: 2,
      wireType: 0,
      type: 'uint64',
    });
  });

  test('need descriptors', () => {
    expect(fieldsOf(FeedDefinition, follow)).toMatch(/nobody tells of its messages/);
  });

  const field = (over: object) => ({ name: 'at', number: 4, type: Type.STRING, label: 1, ...over });
  /** A set with one method from I to O. */
  const setOf = (i: object, o: object, method: object = {}, option = { token: 'at', request: '' }) => {
    const set = create(FileDescriptorSetSchema, {
      file: [
        {
          name: 'one.proto',
          package: 'one',
          messageType: [
            { name: 'I', field: [i] },
            { name: 'O', field: [o] },
          ],
          service: [
            {
              name: 'S',
              method: [
                { name: 'M', inputType: '.one.I', outputType: '.one.O', serverStreaming: true, ...method },
              ],
            },
          ],
        },
      ],
    });
    const [file] = fromBinary(FileDescriptorSetSchema, toBinary(FileDescriptorSetSchema, set)).file;
    const declared: unknown = file?.service[0]?.method[0];
    Reflect.set(Object(declared), 'options', { '(plugd.resumable)': option });
    return { file: file === undefined ? [] : [file] };
  };

  test.each([
    ['of another type', setOf(field({ type: Type.BYTES }), field({})), /of type string, at of type bytes/],
    ['that come again', setOf(field({}), field({ label: 3 })), /is repeated/],
    ['that are not there', setOf(field({ name: 'from' }), field({})), /one.I has no field at/],
    ['without a name', setOf(field({}), field({}), {}, { token: '', request: '' }), /names no token/],
    [
      'of a group',
      setOf(field({ type: Type.GROUP }), field({ type: Type.GROUP })),
      /type that no token can have/,
    ],
    ['of a call with many requests', setOf(field({}), field({}), { clientStreaming: true }), /one request/],
    [
      'of a call with one answer',
      setOf(field({}), field({}), { serverStreaming: false }),
      /stream of answers/,
    ],
  ])('%s don’t make one', (_, set, why) => {
    expect(fieldsOf(set, '/one.S/M')).toMatch(why);
  });

  test('of each type are found as they are written', () => {
    const wireTypeOf = (type: Type) => fieldsOf(setOf(field({ type }), field({ type })), '/one.S/M');
    expect(wireTypeOf(Type.STRING)).toMatchObject({ token: 4, wireType: 2 });
    expect(wireTypeOf(Type.SINT64)).toMatchObject({ wireType: 0 });
    expect(wireTypeOf(Type.FIXED64)).toMatchObject({ wireType: 1 });
    expect(wireTypeOf(Type.SFIXED32)).toMatchObject({ wireType: 5 });
  });
});
