import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { KvDefinition, KvService } from '@plugd/protocol/gen/samples/kv/v1/kv';
import type { Contract } from '../../host/src/contract/contract';
import { GenerationContract } from '../../host/src/contract/generation-contract';
import { readContract } from '../../host/src/contract/given-contract';
import type { Instance } from '../../host/src/instance/instance';
import { InstanceFactory } from '../../host/src/instance/instance-factory';
import type { LoadOptions } from '../../host/src/instance/load-options';
import { resolveSpec } from '../../host/src/instance/plugin-spec';
import { Launcher } from '../../host/src/launch/launcher';
import { selectPlatform } from '../../host/src/platform/select-platform';
import { failureOf, HostRoom } from '../support/host-room';
import { describeWithGo } from '../support/needs-go';
import { eventually } from '../support/processes';
import { RecordingLogger } from '../support/recording-logger';
import { chaosTs, counterGo, counterTs, kvGo, kvTs } from '../support/samples';

const get = '/samples.kv.v1.Kv/Get';
const put = '/samples.kv.v1.Kv/Put';
const load = '/samples.kv.v1.Kv/Load';
const echo = '/samples.probe.v1.Probe/Echo';

const samples = readFileSync(join(__dirname, '../../proto/src/gen/samples.binpb'));
const { file } = fromBinary(FileDescriptorSetSchema, samples);
/** The committed descriptors of one contract alone, as `buf build --path` gives them. */
const descriptorsOf = (contract: string) =>
  toBinary(
    FileDescriptorSetSchema,
    create(FileDescriptorSetSchema, {
      file: file.filter(({ name }) => name.startsWith(`samples/${contract}/`)),
    }),
  );

/** The store as an application could define it that knows better than the plugin: nothing may be called twice. */
const cautious = {
  ...KvDefinition,
  methods: Object.fromEntries(
    Object.entries(KvDefinition.methods).map(([key, method]) => [key, { ...method, options: {} }]),
  ),
};

/** As if the question in the background were slow to go out. */
class AskedLate extends GenerationContract {
  time = (): void => {};
  readonly #time = new Promise<void>((resolve) => {
    this.time = resolve;
  });

  override async ask(reflect: () => Promise<Contract | undefined>): Promise<Contract> {
    await this.#time;
    return super.ask(reflect);
  }
}

let room: HostRoom;
let launcher: Launcher;
let log: RecordingLogger;
let instances: Instance[];

beforeEach(async () => {
  room = await HostRoom.open();
  log = new RecordingLogger();
  launcher = new Launcher({ platform: selectPlatform(), runDir: room.runDir });
  instances = [];
  await launcher.open();
});
afterEach(async () => {
  await Promise.all(instances.map((instance) => instance.stop(2_000, { reason: 'test' })));
  await launcher.close();
  await room.close();
});

/** An instance as a host starts it, which keeps it to itself. */
async function start(command: string, over: Partial<LoadOptions> = {}, contract?: GenerationContract) {
  const factory = new InstanceFactory({ launcher, platform: selectPlatform(), logger: log, emit: () => {} });
  const spec = resolveSpec(room.kv(command, over));
  const instance = await factory.start(spec, {
    generation: 1,
    signal: new AbortController().signal,
    runStep: (_step, work) => work(),
    ...(contract === undefined ? {} : { contract }),
  });
  instances.push(instance);
  return instance;
}

function suite(kv: () => string, counter: () => string): void {
  test('without a contract, its reflection tells which methods are idempotent', async () => {
    const instance = await start(kv());
    const contract = await instance.contract();
    expect([get, put, load, echo].map((path) => contract.isIdempotent(path))).toEqual([
      true,
      true,
      false,
      true,
    ]);
    expect(contract.method(load)).toMatchObject({
      requestStream: true,
      responseStream: false,
      inputType: 'samples.kv.v1.LoadRequest',
    });
    expect(
      contract.message('samples.kv.v1.LoadRequest')?.fields.map(({ name, type }) => [name, type]),
    ).toEqual([
      ['key', 'string'],
      ['value', 'bytes'],
    ]);
    const names = contract.services.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(['samples.kv.v1.Kv', 'samples.probe.v1.Probe', 'grpc.health.v1.Health']),
    );
  });

  test('it is asked in the background, once it is ready, by nobody’s question', async () => {
    const instance = await start(kv());
    await eventually(
      () => instance.contractNow.isIdempotent(get),
      10_000,
      'the plugin has told its contract',
    );
  });

  test('the given contract counts from the start, and over its own word', async () => {
    const instance = await start(kv(), { contract: [cautious] });
    expect(instance.contractNow.method(get)).toMatchObject({ idempotency: 'unknown' });
    const contract = await instance.contract();
    expect([get, put, echo].map((path) => contract.isIdempotent(path))).toEqual([false, false, true]);
    // What the definition can't tell, it tells.
    expect(contract.method(get)?.inputType).toBe('samples.kv.v1.GetRequest');
  });

  test('where grpc-js’s definitions are given, the levels are its own', async () => {
    const instance = await start(kv(), { contract: [KvService] });
    expect((await instance.contract()).isIdempotent(get)).toBe(true);
  });

  test('a file of descriptors is a contract, in bytes and decoded', async () => {
    for (const contract of [descriptorsOf('kv'), fromBinary(FileDescriptorSetSchema, descriptorsOf('kv'))]) {
      const instance = await start(kv(), { contract });
      expect(instance.contractNow.isIdempotent(get)).toBe(true);
      expect(instance.contractNow.message('samples.kv.v1.GetRequest')).toBeDefined();
    }
  });

  test('the services of descriptors have to be there, unless definitions beside them say which', async () => {
    const error = await failureOf(room.load(kv(), { contract: samples }));
    expect(error.code).toBe('CONTRACT_NOT_SERVED');
    expect(error.facts['missing']).toEqual(expect.arrayContaining(['samples.counter.v1.Counter']));
    await room.load(kv(), { contract: [KvDefinition, samples] });
  });

  test('a service in its files that it does not serve is not in its contract', async () => {
    const handshake = { cookie: ['COUNTER_PLUGIN', 'hello'], protocolVersions: [1] } as const;
    const instance = await start(counter(), { handshake });
    const contract = await instance.contract();
    expect(contract.isIdempotent('/samples.counter.v1.Counter/Get')).toBe(true);
    expect(contract.service('samples.counter.v1.AddHelper')).toBeUndefined();
  });

  test('the instances of a generation share what one of them told', async () => {
    const shared = new GenerationContract(readContract([KvDefinition]).contract);
    const first = await start(kv(), {}, shared);
    const second = await start(kv(), {}, shared);
    expect(await second.contract()).toBe(await first.contract());
    expect(shared.reflected?.isIdempotent(echo)).toBe(true);
    expect(second.contractNow).toBe(shared.now);
  });

  test('one that died before it could be asked leaves the given contract, and a word in the log', async () => {
    const late = new AskedLate(readContract([KvDefinition]).contract);
    const instance = await start(kv(), {}, late);
    process.kill(instance.launched.record.pid, 'SIGKILL');
    await instance.launched.exited;
    late.time();
    expect(await instance.contract()).toBe(late.given);
    expect(late.reflected).toBeUndefined();
    const word = 'the plugin could not be asked for its contract';
    expect(log.records).toContainEqual(expect.objectContaining({ level: 'debug', message: word }));
  });
}

describe('a plugin in TS', () =>
  suite(
    () => kvTs('1'),
    () => counterTs('1'),
  ));
describeWithGo('a plugin in Go', () =>
  suite(
    () => kvGo('1'),
    () => counterGo('1'),
  ),
);

test('a plugin without reflection has the contract that was given', async () => {
  const instance = await start(chaosTs(), { contract: [KvDefinition] });
  const contract = await instance.contract();
  expect([get, load, echo].map((path) => contract.isIdempotent(path))).toEqual([true, false, false]);
  expect(contract.services.map(({ name }) => name)).toEqual(['samples.kv.v1.Kv']);
  expect((await (await start(chaosTs())).contract()).services).toEqual([]);
});
