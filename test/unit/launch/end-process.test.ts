import { endProcess } from '../../../host/src/launch/end-process';
import type { ExitInfo, KeptProcess } from '../../../host/src/launch/keeper';
import type { Platform } from '../../../host/src/platform/platform';
import { PosixPlatform } from '../../../host/src/platform/posix';

/** A process that reacts to signals as told. */
class Fake implements KeptProcess {
  readonly pid = 4711;
  readonly group = 4711;
  readonly startTime = Promise.resolve('1');
  readonly signals: string[] = [];
  exit: ExitInfo | undefined;
  readonly exited: Promise<ExitInfo>;
  #resolve: (exit: ExitInfo) => void = () => {};

  constructor(readonly endsBy: 'terminate' | 'kill' | 'nothing') {
    this.exited = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  async signal(kind: 'terminate' | 'kill'): Promise<boolean> {
    this.signals.push(kind);
    if (kind === this.endsBy) {
      this.exit = { code: null, signal: kind, at: 0 };
      this.#resolve(this.exit);
    }
    return true;
  }

  onOutput(): void {}
  async outputEnded(): Promise<void> {}
  holdOutput(): void {}
  closeOutput(): void {}
}

function platform(found: number[][]): { platform: Platform; killed: number[] } {
  const killed: number[] = [];
  return {
    killed,
    platform: Object.assign(new PosixPlatform(), {
      findByToken: async () => (found.shift() ?? []).map((pid) => ({ pid, startTime: '1' })),
      kill: async (pid: number) => killed.push(pid) > 0,
    }),
  };
}

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

async function end(fake: Fake, politeMs: number, found: number[][] = []) {
  const system = platform(found);
  const begun = performance.now();
  const done = endProcess(fake, { platform: system.platform, token: 't', politeMs }).then(
    () => undefined,
    (error: unknown) => error,
  );
  await jest.advanceTimersByTimeAsync(60_000);
  return { error: await done, killed: system.killed, elapsed: performance.now() - begun };
}

test('a process that leaves when asked is not forced', async () => {
  const fake = new Fake('terminate');
  expect((await end(fake, 1_000)).error).toBeUndefined();
  expect(fake.signals).toEqual(['terminate']);
});

test('one that does not is forced, and without time for it nobody asks', async () => {
  const stubborn = new Fake('kill');
  expect((await end(stubborn, 1_000)).error).toBeUndefined();
  expect(stubborn.signals).toEqual(['terminate', 'kill']);
  const hurried = new Fake('kill');
  await end(hurried, 0);
  expect(hurried.signals).toEqual(['kill']);
});

test('descendants are ended until none is found', async () => {
  const { error, killed } = await end(new Fake('kill'), 0, [[5, 6], [7], []]);
  expect(error).toBeUndefined();
  expect(killed).toEqual([5, 6, 7]);
});

test('a process that can not be ended is named', async () => {
  expect((await end(new Fake('nothing'), 10)).error).toMatchObject({
    code: 'STOP_FAILED',
    facts: { pid: 4711, left: [4711] },
  });
});

test('descendants that can not be ended are named, after a limit', async () => {
  const { error } = await end(
    new Fake('kill'),
    0,
    Array.from({ length: 1_000 }, () => [8, 9]),
  );
  expect(error).toMatchObject({ code: 'STOP_FAILED', facts: { left: [8, 9] } });
});
