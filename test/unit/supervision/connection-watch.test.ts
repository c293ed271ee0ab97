import { connectivityState } from '@grpc/grpc-js';
import { Endpoint } from '../../../host/src/routing/endpoint';
import type { Channel } from '../../../host/src/routing/grpc-call';
import { ConnectionWatch } from '../../../host/src/supervision/connection-watch';
import { StallMeter } from '../../../host/src/supervision/stall-meter';
import { ManualClock } from './manual-clock';

/** What a watch asks of a channel, with a state that the test sets. */
class StatedChannel implements Channel {
  #state: connectivityState = connectivityState.READY;
  #watchers: (() => void)[] = [];

  getConnectivityState(): connectivityState {
    return this.#state;
  }

  watchConnectivityState(_: connectivityState, _deadline: Date | number, changed: () => void): void {
    this.#watchers.push(changed);
  }

  getTarget(): string {
    return 'none';
  }

  getChannelzRef(): never {
    throw new Error('it has none');
  }

  createCall(): never {
    throw new Error('it takes no calls');
  }

  close(): void {}

  become(state: connectivityState): void {
    this.#state = state;
    for (const changed of this.#watchers.splice(0)) changed();
  }
}

function watched() {
  const clock = new ManualClock();
  const stalls = new StallMeter({ clock });
  stalls.start();
  const channel = new StatedChannel();
  const endpoint = new Endpoint(1, channel);
  const lost: number[] = [];
  const watch = new ConnectionWatch({ endpoint, stalls, clock, onLost: () => lost.push(clock.now()) });
  return { clock, stalls, channel, endpoint, lost, watch };
}

test('while the connection is broken no new calls go to the endpoint', () => {
  const { channel, endpoint, watch } = watched();
  expect(endpoint.suspended).toBe(false);
  channel.become(connectivityState.CONNECTING);
  expect(endpoint.suspended).toBe(true);
  channel.become(connectivityState.READY);
  expect(endpoint.suspended).toBe(false);
  watch.stop();
});

test('one that comes back in time is not lost, however often it breaks', async () => {
  const { clock, channel, lost } = watched();
  for (let i = 0; i < 10; i++) {
    channel.become(connectivityState.CONNECTING);
    await clock.run(1_000);
    channel.become(connectivityState.TRANSIENT_FAILURE);
    await clock.run(900);
    channel.become(connectivityState.READY);
    await clock.run(200);
  }
  expect(lost).toEqual([]);
});

test('one that does not come back within two seconds is lost, once', async () => {
  const { clock, channel, lost } = watched();
  const brokenAt = clock.now();
  channel.become(connectivityState.CONNECTING);
  for (let i = 0; i < 20; i++) {
    await clock.run(1_000);
    channel.become(connectivityState.TRANSIENT_FAILURE);
  }
  expect(lost).toEqual([brokenAt + 2_000]);
});

test('the time in which the host stood still does not count', async () => {
  const { clock, channel, lost } = watched();
  await clock.run(10_000);
  channel.become(connectivityState.CONNECTING);
  await clock.run(500);
  await clock.stall(30_000);
  await clock.run(1_000);
  expect(lost).toEqual([]);
  channel.become(connectivityState.READY);
  await clock.run(60_000);
  expect(lost).toEqual([]);
});

test('one that does not come back after a stall either is lost', async () => {
  const { clock, channel, lost } = watched();
  channel.become(connectivityState.CONNECTING);
  await clock.stall(30_000);
  await clock.run(3_000);
  expect(lost).toHaveLength(1);
});

test('stopped, it tells nothing more and leaves no timer', async () => {
  const { clock, stalls, channel, lost, watch } = watched();
  channel.become(connectivityState.CONNECTING);
  watch.stop();
  stalls.stop();
  expect(clock.pending).toBe(0);
  await clock.run(10_000);
  channel.become(connectivityState.TRANSIENT_FAILURE);
  expect(clock.pending).toBe(0);
  expect(lost).toEqual([]);
});
