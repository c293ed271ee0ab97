import { status } from '@grpc/grpc-js';
import type { LoadOptions } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { ProbeDefinition } from '@plugd/protocol/gen/samples/probe/v1/probe';
import { HostRoom, servingPid } from '../support/host-room';
import { describeWithGo } from '../support/needs-go';
import { kvGo, kvTs } from '../support/samples';

// What has a limit of its own asserts it; this one is only for tests that hang.
jest.setTimeout(60_000);

const modes: [string, Partial<LoadOptions>][] = [
  ['plain', { autoMtls: false }],
  ['AutoMTLS', { autoMtls: true }],
  ['plain, multiplexed', { autoMtls: false, multiplex: true }],
  ['AutoMTLS, multiplexed', { autoMtls: true, multiplex: true }],
];

/** A call that lasts so long was not ended by its plugin's end. */
const limits = { timeoutMs: 20_000 };

describe.each(modes)('a plugin that is killed, %s', (_name, mode) => {
  describe('in TS', () => suite(() => kvTs('2'), mode));
  describeWithGo('in Go', () => suite(() => kvGo('2'), mode));
});

function suite(command: () => string, mode: Partial<LoadOptions>): void {
  let room: HostRoom;
  beforeEach(async () => {
    room = await HostRoom.open();
  });
  afterEach(() => room.close());

  test('ends every call in flight, also while callers give up and others write', async () => {
    const plugin = await room.load(command(), { ...mode, version: '2.0.0', restart: { policy: 'never' } });
    const kv = plugin.client(KvDefinition);
    const probe = plugin.client(ProbeDefinition);
    const givenUp = Array.from({ length: 3 }, () => new AbortController());
    const leaving = givenUp.map(({ signal }) =>
      probe.sleep({ durationMs: 3_600_000 }, { ...limits, signal }).catch((error: unknown) => error),
    );
    const calls = [
      probe.sleep({ durationMs: 3_600_000 }, limits),
      drained(kv.watch({ key: 'k', count: 0, intervalMs: 1 }, limits)),
      drained(kv.watch({ key: 'k', count: 0, intervalMs: 3_600_000 }, limits)),
      ...Array.from({ length: 8 }, async () => {
        for (;;) await probe.echo({ payload: Buffer.alloc(100_000) }, limits);
      }),
    ];
    const ends = Promise.allSettled(calls);
    await kv.get({ key: 'k' }, limits);
    process.kill(servingPid(plugin), 'SIGKILL');
    // The host learns nothing until its calls have been given up: then it writes to a process that is gone.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    for (const caller of givenUp) caller.abort();
    for (const end of await ends) {
      expect(end).toMatchObject({ status: 'rejected', reason: { code: status.UNAVAILABLE } });
    }
    for (const error of await Promise.all(leaving)) expect(error).toMatchObject({ code: status.CANCELLED });
  });
}

async function drained(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _item of stream);
}
