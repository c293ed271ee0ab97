import { type Channel, Server, ServerCredentials } from '@grpc/grpc-js';
import {
  type GRPCStdioServer,
  GRPCStdioService,
  StdioData_Channel,
} from '@plugd/protocol/gen/plugin/grpc_stdio';
import type { LogRecord } from '@plugd/protocol/log-record';
import { openChannel } from '../../../host/src/connection/channel';
import { StdioConsumer } from '../../../host/src/connection/stdio';
import { OutputBudget, SharedBudget } from '../../../host/src/launch/output-budget';
import { poll } from '../../support/poll';

const MIB = 1024 * 1024;
const STRAY = 7 as StdioData_Channel;

type StdioCall = Parameters<GRPCStdioServer['streamStdio']>[0];

let server: Server;
let channel: Channel;
let left: AbortController;
let records: LogRecord[];
let consumer: StdioConsumer;
let consuming: Promise<void> | undefined;

beforeEach(() => {
  server = new Server();
  left = new AbortController();
  records = [];
  consumer = new StdioConsumer((record) => records.push(record));
});
afterEach(async () => {
  left.abort();
  await consuming;
  channel.close();
  server.forceShutdown();
});

async function consume(stream: (call: StdioCall) => void): Promise<void> {
  const stdio: GRPCStdioServer = { streamStdio: stream };
  server.addService(GRPCStdioService, stdio);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  channel = openChannel({ network: 'tcp', address: `127.0.0.1:${port}` }, undefined);
  consuming = consumer.consume(channel, left.signal);
}

/** Writes as fast as it is taken. Returns how much that was so far. */
function flood(
  from: StdioData_Channel,
  data: Buffer,
): { stream: (call: StdioCall) => void; sent: () => number } {
  let sent = 0;
  const stream = (call: StdioCall): void => {
    while (!call.cancelled) {
      sent += data.length;
      if (call.write({ channel: from, data })) continue;
      call.once('drain', () => setImmediate(stream, call));
      return;
    }
  };
  return { stream, sent: () => sent };
}

test('lines become records, and both streams are counted together', async () => {
  await consume((call) => {
    call.write({ channel: StdioData_Channel.STDOUT, data: Buffer.from('one\ntwo\n') });
    call.write({ channel: StdioData_Channel.STDERR, data: Buffer.from('three\n') });
    call.write({ channel: STRAY, data: Buffer.from('nobody’s') });
    call.end();
  });
  await consuming;
  expect(records.map(({ message, fields }) => [message, fields['stream']])).toEqual([
    ['one', 'stdout'],
    ['two', 'stdout'],
    ['three', 'stderr'],
  ]);
  expect(consumer.counters).toEqual({
    lines: 3,
    bytes: 14,
    droppedLines: 0,
    droppedBytes: Buffer.byteLength('nobody’s'),
    heldMs: 0,
  });
});

test.each([
  ['on a stream of its own', StdioData_Channel.STDOUT],
  ['on one that there is not', STRAY],
])('who floods %s has to wait: the host takes no more than it deals with', async (_, from) => {
  // No time passes for the budget: how fast the sender is does not matter.
  const stopped = () => 0;
  const budget = new OutputBudget(stopped, new SharedBudget(stopped));
  consumer = new StdioConsumer((record) => records.push(record), budget);
  const { stream, sent } = flood(from, Buffer.alloc(65_536, 'x'));
  await consume(stream);
  const { bytes, droppedBytes } = await poll(
    () => consumer.counters,
    ({ heldMs }) => heldMs > 100,
  );
  expect(sent() - bytes - droppedBytes).toBeLessThan(4 * MIB);
});
