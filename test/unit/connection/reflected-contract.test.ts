import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';
import { type Channel, Server, ServerCredentials, type ServerDuplexStream, status } from '@grpc/grpc-js';
import {
  type ServerReflectionRequest,
  type ServerReflectionResponse,
  ServerReflectionService as V1,
} from '@plugd/protocol/gen/grpc/reflection/v1/reflection';
import { ServerReflectionService as V1Alpha } from '@plugd/protocol/gen/grpc/reflection/v1alpha/reflection';
import { listenPrivately } from '@plugd/protocol/rpc/private-listener';
import { openChannel } from '../../../host/src/connection/channel';
import { reflectContract } from '../../../host/src/connection/reflected-contract';

type Asked = NonNullable<ServerReflectionRequest['messageRequest']>;
type Answer = ServerReflectionResponse['messageResponse'];
type Conversation = ServerDuplexStream<ServerReflectionRequest, ServerReflectionResponse>;
/** What a plugin says to a question: nothing, or any number of things. */
type Plugin = (question: Asked, count: number) => readonly Answer[];

const files = fromBinary(
  FileDescriptorSetSchema,
  readFileSync(join(__dirname, '../../../proto/src/gen/samples.binpb')),
).file;
const kv = files.filter(({ name }) => name.includes('/kv/'));

const bytesOf = (file: FileDescriptorProto): Buffer => Buffer.from(toBinary(FileDescriptorProtoSchema, file));
const made = (file: object): Buffer => bytesOf(create(FileDescriptorProtoSchema, file));
const sent = (...fileDescriptorProto: Buffer[]): Answer => ({
  $case: 'fileDescriptorResponse',
  value: { fileDescriptorProto },
});
const listed = (...names: string[]): Answer => ({
  $case: 'listServicesResponse',
  value: { service: names.map((name) => ({ name })) },
});
const notFound: Answer = { $case: 'errorResponse', value: { errorCode: 5, errorMessage: 'not found' } };

/** Lists a service `p.S`, and answers everything else by `more`. */
const withService =
  (more: Plugin): Plugin =>
  (question, count) =>
    question.$case === 'listServices' ? [listed('p.S')] : more(question, count);

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** A channel to a server with one version of reflection; what was asked there, in order. */
async function serve(plugin: Plugin, versions: readonly (typeof V1 | typeof V1Alpha)[] = [V1]) {
  const asked: string[] = [];
  const server = new Server({ 'grpc.enable_channelz': 0 });
  const serverReflectionInfo = (call: Conversation): void => {
    let silent = false;
    call.on('data', (request: ServerReflectionRequest) => {
      const question = request.messageRequest;
      if (question === undefined) return;
      asked.push(`${question.$case} ${String(question.value)}`);
      const answers = plugin(question, asked.length);
      silent ||= answers.length === 0;
      for (const messageResponse of answers)
        call.write({ validHost: '', originalRequest: request, messageResponse });
    });
    // One that does not answer does not hang up either.
    call.on('end', () => silent || call.end());
    call.on('error', () => {});
  };
  for (const version of versions) server.addService(version, { serverReflectionInfo });
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const listener = await listenPrivately((connection) => injector.injectConnection(connection));
  const channel = openChannel(listener, undefined);
  ends.push(() => {
    listener.breakOff();
    channel.close();
    server.forceShutdown();
  });
  return { channel, asked };
}

const reflect = (channel: Channel, timeoutMs = 20_000) => reflectContract(channel, { timeoutMs });

test.each([
  ['v1', V1],
  ['v1alpha', V1Alpha],
])('what a plugin serves is what it lists, with the levels of its files (%s)', async (_, version) => {
  const { channel, asked } = await serve(
    (question) => {
      if (question.$case === 'listServices')
        return [listed('samples.kv.v1.Kv', 'samples.counter.v1.Counter', 'x.Unheard')];
      return [question.value === 'x.Unheard' ? notFound : sent(...files.map(bytesOf))];
    },
    [version],
  );
  const contract = await reflect(channel);
  expect(contract?.services.map(({ name, methods }) => [name, methods.length])).toEqual(
    // AddHelper and CounterSession are declared in the files, but not listed.
    expect.arrayContaining([
      ['samples.kv.v1.Kv', 5],
      ['samples.counter.v1.Counter', 3],
      ['x.Unheard', 0],
    ]),
  );
  expect(contract?.services).toHaveLength(3);
  expect(contract?.isIdempotent('/samples.kv.v1.Kv/Put')).toBe(true);
  expect(contract?.isIdempotent('/samples.kv.v1.Kv/Load')).toBe(false);
  expect(contract?.message('samples.kv.v1.GetRequest')?.fields).toHaveLength(1);
  expect(asked[0]).toBe('listServices ');
});

test('two plugins that tell the same of themselves share what is remembered of it', async () => {
  const same: Plugin = ({ $case }) =>
    $case === 'listServices' ? [listed('samples.kv.v1.Kv')] : [sent(...kv.map(bytesOf))];
  const [one, other] = [await serve(same), await serve(same)];
  const contract = await reflect(one.channel);
  expect(contract?.services).toHaveLength(1);
  expect(await reflect(other.channel)).toBe(contract);
});

test('a plugin without reflection says nothing', async () => {
  const { channel, asked } = await serve(() => [], []);
  expect(await reflect(channel)).toBeUndefined();
  expect(asked).toEqual([]);
});

test('imports that did not come with a file are asked for by name, each once, also where there is no answer', async () => {
  const [store] = kv;
  if (store === undefined) throw new Error('the samples have a store');
  const importing = made({
    name: 'p.proto',
    package: 'p',
    dependency: [store.name, 'gone.proto'],
    service: [{ name: 'S' }],
  });
  const { channel, asked } = await serve(
    withService(({ $case, value }) => {
      if ($case === 'fileContainingSymbol') return [sent(importing)];
      return [value === store.name ? sent(bytesOf(store)) : notFound];
    }),
  );
  const contract = await reflect(channel);
  expect(contract?.message('samples.kv.v1.GetRequest')).toBeDefined();
  expect(asked).toEqual([
    'listServices ',
    'fileContainingSymbol p.S',
    `fileByFilename ${store.name}`,
    'fileByFilename gone.proto',
  ]);
});

test('an answer of the wrong kind to the first question is no reflection', async () => {
  const { channel } = await serve(() => [notFound]);
  expect(await reflect(channel)).toBeUndefined();
});

test.each<[string, Plugin, string]>([
  [
    'lists services without an end',
    () => [listed(...Array.from({ length: 300 }, (_, i) => `p.S${i}`))],
    '300 services',
  ],
  ['sends rubbish for a file', withService(() => [sent(Buffer.from('this is not protobuf'))]), ''],
  ['sends a file without a name', withService(() => [sent(made({ package: 'p' }))]), 'without a name'],
  [
    'sends a file larger than all may be',
    withService(() => [sent(Buffer.concat([made({ name: 'a' }), filler(5 * 1024 * 1024)]))]),
    'larger than',
  ],
  [
    'sends more than all may be in many files',
    withService(() => [
      sent(
        ...Array.from({ length: 10 }, (_, i) => Buffer.concat([made({ name: `${i}` }), filler(512 * 1024)])),
      ),
    ]),
    'larger than',
  ],
  [
    'declares without an end',
    withService(() => [
      sent(Buffer.concat([made({ name: 'a' }), Buffer.alloc(60_000, Buffer.from([0x22, 0x00]))])),
    ]),
    'too many declarations',
  ],
  [
    'imports file after file, each importing the next',
    withService((_, count) => [sent(made({ name: `${count}`, dependency: [`${count + 1}`] }))]),
    'without an end',
  ],
  [
    'imports ten more with every file',
    withService((_, count) => [
      sent(made({ name: `${count}`, dependency: Array.from({ length: 10 }, (_, i) => `${count}-${i}`) })),
    ]),
    '1000 files',
  ],
])('a plugin that %s is taken at no word', async (_, plugin, words) => {
  const { channel } = await serve(plugin);
  await expect(reflect(channel)).rejects.toThrow(words);
});

test('a plugin that goes on answering is not listened to', async () => {
  const { channel, asked } = await serve(
    withService(() => Array.from({ length: 50 }, (_, i) => sent(made({ name: `${i}.proto` })))),
  );
  const contract = await reflect(channel);
  expect(contract?.files.map(({ name }) => name)).toEqual(['0.proto']);
  expect(asked).toHaveLength(2);
});

test('files that import each other, and themselves, are asked for once', async () => {
  const one = made({ name: 'one', dependency: ['two', 'one'] });
  const two = made({ name: 'two', dependency: ['one'] });
  const { channel, asked } = await serve(withService(({ value }) => [sent(value === 'two' ? two : one)]));
  expect((await reflect(channel))?.files).toHaveLength(2);
  expect(asked).toHaveLength(3);
});

test('of two files with one name the first counts', async () => {
  const level = (idempotencyLevel: number) =>
    made({
      name: 'a',
      package: 'p',
      service: [{ name: 'S', method: [{ name: 'M', options: { idempotencyLevel } }] }],
    });
  const { channel } = await serve(withService(() => [sent(level(0), level(2))]));
  expect((await reflect(channel))?.isIdempotent('/p.S/M')).toBe(false);
});

test('a plugin that says nothing is waited for no longer than was said, whichever question it is', async () => {
  for (const plugin of [() => [], withService(() => [])]) {
    const { channel } = await serve(plugin);
    await expect(reflect(channel, 200)).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
  }
});

test('who asked can give up', async () => {
  const { channel, asked } = await serve(withService(() => []));
  const giveUp = new AbortController();
  const reflected = reflectContract(channel, { timeoutMs: 20_000, signal: giveUp.signal });
  reflected.catch(() => {});
  while (asked.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  giveUp.abort();
  await expect(reflected).rejects.toThrow();
});

/** A field that nobody knows, of about this size. */
function filler(size: number): Buffer {
  const head: number[] = [0xfa, 0x3e];
  let rest = size;
  for (; rest > 127; rest >>= 7) head.push((rest & 127) | 128);
  return Buffer.concat([Buffer.from([...head, rest]), Buffer.alloc(size)]);
}
