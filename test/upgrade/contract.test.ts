import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  type FileDescriptorProto,
  FileDescriptorSetSchema,
  type ServiceDescriptorProto,
} from '@bufbuild/protobuf/wkt';
import type { Plugin } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { roomsAtOnce } from '../support/at-once';
import { bundleProgram } from '../support/bundle';
import { failureOf } from '../support/host-room';

const program = bundleProgram(resolve(__dirname, 'described-plugin.ts'));
const { atOnce, room } = roomsAtOnce();
afterAll(() => rmSync(program.directory, { recursive: true, force: true }));

const samples = readFileSync(join(__dirname, '../../proto/src/gen/samples.binpb'));

/** The parts of the store's contract that a version may change. */
interface Kv {
  readonly service: ServiceDescriptorProto;
  message(name: string): DescriptorProto;
}

/** Writes a contract that is the store's but for this change. */
function contract(name: string, change: (kv: Kv) => void = () => {}): string {
  const set = fromBinary(FileDescriptorSetSchema, samples);
  const file = set.file.find((one): one is FileDescriptorProto => one.name === 'samples/kv/v1/kv.proto');
  const [service] = file?.service ?? [];
  if (file === undefined || service === undefined) throw new Error('the store has no contract');
  const message = (wanted: string): DescriptorProto => {
    const found = file.messageType.find((one) => one.name === wanted);
    if (found === undefined) throw new Error(`no message ${wanted}`);
    return found;
  };
  change({ service, message });
  const path = join(program.directory, `${name}.binpb`);
  writeFileSync(path, toBinary(FileDescriptorSetSchema, set));
  return path;
}

const version = (number: string, describedBy?: string) => ({
  version: number,
  command: program.file,
  env: {
    DESCRIBED_VERSION: number,
    ROOM_MARK: room().mark,
    ...(describedBy === undefined ? {} : { DESCRIBED_BY: describedBy }),
  },
});

function load(describedBy?: string): Promise<Plugin> {
  const { command, ...over } = version('1.0.0', describedBy);
  return room().load(command, over);
}

const served = async (plugin: Plugin) =>
  (await plugin.client(KvDefinition).get({ key: 'k' }, { timeoutMs: 10_000 })).servedBy;

const changes: readonly [name: string, where: string, change: (kv: Kv) => void][] = [
  [
    'a removed method',
    '/samples.kv.v1.Kv/Put',
    ({ service }) => {
      service.method = service.method.filter(({ name }) => name !== 'Put');
    },
  ],
  [
    'another kind of call',
    '/samples.kv.v1.Kv/Get',
    ({ service }) => {
      for (const method of service.method) if (method.name === 'Get') method.serverStreaming = true;
    },
  ],
  [
    'another request type',
    '/samples.kv.v1.Kv/Get',
    ({ service }) => {
      for (const method of service.method)
        if (method.name === 'Get') method.inputType = '.samples.kv.v1.PutRequest';
    },
  ],
  [
    'another type of a field',
    'samples.kv.v1.GetRequest.key',
    ({ message }) => {
      for (const field of message('GetRequest').field) field.type = FieldDescriptorProto_Type.BYTES;
    },
  ],
  [
    'another number of a field',
    'samples.kv.v1.GetRequest.key',
    ({ message }) => {
      for (const field of message('GetRequest').field) field.number = 7;
    },
  ],
  [
    'another cardinality of a field',
    'samples.kv.v1.GetRequest.key',
    ({ message }) => {
      for (const field of message('GetRequest').field) field.label = FieldDescriptorProto_Label.REPEATED;
    },
  ],
];

atOnce(
  'what breaks the contract is refused by name before a call meets it, and put up with where it is forced',
  async () => {
    const plugin = await load(contract('same'));
    for (const [name, where, change] of changes) {
      const broken = version('2.0.0', contract(name.replaceAll(' ', '-'), change));
      const error = await failureOf(plugin.upgrade(broken));
      expect([name, error]).toMatchObject([name, { code: 'CONTRACT_BROKEN', facts: { step: 'contract' } }]);
      expect(String(error)).toContain(where);
      expect(await served(plugin)).toBe('1.0.0');
    }
    const [name = '', , change] = changes[0] ?? [];
    const forced = version('2.0.0', contract(name.replaceAll(' ', '-'), change));
    const { contract: judged } = await plugin.upgrade({ ...forced, force: true });
    expect(judged).toMatchObject({
      forced: true,
      changes: [{ kind: 'method-removed', where: '/samples.kv.v1.Kv/Put', breaking: true }],
    });
    expect(await served(plugin)).toBe('2.0.0');
  },
  60_000,
);

atOnce('what breaks nobody is in the report', async () => {
  const plugin = await load(contract('same'));
  const more = contract('more', ({ service }) => {
    const [first] = service.method;
    if (first !== undefined) service.method = [...service.method, { ...first, name: 'GetAgain' }];
  });
  const report = await plugin.upgrade(version('2.0.0', more));
  expect(report.contract).toMatchObject({
    forced: false,
    changes: [{ kind: 'method-added', where: '/samples.kv.v1.Kv/GetAgain', breaking: false }],
  });
});

atOnce(
  'without descriptors the report says that nothing was checked, and policy may refuse that',
  async () => {
    const plugin = await load();
    const next = version('2.0.0');
    expect(await failureOf(plugin.upgrade({ ...next, contractPolicy: 'require' }))).toMatchObject({
      code: 'CONTRACT_UNCHECKED',
      facts: { step: 'contract' },
    });
    expect(await served(plugin)).toBe('1.0.0');
    expect((await plugin.upgrade(next)).contract.changes).toBe('unchecked');
  },
);
