import { BrokerBook } from '@plugd/protocol/broker/broker-book';
import { brokerClosed } from '@plugd/protocol/broker/broker-error';
import type { ConnInfo } from '@plugd/protocol/gen/plugin/grpc_broker';
import { rejection } from '../rpc/local-kv';
import { FakeClock } from './fake-clock';

const info = (serviceId: number, address = 'here'): ConnInfo => ({
  serviceId,
  network: 'unix',
  address,
  knock: undefined,
});

function book() {
  const clock = new FakeClock();
  return { clock, book: new BrokerBook({ clock }) };
}

test('ids are counted from 1, and begin anew after 2^32 - 1', () => {
  const fresh = new BrokerBook();
  expect([fresh.nextId(), fresh.nextId()]).toEqual([1, 2]);
  const old = new BrokerBook({ lastId: 0xffff_fffe });
  expect([old.nextId(), old.nextId(), old.nextId()]).toEqual([0xffff_ffff, 1, 2]);
});

test('an announcement is taken once, whether it or its taker came first', async () => {
  const { book: own, clock } = book();
  own.arrived(info(1));
  expect(await own.take(1)).toEqual(info(1));
  const waiting = own.take(1);
  own.arrived(info(1, 'there'));
  expect(await waiting).toEqual(info(1, 'there'));
  expect(own.untaken).toBe(0);
  expect(clock.pending).toBe(0);
});

test('a second announcement of an id that was not taken is dropped', async () => {
  const { book: own } = book();
  own.arrived(info(1, 'first'));
  own.arrived(info(1, 'second'));
  expect(await own.take(1)).toEqual(info(1, 'first'));
  expect(own.untaken).toBe(0);
});

test('an announcement is forgotten five seconds after it arrived', async () => {
  const { book: own, clock } = book();
  own.arrived(info(1));
  clock.pass(4999);
  own.arrived(info(2));
  clock.pass(1);
  expect(own.untaken).toBe(1);
  const late = rejection(own.take(1));
  expect(await own.take(2)).toEqual(info(2));
  clock.pass(5000);
  expect(await late).toMatchObject({ code: 'BROKER_TIMEOUT', facts: { serviceId: 1, waitedMs: 5000 } });
});

test('those who wait for the same id are served in turn', async () => {
  const { book: own, clock } = book();
  const first = own.take(1);
  clock.pass(3000);
  const second = rejection(own.take(1));
  own.arrived(info(1));
  expect(await first).toEqual(info(1));
  clock.pass(5000);
  expect(await second).toMatchObject({ code: 'BROKER_TIMEOUT' });
});

test('a wait can be given up', async () => {
  const { book: own, clock } = book();
  const given = new AbortController();
  const waiting = rejection(own.take(1, given.signal));
  given.abort('enough');
  expect(await waiting).toMatchObject({ code: 'ABORTED', cause: 'enough' });
  expect(await rejection(own.take(1, given.signal))).toMatchObject({ code: 'ABORTED' });
  own.arrived(info(1));
  expect(own.untaken).toBe(1);
  expect(clock.pending).toBe(1);
});

test('a closed book fails those who wait and those who come, and keeps nothing', async () => {
  const { book: own, clock } = book();
  own.arrived(info(2));
  const waiting = rejection(own.take(1));
  own.close(brokerClosed());
  expect(await waiting).toMatchObject({ code: 'BROKER_CLOSED' });
  expect(await rejection(own.take(2))).toMatchObject({ code: 'BROKER_CLOSED' });
  own.arrived(info(3));
  expect(own.untaken).toBe(0);
  expect(clock.pending).toBe(0);
});

test('a flood of announcements takes no more room than so many', () => {
  const { book: own, clock } = book();
  for (let id = 0; id < 100_000; id++) own.arrived(info(id));
  expect(own.untaken).toBe(4096);
  expect(clock.pending).toBe(4096);
});
