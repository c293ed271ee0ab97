import { setTimeout as sleep } from 'node:timers/promises';
import { Metadata, status } from '@grpc/grpc-js';
import { until } from '../rpc/local-kv';
import { cleanUp } from '../rpc/local-server';
import { failure, startGeneration } from './local-generation';
import { get, routed } from './local-route';

// Somebody sets the wall clock while a call waits.

const DAY_MS = 24 * 60 * 60 * 1000;

afterEach(async () => {
  jest.restoreAllMocks();
  await cleanUp();
});

function shiftClock(byMs: number): void {
  const { now } = Date;
  jest.spyOn(Date, 'now').mockImplementation(() => now() + byMs);
}

test.each([DAY_MS, -DAY_MS])('a clock that jumps by %d ms leaves a held call its time', async (byMs) => {
  const { route, stub } = await routed();
  let leftMs = Number.NaN;
  const next = await startGeneration(2, {
    async get(_, call) {
      leftMs = Number(call.deadline) - Date.now();
      return { servedBy: 'v2' };
    },
  });
  route.hold();
  const answer = get(stub, new Metadata(), { deadline: Date.now() + 20_000 });
  await until(() => route.heldCount === 1, 'it is held');
  shiftClock(byMs);
  route.swap(next);
  route.release();
  expect(await answer).toMatchObject({ ok: true });
  expect(leftMs).toBeGreaterThan(10_000);
  expect(leftMs).toBeLessThan(21_000);
});

test('a clock that is set back does not give a held call more time', async () => {
  const { route, stub } = await routed();
  const next = await startGeneration(2, {
    async get() {
      await sleep(2_000);
      return {};
    },
  });
  route.hold();
  const answer = failure(get(stub, new Metadata(), { deadline: Date.now() + 300 }));
  await until(() => route.heldCount === 1, 'it is held');
  shiftClock(-DAY_MS);
  route.swap(next);
  route.release();
  expect(await answer).toMatchObject({ code: status.DEADLINE_EXCEEDED });
});
