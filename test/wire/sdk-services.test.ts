import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import {
  HealthCheckResponse_ServingStatus as Health,
  HealthDefinition,
} from '@plugd/protocol/gen/grpc/health/v1/health';
import {
  ServerReflectionDefinition,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from '@plugd/protocol/gen/grpc/reflection/v1/reflection';
import { ServerReflectionDefinition as V1AlphaDefinition } from '@plugd/protocol/gen/grpc/reflection/v1alpha/reflection';
import { LifecycleDefinition } from '@plugd/protocol/gen/plugd/lifecycle/v1/lifecycle';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { ProbeDefinition } from '@plugd/protocol/gen/samples/probe/v1/probe';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import { disposePlugins, startPluginProcess } from '../support/plugin-process';
import { kvTs } from '../support/samples';
import { tailored } from '../support/tailored';

afterEach(disposePlugins);

describe('health', () => {
  test.each([
    ['', Health.SERVING],
    ['plugin', Health.SERVING],
    ['samples.kv.v1.Kv', Health.SERVING],
  ])('of "%s" is %i', async (service, status) => {
    const health = createPromiseClient(HealthDefinition, await startPluginProcess(kvTs('1')).connect());
    expect(await health.check({ service })).toEqual({ status });
  });

  test('of an unknown service is NOT_FOUND to a check and SERVICE_UNKNOWN to a watch', async () => {
    const health = createPromiseClient(HealthDefinition, await startPluginProcess(kvTs('1')).connect());
    await expect(health.check({ service: 'nobody' })).rejects.toMatchObject({
      codeName: 'NOT_FOUND',
      details: 'unknown service',
    });
    for await (const answer of health.watch({ service: 'nobody' })) {
      expect(answer.status).toBe(Health.SERVICE_UNKNOWN);
      break;
    }
  });

  test('lists all services that were named', async () => {
    const health = createPromiseClient(HealthDefinition, await startPluginProcess(kvTs('1')).connect());
    const { statuses } = await health.list({});
    expect(Object.keys(statuses).sort()).toEqual(['', 'plugin', 'samples.kv.v1.Kv']);
  });

  test('turns to NOT_SERVING for those who watch when the plugin leaves, and then the watch ends', async () => {
    const plugin = startPluginProcess(kvTs('1'));
    const health = createPromiseClient(HealthDefinition, await plugin.connect());
    const seen: Health[] = [];
    for await (const { status } of health.watch({ service: 'plugin' })) {
      seen.push(status);
      if (status === Health.SERVING) plugin.child.kill('SIGTERM');
    }
    expect(seen).toEqual([Health.SERVING, Health.NOT_SERVING]);
  });
});

const BUILT_IN = [
  'grpc.health.v1.Health',
  'grpc.reflection.v1.ServerReflection',
  'grpc.reflection.v1alpha.ServerReflection',
  'plugd.lifecycle.v1.Lifecycle',
  'plugin.GRPCBroker',
  'plugin.GRPCController',
  'plugin.GRPCStdio',
];

type Question = NonNullable<ServerReflectionRequest['messageRequest']>;

function fileNames(response: ServerReflectionResponse | undefined): string[] {
  const answer = response?.messageResponse;
  if (answer?.$case !== 'fileDescriptorResponse') throw new Error(`no files: ${JSON.stringify(answer)}`);
  return answer.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name);
}

describe.each([
  ['v1', ServerReflectionDefinition],
  ['v1alpha', V1AlphaDefinition],
])('reflection %s', (_name, definition) => {
  async function ask(command: () => ReturnType<typeof startPluginProcess>, questions: readonly Question[]) {
    const reflection = createPromiseClient(definition, await command().connect());
    const answers: ServerReflectionResponse[] = [];
    const requests = questions.map((messageRequest) => ({ host: 'somewhere', messageRequest }));
    for await (const answer of reflection.serverReflectionInfo(requests)) answers.push(answer);
    expect(answers).toHaveLength(questions.length);
    for (const answer of answers) expect(answer.validHost).toBe('somewhere');
    return answers;
  }
  const sample = () => startPluginProcess(kvTs('2'));

  test('lists all services, built-in ones too', async () => {
    const [answer] = await ask(sample, [{ $case: 'listServices', value: '' }]);
    expect(answer?.messageResponse).toEqual({
      $case: 'listServicesResponse',
      value: {
        service: [...BUILT_IN, 'samples.feed.v1.Feed', 'samples.kv.v1.Kv', 'samples.probe.v1.Probe'].map(
          (name) => ({
            name,
          }),
        ),
      },
    });
  });

  test('gives files by their name and by what they declare', async () => {
    const answers = await ask(sample, [
      { $case: 'fileByFilename', value: 'samples/kv/v1/kv.proto' },
      ...[
        'samples.kv.v1.Kv',
        'samples.kv.v1.Kv.Get',
        'samples.kv.v1.GetResponse',
        'samples.kv.v1.GetResponse.served_by',
        'samples.probe.v1.PrintRequest.Target',
        'samples.probe.v1.PrintRequest.TARGET_STDOUT',
        'grpc.health.v1.Health',
      ].map((value) => ({ $case: 'fileContainingSymbol' as const, value })),
    ]);
    const kv = 'samples/kv/v1/kv.proto';
    const probe = 'samples/probe/v1/probe.proto';
    expect(answers.map(fileNames)).toEqual([
      ...[kv, kv, kv, kv, kv, probe, probe].map((file) => [file]),
      ['grpc/health/v1/health.proto'],
    ]);
  });

  test('sends what a file imports along with it, but once in a conversation', async () => {
    const symbol = (value: string) => ({ $case: 'fileContainingSymbol' as const, value });
    const answers = await ask(sample, [symbol('plugin.GRPCStdio'), symbol('plugin.GRPCStdio')]);
    expect(answers.map(fileNames)).toEqual([
      ['plugin/grpc_stdio.proto', 'google/protobuf/empty.proto'],
      ['plugin/grpc_stdio.proto'],
    ]);
  });

  test('says NOT_FOUND of what is not known', async () => {
    const answers = await ask(sample, [
      { $case: 'fileByFilename', value: 'nowhere.proto' },
      { $case: 'fileContainingSymbol', value: 'no.Body' },
      {
        $case: 'fileContainingExtension',
        value: { containingType: 'samples.kv.v1.GetRequest', extensionNumber: 7 },
      },
      { $case: 'allExtensionNumbersOfType', value: 'no.Body' },
      { $case: 'allExtensionNumbersOfType', value: 'samples.kv.v1.GetRequest' },
    ]);
    for (const { messageResponse } of answers.slice(0, 4)) {
      expect(messageResponse).toMatchObject({ $case: 'errorResponse', value: { errorCode: 5 } });
    }
    expect(answers[4]?.messageResponse).toEqual({
      $case: 'allExtensionNumbersResponse',
      value: { baseTypeName: 'samples.kv.v1.GetRequest', extensionNumber: [] },
    });
  });

  test('lists services by name where the plugin gave no descriptors, and still describes the built-in ones', async () => {
    const [list, unknown, known] = await ask(
      () => tailored({}),
      [
        { $case: 'listServices', value: '*' },
        { $case: 'fileContainingSymbol', value: 'samples.kv.v1.Kv' },
        { $case: 'fileContainingSymbol', value: 'plugin.GRPCController' },
      ],
    );
    expect(list?.messageResponse?.$case).toBe('listServicesResponse');
    expect(unknown?.messageResponse?.$case).toBe('errorResponse');
    expect(fileNames(known)).toEqual(['plugin/grpc_controller.proto']);
  });

  test('answers with the reason where the descriptors can’t be read', async () => {
    const [answer] = await ask(
      () => tailored({ descriptors: '/nowhere/descriptors.binpb' }),
      [{ $case: 'fileByFilename', value: 'samples/kv/v1/kv.proto' }],
    );
    expect(answer?.messageResponse).toMatchObject({
      $case: 'errorResponse',
      value: { errorCode: 13, errorMessage: expect.stringContaining('DESCRIPTORS_INVALID') },
    });
  });
});

describe('lifecycle', () => {
  test('describes the plugin', async () => {
    const lifecycle = createPromiseClient(LifecycleDefinition, await startPluginProcess(kvTs('2')).connect());
    expect(await lifecycle.describe({})).toMatchObject({ name: 'kv', version: '2.0.0', state: undefined });
  });

  test('a drain ends streams without an end, also those that begin after it, and no other call', async () => {
    const channel = await startPluginProcess(kvTs('2')).connect();
    const kv = createPromiseClient(KvDefinition, channel);
    const sequences: number[] = [];
    for await (const { sequence } of kv.watch({ key: 'a', intervalMs: 3_600_000 })) {
      sequences.push(sequence);
      await createPromiseClient(LifecycleDefinition, channel).drain({ limitMs: 1000 });
    }
    expect(sequences).toEqual([1]);
    for await (const _ of kv.watch({ key: 'a', intervalMs: 3_600_000 })) throw new Error('it drains');
    expect(await kv.get({ key: 'a' })).toMatchObject({ found: false });
    let counted = 0;
    for await (const _ of kv.watch({ key: 'a', count: 3, intervalMs: 1 })) counted++;
    expect(counted).toBe(3);
  });
});

describe('a call', () => {
  test('carries metadata, header and trailer, and its deadline reaches the plugin', async () => {
    const probe = createPromiseClient(ProbeDefinition, await startPluginProcess(kvTs('2')).connect());
    await expect(probe.sleep({ durationMs: 60_000 }, { timeoutMs: 100 })).rejects.toMatchObject({
      codeName: 'DEADLINE_EXCEEDED',
    });
    const { metadata, cancelledSleeps, protocolVersion } = await probe.inspect(
      {},
      { metadata: { 'x-test': 'yes' } },
    );
    expect(metadata['x-test']).toBe('yes');
    expect(cancelledSleeps).toBe(1);
    expect(protocolVersion).toBe(2);
  });

  test('of 16 MiB goes both ways', async () => {
    const probe = createPromiseClient(ProbeDefinition, await startPluginProcess(kvTs('2')).connect());
    const payload = Buffer.alloc(16 * 1024 * 1024, 7);
    expect((await probe.echo({ payload })).payload.equals(payload)).toBe(true);
  });

  test('that throws has the status of what was thrown, in each of the four kinds', async () => {
    const plugin = tailored({});
    const kv = createPromiseClient(KvDefinition, await plugin.connect());
    const notFound = { codeName: 'NOT_FOUND', details: 'no such thing' };
    await expect(kv.get({ key: 'a' })).rejects.toMatchObject(notFound);
    await expect(kv.load([{ key: 'a' }])).rejects.toMatchObject(notFound);
    const chat = kv.chat([{ sequence: 1, text: 'hello' }])[Symbol.asyncIterator]();
    expect((await chat.next()).value).toMatchObject({ sequence: 1, text: 'hello' });
    await expect(chat.next()).rejects.toMatchObject(notFound);
    await createPromiseClient(LifecycleDefinition, await plugin.connect()).drain({});
    const watch = kv.watch({})[Symbol.asyncIterator]();
    expect((await watch.next()).value).toMatchObject({ sequence: 1 });
    expect((await watch.next()).value).toMatchObject({ sequence: 2 });
    await expect(watch.next()).rejects.toMatchObject(notFound);
  });

  test('that throws no status of its own is UNKNOWN, and the plugin logs it', async () => {
    const plugin = tailored({});
    const kv = createPromiseClient(KvDefinition, await plugin.connect());
    await expect(kv.get({ key: 'plain' })).rejects.toMatchObject({
      codeName: 'UNKNOWN',
      details: 'just an error',
    });
    await plugin.until(() => plugin.stderr.includes('a call failed'), 'the log record');
    expect(plugin.logs()).toContainEqual(
      expect.objectContaining({
        level: 'error',
        message: 'a call failed',
        module: 'tailored',
        fields: expect.objectContaining({ method: '/samples.kv.v1.Kv/Get', error: 'just an error' }),
      }),
    );
  });

  test('can end with any status that it is asked for', async () => {
    const probe = createPromiseClient(ProbeDefinition, await startPluginProcess(kvTs('2')).connect());
    for (let code = 1; code <= 16; code++) {
      await expect(probe.fail({ code, message: `status ${code}` })).rejects.toMatchObject({
        code,
        details: `status ${code}`,
      });
    }
  });
});
