import { status } from '@grpc/grpc-js';
import fc from 'fast-check';
import { StreamWorld } from './stream-server';

// Whatever happens to the processes of a plugin that keeps to its word, a follower of numbers gets each once.

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance', 'Date'] });
});
afterEach(() => {
  jest.useRealTimers();
});

type Step = (world: StreamWorld) => void;

const steps: Record<string, Step> = {
  'a message': (world) => world.send(1),
  'three messages': (world) => world.send(3),
  'a message of the old one': (world) => world.sendOld(),
  'late messages': (world) => world.sendLate(),
  'a swap': (world) => world.swap(),
  'a crash': (world) => world.crash(true),
  'a crash, and somebody later': (world) => world.crash(false),
  'somebody now': (world) => {
    if (world.newest.dead) world.start();
  },
  'a handoff': (world) => world.handOver(false),
  'a handoff that is undone': (world) => world.handOver(true),
  'the old one leaves': (world) => world.leave(status.OK),
  'the old one leaves with a status': (world) => world.leave(status.UNAVAILABLE),
  'the new one refuses': (world) => world.refuse(),
  'a moment': () => jest.advanceTimersByTime(60),
  'a while': () => jest.advanceTimersByTime(600),
};

const names = Object.keys(steps);
const runs = process.env['PLUGD_FULL'] === '1' ? 10_000 : 1_000;

test('each number comes once, in its order, over any sequence of swaps, handoffs, crashes and refusals', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...names), { maxLength: 60 }),
      fc.boolean(),
      async (sequence, breathes) => {
        const world = new StreamWorld();
        for (const name of sequence) {
          steps[name]?.(world);
          if (breathes) await new Promise((resolve) => setImmediate(resolve));
        }
        const crashes = sequence.filter((name) => name.startsWith('a crash')).length;
        const refusals = sequence.filter((name) => name.endsWith('refuses')).length;
        await new Promise((resolve) => setImmediate(resolve));
        const before = world.numbers.length;
        if (world.newest.dead) world.start();
        for (let i = 0; i < 4; i++) {
          jest.advanceTimersByTime(1_000);
          world.send(3);
          await new Promise((resolve) => setImmediate(resolve));
        }
        expect(world.numbers).toEqual(world.numbers.map((_, i) => i + 1));
        // It ends only where it was lost again and again, or was refused and has lost what it was on.
        if (crashes < 4 && refusals === 0) {
          expect(world.statuses).toEqual([]);
          expect(world.numbers.length).toBeGreaterThan(before);
        }
        expect(world.statuses.length).toBeLessThanOrEqual(1);
        world.route.close();
      },
    ),
    { numRuns: runs },
  );
});
