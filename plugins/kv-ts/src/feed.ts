import type { FeedDefinition } from '@plugd/protocol/gen/samples/feed/v1/feed';
import type { ServiceCall, ServiceImplementation } from '@plugd/sdk';
import { pause } from './pause';

/** samples.feed.v1.Feed: what it sends is made up on the way, so any version goes on where another one stood. */
export function feedService(version: string): ServiceImplementation<FeedDefinition> {
  const signature = { servedBy: version, pid: process.pid };

  async function* numbersAfter(last: number, intervalMs: number, signals: readonly AbortSignal[]) {
    const ended = (): boolean => signals.some(({ aborted }) => aborted);
    for (let sequence = last + 1; !ended(); sequence++) {
      yield { sequence, ...signature };
      if (intervalMs > 0) await pause(intervalMs, signals);
    }
  }
  const untilDrained = ({ signal, draining }: ServiceCall) => [signal, draining];

  return {
    follow: ({ after, intervalMs }, call) => numbersAfter(after, intervalMs, untilDrained(call)),

    deliver: ({ sequence, intervalMs }, call) => numbersAfter(sequence, intervalMs, untilDrained(call)),

    tick: ({ intervalMs }, call) => numbersAfter(0, intervalMs, [call.signal]),

    async *exchange(requests, call) {
      const requested = requests[Symbol.asyncIterator]();
      const drained = new Promise<'drained'>((resolve) => {
        call.draining.addEventListener('abort', () => resolve('drained'), { once: true });
      });
      while (!call.draining.aborted) {
        const next = await Promise.race([requested.next(), drained]);
        if (next === 'drained' || next.done === true) return;
        yield { number: next.value.number, ...signature };
      }
    },
  };
}
