import { EventEmitter } from 'node:events';
import { Metadata, status } from '@grpc/grpc-js';
import { RpcError, reconnecting, type StreamAttempt } from '@plugd/host';

const trailers = (entries: Record<string, string>): Metadata => {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(entries)) metadata.set(key, value);
  return metadata;
};
const draining = trailers({ 'plugd-draining': 'true' });
const lost = new RpcError(status.UNAVAILABLE, 'lost', {
  metadata: trailers({ 'plugd-code': 'INSTANCE_LOST' }),
});

/** One opening: what it answers, and how it ends. */
interface Script {
  readonly answers?: readonly number[];
  readonly trailer?: Metadata;
  readonly error?: unknown;
}

/** Opens one script after the other, the last one again and again. */
function scripted(scripts: readonly Script[]) {
  const attempts: StreamAttempt<number>[] = [];
  const open = (attempt: StreamAttempt<number>) => {
    const { answers = [], trailer, error } = scripts[Math.min(attempts.length, scripts.length - 1)] ?? {};
    attempts.push(attempt);
    return (async function* () {
      yield* answers;
      if (trailer !== undefined) attempt.options.onTrailer?.(trailer);
      if (error !== undefined) throw error;
    })();
  };
  return { attempts, open };
}

async function collected(stream: AsyncIterable<number>): Promise<[numbers: number[], error: unknown]> {
  const numbers: number[] = [];
  try {
    for await (const number of stream) numbers.push(number);
    return [numbers, undefined];
  } catch (error) {
    return [numbers, error];
  }
}

test('it goes on where an opening ended on a process that leaves, whatever its status', async () => {
  const gone = new RpcError(status.UNAVAILABLE, 'cut', { metadata: draining });
  const { attempts, open } = scripted([
    { answers: [1, 2], trailer: draining },
    { answers: [3], error: gone },
    { answers: [4] },
  ]);
  expect(await collected(reconnecting(open))).toEqual([[1, 2, 3, 4], undefined]);
  expect(attempts.map(({ number, last }) => [number, last])).toEqual([
    [1, undefined],
    [2, 2],
    [3, 3],
  ]);
});

test('any other end is the end', async () => {
  const failure = new RpcError(status.INTERNAL, 'broken');
  const failing = scripted([{ answers: [1], error: failure }]);
  expect(await collected(reconnecting(failing.open))).toEqual([[1], failure]);
  const ending = scripted([{ answers: [1], trailer: new Metadata() }]);
  expect(await collected(reconnecting(ending.open))).toEqual([[1], undefined]);
  expect([failing.attempts.length, ending.attempts.length]).toEqual([1, 1]);
});

test('a lost process ends it, unless it may go on after losses', async () => {
  const scripts = [{ answers: [1], error: lost }, { answers: [2] }];
  expect(await collected(reconnecting(scripted(scripts).open))).toEqual([[1], lost]);
  expect(await collected(reconnecting(scripted(scripts).open, { afterLoss: true }))).toEqual([
    [1, 2],
    undefined,
  ]);
});

test('without an answer it is opened again a few times, later and later', async () => {
  const { attempts, open } = scripted([{ answers: [1], trailer: draining }, { error: lost }]);
  const begun = performance.now();
  const ends = await collected(reconnecting(open, { afterLoss: true, attempts: 2, delayMs: 10 }));
  expect(ends).toEqual([[1], lost]);
  // After the one that answered at once, then once more after a delay.
  expect(attempts).toHaveLength(3);
  expect(performance.now() - begun).toBeGreaterThanOrEqual(9);
});

test('its signal goes to each opening, and ends the wait for the next one', async () => {
  const stop = new AbortController();
  const { attempts, open } = scripted([{ trailer: draining }]);
  const ending = collected(reconnecting(open, { signal: stop.signal, delayMs: 60_000 }));
  while (attempts.length < 2) await new Promise((resolve) => setImmediate(resolve));
  expect(attempts[0]?.options.signal).toBe(stop.signal);
  stop.abort();
  expect((await ending)[1]).toMatchObject({ name: 'AbortError' });
});

test('what an opening throws is thrown', async () => {
  const open = () => Promise.reject(new Error('no such plugin'));
  expect((await collected(reconnecting(open)))[1]).toMatchObject({ message: 'no such plugin' });
});

describe('a call of grpc-js', () => {
  class FakeGrpcCall extends EventEmitter {
    cancelled = 0;

    constructor(readonly script: Script) {
      super();
    }

    cancel(): void {
      this.cancelled++;
      this.emit('error', new Error('cancelled'));
    }

    async *[Symbol.asyncIterator]() {
      const { answers = [], trailer } = this.script;
      yield* answers;
      if (trailer !== undefined) this.emit('status', { metadata: trailer });
    }
  }

  test('is heard by its status', async () => {
    const calls: FakeGrpcCall[] = [];
    const open = ({ number }: StreamAttempt<number>) => {
      const call = new FakeGrpcCall(
        number === 1 ? { answers: [1], trailer: draining } : { answers: [2], trailer: new Metadata() },
      );
      calls.push(call);
      return call;
    };
    expect(await collected(reconnecting(open))).toEqual([[1, 2], undefined]);
    expect(calls.map(({ cancelled }) => cancelled)).toEqual([0, 0]);
  });

  test('is cancelled when nobody reads on, and when the signal fires', async () => {
    const left = new FakeGrpcCall({ answers: [1, 2, 3] });
    for await (const _ of reconnecting<number>(() => left)) break;
    expect(left.cancelled).toBe(1);

    const stop = new AbortController();
    const stopped = new FakeGrpcCall({ answers: [1, 2] });
    for await (const _ of reconnecting<number>(() => stopped, { signal: stop.signal })) stop.abort();
    expect(stopped.cancelled).toBeGreaterThan(0);

    const late = new FakeGrpcCall({});
    await collected(reconnecting<number>(() => late, { signal: stop.signal }));
    expect(late.cancelled).toBeGreaterThan(0);
  });
});
