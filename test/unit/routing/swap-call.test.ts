import { setTimeout as sleep } from 'node:timers/promises';
import { connectivityState, Metadata, status } from '@grpc/grpc-js';
import { LoadRequest, LoadResponse } from '@plugd/protocol/gen/samples/kv/v1/kv';
import type { Call, CallListener, Channel, StatusObject } from '../../../host/src/routing/grpc-call';
import { until } from '../rpc/local-kv';
import { cleanUp } from '../rpc/local-server';
import { pluginCode } from './local-generation';
import { newRoute, routed } from './local-route';

afterEach(cleanUp);

const LOAD = '/samples.kv.v1.Kv/Load';

/** Remembers what a call reports. */
class Recorder implements CallListener {
  readonly messages: unknown[] = [];
  readonly statuses: StatusObject[] = [];
  onReceiveMetadata(): void {}
  onReceiveMessage(message: unknown): void {
    this.messages.push(message);
  }
  onReceiveStatus(received: StatusObject): void {
    this.statuses.push(received);
  }
  async end(): Promise<StatusObject> {
    await until(() => this.statuses.length > 0, 'the call ends');
    await sleep(10);
    const [only, ...more] = this.statuses;
    if (only === undefined || more.length > 0) throw new Error('a call must end once');
    return only;
  }
}

function newCall(channel: Channel, deadline: number | Date = Number.POSITIVE_INFINITY): Call {
  return channel.createCall(LOAD, deadline, undefined, null, undefined);
}

const encoded = (key: string) => Buffer.from(LoadRequest.encode(LoadRequest.fromPartial({ key })).finish());

/** All at once, without waiting for one message to be sent before the next: an interceptor may. */
function sendFive(call: Call): () => number {
  let sent = 0;
  call.startRead();
  for (const key of ['a', 'b', 'c', 'd', 'e']) {
    call.sendMessageWithContext({ callback: () => sent++ }, encoded(key));
  }
  call.halfClose();
  return () => sent;
}

describe('what a call is told before it has a real one', () => {
  test('is replayed in order after a hold, however many messages there are', async () => {
    const { route } = await routed();
    route.hold();
    const call = newCall(route.facade());
    const recorder = new Recorder();
    call.start(new Metadata(), recorder);
    const sent = sendFive(call);
    await sleep(10);
    expect(sent()).toBe(0);
    route.release();
    expect((await recorder.end()).code).toBe(status.OK);
    expect(recorder.messages.map((bytes) => LoadResponse.decode(bytes as Buffer).stored)).toEqual([5]);
    expect(sent()).toBe(5);
  });

  test('is replayed when it was told before its start', async () => {
    const { route } = await routed();
    const call = newCall(route.facade());
    const sent = sendFive(call);
    const recorder = new Recorder();
    call.start(new Metadata(), recorder);
    expect((await recorder.end()).code).toBe(status.OK);
    expect(recorder.messages.map((bytes) => LoadResponse.decode(bytes as Buffer).stored)).toEqual([5]);
    expect(sent()).toBe(5);
  });

  test('holds nobody up when the call ends before', async () => {
    const { route } = await routed();
    route.hold();
    const call = newCall(route.facade());
    const recorder = new Recorder();
    call.start(new Metadata(), recorder);
    const sent = sendFive(call);
    call.cancelWithStatus(status.ABORTED, 'enough');
    expect(sent()).toBe(5);
    expect(await recorder.end()).toMatchObject({ code: status.ABORTED, details: 'enough' });
    expect(route.heldCount).toBe(0);
    route.release();
    // All of it does nothing on a call that has ended.
    expect(sendFive(call)()).toBe(5);
    call.cancelWithStatus(status.CANCELLED, 'again');
    await sleep(10);
    expect(recorder.statuses).toHaveLength(1);
    expect(route.current?.statistics.started).toBe(0);
  });
});

test('a call that is cancelled before its start reports it at its start', async () => {
  const { route } = await routed();
  const call = newCall(route.facade());
  call.cancelWithStatus(status.CANCELLED, 'changed my mind');
  await sleep(10);
  const recorder = new Recorder();
  call.start(new Metadata(), recorder);
  expect(recorder.statuses).toEqual([]);
  expect(await recorder.end()).toMatchObject({ code: status.CANCELLED, details: 'changed my mind' });
  expect(route.current?.statistics.started).toBe(0);
});

test('a running call ends with the status that it is cancelled with', async () => {
  const { route } = await routed();
  const call = newCall(route.facade());
  const recorder = new Recorder();
  call.start(new Metadata(), recorder);
  call.cancelWithStatus(status.FAILED_PRECONDITION, 'so it is');
  expect(await recorder.end()).toMatchObject({ code: status.FAILED_PRECONDITION, details: 'so it is' });
  expect(route.current?.statistics).toMatchObject({ started: 1, ended: 1, cut: 0 });
});

test('a deadline further away than a timer reaches does not end a wait', async () => {
  const { route } = await routed({ holdLimitMs: Number.POSITIVE_INFINITY });
  route.hold();
  const recorder = new Recorder();
  newCall(route.facade(), Date.now() + 2 ** 40).start(new Metadata(), recorder);
  await sleep(40);
  expect(route.heldCount).toBe(1);
  route.close();
  expect(pluginCode((await recorder.end()).metadata)).toBe('ROUTE_CLOSED');
});

test('a call that has not begun has a peer all the same', async () => {
  const { route } = await routed();
  route.hold();
  const call = newCall(route.facade());
  call.start(new Metadata(), new Recorder());
  expect(call.getPeer()).toBe(route.getTarget());
  expect(call.getCallNumber()).toBe(-1);
  expect(call.getAuthContext()).toBeNull();
});

describe('a cut', () => {
  // What grpc-js does is a matter of a tick here, too short to hit: so a channel whose ticks the test makes.
  class SlowChannel implements Channel {
    listener: CallListener | undefined;
    readonly cancelled: [status, string][] = [];
    close(): void {}
    getTarget(): string {
      return 'slow';
    }
    getConnectivityState(): connectivityState {
      return connectivityState.READY;
    }
    watchConnectivityState(): void {}
    getChannelzRef(): never {
      throw new Error('it has none');
    }
    createCall(): Call {
      return {
        start: (_, listener) => {
          this.listener = listener;
        },
        cancelWithStatus: (code, details) => this.cancelled.push([code, details]),
        getPeer: () => 'slow',
        sendMessageWithContext() {},
        startRead() {},
        halfClose() {},
        getCallNumber: () => 1,
        setCredentials() {},
        getAuthContext: () => null,
      };
    }
  }

  function slowRoute() {
    const route = newRoute();
    const channel = new SlowChannel();
    const { generation } = route.swap({ number: 1, channel });
    const recorder = new Recorder();
    newCall(route.facade()).start(new Metadata(), recorder);
    return { channel, generation, recorder };
  }

  test('does not replace a status that was on its way already', async () => {
    const { channel, generation, recorder } = slowRoute();
    const drained = generation.drain(0);
    await until(() => channel.cancelled.length === 1, 'the call is cut');
    channel.listener?.onReceiveStatus({ code: status.OK, details: 'OK', metadata: new Metadata() });
    expect(await recorder.end()).toMatchObject({ code: status.OK });
    expect(await drained).toMatchObject({ drained: 1, cut: 0 });
  });

  test('is the last that a listener hears, once', async () => {
    const { channel, generation, recorder } = slowRoute();
    const drained = generation.drain(0);
    await until(() => channel.cancelled.length === 1, 'the call is cut');
    const [code, details] = channel.cancelled[0] ?? [status.OK, ''];
    channel.listener?.onReceiveStatus({ code, details, metadata: new Metadata() });
    channel.listener?.onReceiveMetadata(new Metadata());
    channel.listener?.onReceiveMessage('late');
    channel.listener?.onReceiveStatus({ code: status.OK, details: 'OK', metadata: new Metadata() });
    const ended = await recorder.end();
    expect(ended.code).toBe(status.UNAVAILABLE);
    expect(pluginCode(ended.metadata)).toBe('DRAIN_TIMEOUT');
    expect(recorder.messages).toEqual([]);
    expect(await drained).toMatchObject({ drained: 0, cut: 1 });
    expect(generation.inFlight).toBe(0);
  });
});
