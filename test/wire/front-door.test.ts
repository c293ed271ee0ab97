import { credentials, Metadata, status } from '@grpc/grpc-js';
import type { Plugin } from '@plugd/host';
import {
  HealthDefinition,
  HealthCheckResponse_ServingStatus as Serving,
} from '@plugd/protocol/gen/grpc/health/v1/health';
import { ServerReflectionDefinition as V1 } from '@plugd/protocol/gen/grpc/reflection/v1/reflection';
import { ServerReflectionDefinition as V1Alpha } from '@plugd/protocol/gen/grpc/reflection/v1alpha/reflection';
import { KvClient, KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { ProbeDefinition } from '@plugd/protocol/gen/samples/probe/v1/probe';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import { reflectContract } from '../../host/src/connection/reflected-contract';
import type { FrontDoor } from '../../host/src/front-door/front-door';
import { FrontDoorRoom } from '../support/front-door-room';
import { failureOf, HostRoom, killNow, servingPid } from '../support/host-room';
import { goIsHere } from '../support/needs-go';
import { eventually } from '../support/processes';
import { kvGo, kvTs } from '../support/samples';

const limit = { timeoutMs: 20_000 };

describe('through the front door', () => {
  let room: HostRoom;
  let doors: FrontDoorRoom;
  let door: FrontDoor;
  let kvPlugin: Plugin;
  let stub: KvClient;
  beforeAll(async () => {
    room = await HostRoom.open();
    doors = new FrontDoorRoom();
    door = await doors.open();
    room.host.on('event', () => door.refresh());
    let probePlugin: Plugin;
    [kvPlugin, probePlugin] = await Promise.all([
      room.load(kvTs('1'), { name: 'kv' }),
      room.load(goIsHere ? kvGo('1') : kvTs('1'), { name: 'probe' }),
    ]);
    door.offer(kvPlugin, [KvDefinition.fullName]);
    door.offer(probePlugin, [ProbeDefinition.fullName]);
    stub = new KvClient(door.target, credentials.createInsecure());
  }, 30_000);
  afterAll(async () => {
    stub.close();
    await doors.close();
    await room.close();
  });
  const kv = () => createPromiseClient(KvDefinition, stub.getChannel());
  const probe = () => createPromiseClient(ProbeDefinition, stub.getChannel());
  const health = () => createPromiseClient(HealthDefinition, stub.getChannel());

  test('calls of all four kinds are answered, by the plugin whose service it is', async () => {
    expect(await kv().put({ key: 'k', value: Buffer.from('v') }, limit)).toMatchObject({
      pid: servingPid(kvPlugin),
    });
    expect(Buffer.from((await kv().get({ key: 'k' }, limit)).value).toString()).toBe('v');
    const watched: number[] = [];
    for await (const { sequence } of kv().watch({ key: 'k', count: 30 }, limit)) watched.push(sequence);
    expect(watched).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
    const many = Array.from({ length: 100 }, (_, i) => ({ key: `k${i}`, value: Buffer.alloc(1000) }));
    expect(await kv().load(many, limit)).toMatchObject({ stored: 100 });
    const said: string[] = [];
    const chat = kv().chat(
      [1, 2, 3].map((sequence) => ({ sequence, text: `t${sequence}` })),
      limit,
    );
    for await (const { text } of chat) said.push(text);
    expect(said).toEqual(['t1', 't2', 't3']);
    const payload = Buffer.alloc(3 * 1024 * 1024, 'x');
    expect(payload.equals((await probe().echo({ payload }, limit)).payload)).toBe(true);
  });

  test("deadlines, statuses and metadata are the plugin's and the caller's own", async () => {
    await expect(probe().sleep({ durationMs: 20_000 }, { timeoutMs: 200 })).rejects.toMatchObject({
      code: status.DEADLINE_EXCEEDED,
    });
    await expect(
      probe().fail({ code: status.OUT_OF_RANGE, message: '100 % too far' }, limit),
    ).rejects.toMatchObject({ code: status.OUT_OF_RANGE, details: '100 % too far' });
    const metadata = new Metadata();
    metadata.set('mine', 'yours');
    metadata.set('plugd-lineage', 'probe=1');
    const { metadata: seen } = await probe().inspect({ environment: [] }, { ...limit, metadata });
    expect(JSON.stringify(seen)).toContain('yours');
    expect(JSON.stringify(seen)).not.toContain('plugd-lineage');
  });

  test('reflection tells of the public services, in both versions, and of no others', async () => {
    const contract = await reflectContract(stub.getChannel(), { timeoutMs: 20_000 });
    const names = contract?.services.map(({ name }) => name).sort();
    expect(names).toEqual([
      'grpc.health.v1.Health',
      'grpc.reflection.v1.ServerReflection',
      'grpc.reflection.v1alpha.ServerReflection',
      KvDefinition.fullName,
      ProbeDefinition.fullName,
    ]);
    expect(contract?.method('/samples.kv.v1.Kv/Chat')).toMatchObject({ requestStream: true });
    expect(contract?.message('samples.kv.v1.GetRequest')?.fields).toHaveLength(1);
    expect(contract?.method('/grpc.health.v1.Health/Watch')).toMatchObject({ responseStream: true });

    for (const version of [V1, V1Alpha]) {
      const questions = [
        'samples.kv.v1.Kv.Get',
        'samples.probe.v1.EchoRequest.payload',
        'samples.feed.v1.Feed',
        'plugin.GRPCController',
      ].map((value) => ({ messageRequest: { $case: 'fileContainingSymbol' as const, value } }));
      const answers: (string | undefined)[] = [];
      const client = createPromiseClient(version, stub.getChannel());
      for await (const { messageResponse } of client.serverReflectionInfo(questions, limit))
        answers.push(messageResponse?.$case);
      expect(answers).toEqual([
        'fileDescriptorResponse',
        'fileDescriptorResponse',
        'errorResponse',
        'errorResponse',
      ]);
    }
  });

  test('the health of a service is that of its plugin, and who watches is told', async () => {
    const service = KvDefinition.fullName;
    const check = async (name: string) => (await health().check({ service: name }, limit)).status;
    expect(await check('')).toBe(Serving.SERVING);
    expect(await check(service)).toBe(Serving.SERVING);
    await expect(check('samples.feed.v1.Feed')).rejects.toMatchObject({ code: status.NOT_FOUND });
    expect(Object.keys((await health().list({}, limit)).statuses).sort()).toEqual([
      '',
      service,
      ProbeDefinition.fullName,
    ]);

    const told: Serving[] = [];
    const watching = (async () => {
      for await (const { status: now } of health().watch({ service }, limit)) {
        told.push(now);
        if (told.length === 3) break;
      }
    })();
    await eventually(() => told.length === 1, 10_000, 'the first status');
    await killNow(servingPid(kvPlugin));
    await watching;
    expect(told).toEqual([Serving.SERVING, Serving.NOT_SERVING, Serving.SERVING]);
  });

  test('a call that names its plugin is answered by that one, whosever the service is', async () => {
    const { pid } = await kv().get({ key: 'k' }, limit);
    const probePlugin = room.host.plugin('probe');
    if (probePlugin === undefined) throw new Error('it was loaded');
    door.offer(probePlugin, [ProbeDefinition.fullName, KvDefinition.fullName], { ifTaken: 'share' });
    const asking = (plugin: string) => ({ ...limit, metadata: { 'plugd-plugin': plugin } });
    expect(await kv().get({ key: 'k' }, asking('probe'))).toMatchObject({ pid: servingPid(probePlugin) });
    expect(await kv().get({ key: 'k' }, asking('kv'))).toMatchObject({ pid });
    expect(await kv().get({ key: 'k' }, limit)).toMatchObject({ pid });
    const { metadata: seen } = await probe().inspect({ environment: [] }, asking('probe'));
    expect(JSON.stringify(seen)).not.toContain('plugd-plugin');
    await expect(probe().inspect({ environment: [] }, asking('kv'))).rejects.toMatchObject({
      code: status.UNIMPLEMENTED,
    });
    await expect(kv().get({ key: 'k' }, asking('nobody'))).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      pluginCode: 'ROUTE_CLOSED',
      executed: 'no',
    });
    door.offer(probePlugin, [ProbeDefinition.fullName]);
  });

  test('what two plugins name is refused, and what is withdrawn is private again', async () => {
    const other = await room.load(kvTs('1'), { name: 'other' });
    const error = await failureOf(Promise.resolve().then(() => door.offer(other, [KvDefinition.fullName])));
    expect(error.code).toBe('SERVICE_TAKEN');
    door.withdraw('kv');
    await expect(kv().get({ key: 'k' }, limit)).rejects.toMatchObject({ code: status.UNIMPLEMENTED });
    door.offer(other, [KvDefinition.fullName]);
    expect(await kv().get({ key: 'k' }, limit)).toMatchObject({ pid: servingPid(other) });
    await other.stop();
    await expect(kv().get({ key: 'k' }, limit)).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      pluginCode: 'ROUTE_CLOSED',
      executed: 'no',
    });
  });
});
