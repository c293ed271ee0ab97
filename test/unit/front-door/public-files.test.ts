import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { ServerReflectionDefinition as V1 } from '@plugd/protocol/gen/grpc/reflection/v1/reflection';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import { Contract } from '../../../host/src/contract/contract';
import { readDescriptorSet } from '../../../host/src/contract/descriptor-bytes';
import { PublicFiles } from '../../../host/src/front-door/public-files';
import { SwapChannel } from '../../../host/src/routing/swap-channel';
import { bytesClient } from '../../support/bytes-plugin';
import { FrontDoorRoom } from '../../support/front-door-room';

const files = readDescriptorSet(readFileSync(join(__dirname, '../../../proto/src/gen/samples.binpb')));
const contract = new Contract({ services: files.flatMap(({ services }) => services), files });
const kv = 'samples.kv.v1.Kv';

describe('the files of public services', () => {
  const found = new PublicFiles(contract, (service) => service === kv);

  test.each([kv, `${kv}.Get`, 'samples.kv.v1.GetRequest', 'samples.kv.v1.GetRequest.key'])(
    'declare %s',
    (symbol) => expect(found.fileOf(symbol)?.name).toBe('samples/kv/v1/kv.proto'),
  );

  test.each(['samples.probe.v1.Probe', 'samples.probe.v1.EchoRequest', `${kv}.None`, 'samples.kv.v1', ''])(
    'do not declare %j',
    (symbol) => expect(found.fileOf(symbol)).toBeUndefined(),
  );

  test('come with what they import, each once', () => {
    const all = new PublicFiles(contract, () => true);
    for (const { name } of files.filter(({ services }) => services.length > 0)) {
      const file = all.file(name);
      if (file === undefined) throw new Error(`${name} is missing`);
      const names = all.withImports(file).map((one) => one.name);
      expect(names[0]).toBe(name);
      expect(new Set(names).size).toBe(names.length);
      for (const dependency of file.dependencies) expect(names).toContain(dependency);
    }
  });

  test('leave out a service of their own that is private', () => {
    const file = files.find(({ services }) => services.some(({ name }) => name === kv));
    if (file === undefined) throw new Error('no file');
    const other = { name: 'samples.kv.v1.Other', methods: [] };
    const both = new Contract({ services: [], files: [{ ...file, services: [...file.services, other] }] });
    expect(new PublicFiles(both, (name) => name === kv).fileOf(other.name)).toBeUndefined();
    expect(new PublicFiles(both, () => true).fileOf(other.name)).toBeDefined();
  });
});

test('reflection answers from a contract that was given, also while its plugin is down', async () => {
  const room = new FrontDoorRoom();
  const door = await room.open();
  const channel = new SwapChannel({ name: 'kv' }).facade();
  const down = { name: 'kv', channel, contract, status: () => ({ state: 'failed', generation: 1 }) as const };
  const dumb = { ...down, name: 'dumb', contract: Contract.empty };
  door.offer(down, [kv]);
  door.offer(dumb, ['dumb.Service']);
  const client = bytesClient(door.target);
  const ask = createPromiseClient(V1, client.getChannel()).serverReflectionInfo([
    { messageRequest: { $case: 'fileContainingSymbol', value: `${kv}.Watch` } },
    { messageRequest: { $case: 'fileByFilename', value: 'samples/kv/v1/kv.proto' } },
    { messageRequest: { $case: 'fileByFilename', value: 'samples/probe/v1/probe.proto' } },
    { messageRequest: { $case: 'fileContainingSymbol', value: 'dumb.Service' } },
    { messageRequest: { $case: 'allExtensionNumbersOfType', value: 'samples.kv.v1.GetRequest' } },
    {
      messageRequest: {
        $case: 'fileContainingExtension',
        value: { containingType: 'samples.kv.v1.GetRequest', extensionNumber: 1 },
      },
    },
    {},
  ]);
  const answers: unknown[] = [];
  for await (const { messageResponse } of ask) {
    const { $case, value } = messageResponse ?? {};
    const isError = messageResponse?.$case === 'errorResponse';
    answers.push(isError ? messageResponse.value.errorCode : $case);
    expect(value).toBeDefined();
  }
  expect(answers).toEqual([
    'fileDescriptorResponse',
    'fileDescriptorResponse',
    status.NOT_FOUND,
    status.NOT_FOUND,
    'allExtensionNumbersResponse',
    status.NOT_FOUND,
    status.UNIMPLEMENTED,
  ]);
  client.close();
  await room.close();
});
