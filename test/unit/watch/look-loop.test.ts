import { setTimeout as pause } from 'node:timers/promises';
import { LookLoop } from '../../../host/src/watch/look-loop';

/** Looks that end when they are told to. */
class Looks {
  begun = 0;
  readonly ends: ((error?: Error) => void)[] = [];
  readonly failures: unknown[] = [];
  readonly loop = new LookLoop(
    () =>
      new Promise<void>((done, fail) => {
        this.begun++;
        this.ends.push((error) => (error === undefined ? done() : fail(error)));
      }),
    (error) => this.failures.push(error),
  );
}

const turns = () => pause(5);

test('a look that is asked for while there is one begins after it, and a failure is told to who waits for it', async () => {
  const looks = new Looks();
  const first = looks.loop.now();
  const second = looks.loop.now();
  await turns();
  expect(looks.begun).toBe(1);
  looks.ends[0]?.(new Error('gone'));
  await expect(first).rejects.toThrow('gone');
  await turns();
  expect(looks.begun).toBe(2);
  looks.ends[1]?.();
  await second;
  expect(looks.failures).toEqual([]);
});

test('of several times the earliest counts, and a failure that nobody waits for is told of', async () => {
  const looks = new Looks();
  looks.loop.soon(60_000);
  looks.loop.soon(0);
  looks.loop.soon(30_000);
  await turns();
  expect(looks.begun).toBe(1);
  looks.ends[0]?.(new Error('gone'));
  await turns();
  expect(looks.failures).toEqual([new Error('gone')]);
  await looks.loop.stop();
});

test('the look that is under way when it is stopped is told to end, and its end is no failure', async () => {
  const failures: unknown[] = [];
  const loop = new LookLoop(
    (signal) => new Promise((_, fail) => signal.addEventListener('abort', () => fail(signal.reason))),
    (error) => failures.push(error),
  );
  const asked = loop.now();
  await turns();
  await loop.stop();
  await asked;
  expect(failures).toEqual([]);
});

test('once it is stopped there are no more looks, and the one under way is waited for', async () => {
  const looks = new Looks();
  void looks.loop.now();
  looks.loop.soon(0);
  const stopping = looks.loop.stop();
  const ended = jest.fn();
  void stopping.then(ended);
  await turns();
  expect(ended).not.toHaveBeenCalled();
  looks.ends[0]?.();
  await stopping;
  looks.loop.soon(0);
  await looks.loop.now();
  await turns();
  expect(looks.begun).toBe(1);
});

test('a look that never ends, as on a file system that does not answer, is not waited for without end', async () => {
  const looks = new Looks();
  void looks.loop.now();
  await looks.loop.stop(5);
  expect(looks.begun).toBe(1);
});
