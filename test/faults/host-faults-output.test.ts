import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { eventually } from '../support/processes';
import { FaultRoom } from './host-faults-support';

// What plugins print that would be the end of another host.

let room: FaultRoom;
beforeAll(async () => {
  room = await FaultRoom.open();
});
afterEach(() => {
  expect(room.leftFiles()).toEqual([]);
});
afterAll(() => room.close());

test('log lines with wrong types are records as they stand, and the plugin serves', async () => {
  const loaded = await room.load('json-wrong-types');
  const records = () => room.room.log.records.filter(({ fields }) => fields['plugin'] === loaded.plugin.name);
  await eventually(
    () => records().some(({ message }) => message.includes('cut off')),
    10_000,
    'all are read',
  );
  const found = records();
  for (const line of [
    '{"@level":3,"@message":"level is a number"}',
    '{"@level":"info","@message":{"an":"object"}}',
    '{"@level":"info","@message":"wrong time","@timestamp":17}',
    '{"@level":"info","@message":null}',
    '[1,2,3]',
    'null',
    '{"@level":"info","@message":"cut off',
  ]) {
    expect(found).toContainEqual(expect.objectContaining({ level: 'debug', message: line }));
  }
  expect((await loaded.plugin.client(KvDefinition).get({ key: 'k' })).pid).toBe(loaded.pid);
  await loaded.plugin.stop();
  room.expectGone(loaded);
});

test('a log that floods is thinned out, and says so', async () => {
  const loaded = await room.load('flood-stderr:json;flood-stdout:lines');
  const records = () => room.room.log.records.filter(({ fields }) => fields['plugin'] === loaded.plugin.name);
  const reports = (stream: string) =>
    records().filter(
      ({ level, message, fields }) =>
        level === 'warn' && message.startsWith('dropped') && fields['stream'] === stream,
    );
  await eventually(
    () => reports('stdout').length > 0 && reports('stderr').length > 0,
    20_000,
    'both streams have lost lines',
  );
  expect(records()).toContainEqual(expect.objectContaining({ level: 'info', message: 'flood' }));
  await loaded.plugin.stop();
  room.expectGone(loaded);
});

test('a listener that throws harms nobody else', async () => {
  room.room.host.on('event', ({ plugin }) => {
    if (plugin.startsWith('fault-')) throw new Error('this listener is broken');
  });
  const loaded = await room.load('stderr:hello');
  expect((await loaded.plugin.client(KvDefinition).get({ key: 'k' })).pid).toBe(loaded.pid);
  await loaded.plugin.stop();
  room.expectGone(loaded);
  await room.neighbour.answers();
});
