import { readdirSync, readlinkSync } from 'node:fs';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { HostRoom } from '../support/host-room';
import { poll } from '../support/poll';
import { kvTs } from '../support/samples';

const CRASHES = 8;
const LOOPS = 16;

/** Open sockets of this process; where they can't be seen, none. */
function sockets(): number {
  if (process.platform !== 'linux') return 0;
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
    } catch {
      return false;
    }
  }).length;
}

let room: HostRoom;
beforeAll(async () => {
  room = await HostRoom.open();
});
afterAll(() => room.close());

// Over TLS, a connection on which something was being written when its other end died is one that Node never closes.
test('crashes under load leave no socket behind in the host, and no call without an end', async () => {
  const plugin = await room.load(kvTs('1'), {
    restart: { backoff: { initialMs: 1, maxMs: 1 }, budget: { crashes: CRASHES + 1 } },
  });
  const kv = plugin.client(KvDefinition);
  let { pid } = await kv.get({ key: 'k' });
  const before = sockets();
  let over = false;
  let longestMs = 0;
  const load = Promise.all(
    Array.from({ length: LOOPS }, async () => {
      while (!over) {
        const begin = performance.now();
        await kv.get({ key: 'k' }, { timeoutMs: 60_000 }).catch(() => {});
        longestMs = Math.max(longestMs, performance.now() - begin);
      }
    }),
  );
  try {
    for (let crash = 0; crash < CRASHES; crash++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      const killed = pid;
      process.kill(killed, 'SIGKILL');
      const next = await poll(
        () => kv.get({ key: 'k' }).catch(() => undefined),
        (answer) => answer !== undefined && answer.pid !== killed,
      );
      pid = next?.pid ?? 0;
    }
  } finally {
    over = true;
    await load;
  }
  // Ended by the crash and not by their deadline.
  expect(longestMs).toBeLessThan(30_000);
  await poll(sockets, (now) => now <= before);
}, 60_000);
