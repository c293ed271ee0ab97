import { Metadata, status } from '@grpc/grpc-js';
import { PluginError } from '@plugd/protocol/plugin-error';
import { Contract } from '../../../host/src/contract/contract';
import type { ShadowOptions } from '../../../host/src/shadow/shadow-options';
import { ShadowStrategy } from '../../../host/src/shadow/shadow-strategy';
import { wire } from './dynamic-messages';
import { FakeTraffic, type Version } from './fake-traffic';

const GET = '/test.v1.Test/Get';
const OTHER = '/test.v1.Test/Other';
const SET = '/test.v1.Test/Set';
const ADD = '/test.v1.Test/Add';
const WATCH = '/test.v1.Test/Watch';

const saying = (name: string): Version => {
  const answer = wire((writer) => writer.string(1, name));
  return () => answer;
};

const key = (name: string): Uint8Array => wire((writer) => writer.string(1, name));

/** Runs it to its end. */
async function run(traffic: FakeTraffic, options: ShadowOptions = {}) {
  const strategy = new ShadowStrategy(options, traffic.environment);
  let refused: PluginError | undefined;
  try {
    await strategy.run(traffic);
  } catch (error) {
    if (!(error instanceof PluginError)) throw error;
    refused = error;
  }
  const { report } = strategy;
  if (report === undefined) throw new Error('no report');
  return { refused, report };
}

/** Callers that call once in each wait. */
const calling =
  (path: string, request?: Uint8Array) =>
  async (traffic: FakeTraffic): Promise<void> => {
    await traffic.callOld(request === undefined ? { path } : { path, request });
  };

test('a new version that agrees is promoted, after as many answers as were asked for', async () => {
  const traffic = new FakeTraffic(saying('a'), saying('a'));
  traffic.onWait = calling(GET);
  const { refused, report } = await run(traffic, { minCalls: 10 });
  expect(refused).toBeUndefined();
  expect(report).toMatchObject({ compared: 10, agreed: 10, disagreed: 0 });
  expect(report.methods).toMatchObject([{ method: GET, comparedAs: 'message', compared: 10 }]);
  expect(report.methods[0]?.old).toEqual({ p50Ms: 1, p99Ms: 1 });
  expect(traffic.tapped).toBeUndefined();
  expect(traffic.progressed.at(-1)).toMatchObject({ percentNew: 0, done: 1, facts: { compared: 10 } });
});

test('one that disagrees is refused, and the report says where, but not what', async () => {
  const traffic = new FakeTraffic(saying('sesame'), saying('mustard'));
  traffic.onWait = calling(GET, key('the key'));
  const { refused, report } = await run(traffic);
  expect(refused?.code).toBe('SHADOW_DISAGREES');
  expect(refused?.facts).toMatchObject({ version: '2.0.0', compared: 1, disagreed: 1 });
  expect(report.disagreements).toMatchObject([{ method: GET, field: 'name', kind: 'value', more: 0 }]);
  expect(JSON.stringify([report, refused, traffic.progressed])).not.toMatch(/sesame|mustard|the key/);
  expect(traffic.tapped).toBeUndefined();
});

test('as many disagreements as are allowed do not keep it from being promoted', async () => {
  let calls = 0;
  const traffic = new FakeTraffic(saying('a'), () => saying(++calls <= 3 ? 'b' : 'a')(...none));
  traffic.onWait = calling(GET);
  const { refused, report } = await run(traffic, { minCalls: 10, maxDisagreements: 3, maxReported: 2 });
  expect(refused).toBeUndefined();
  expect(report).toMatchObject({ compared: 10, disagreed: 3 });
  expect(report.disagreements).toHaveLength(2);
});

test('errors of one status agree, those of another do not', async () => {
  const same = new FakeTraffic(
    () => status.NOT_FOUND,
    () => status.NOT_FOUND,
  );
  same.onWait = calling(GET);
  expect((await run(same, { minCalls: 3 })).report.agreed).toBe(3);
  const other = new FakeTraffic(
    () => status.NOT_FOUND,
    () => status.INTERNAL,
  );
  other.onWait = calling(GET);
  expect((await run(other)).report.disagreements).toMatchObject([
    { field: '', kind: 'status', old: 'NOT_FOUND', new: 'INTERNAL' },
  ]);
});

describe('what is mirrored', () => {
  test('is unary and has no side effects, and nothing else', async () => {
    const traffic = new FakeTraffic(saying('a'), saying('a'));
    traffic.onWait = async (self) => {
      for (const path of [GET, SET, ADD, WATCH, '/unknown.Service/Get']) await self.callOld({ path });
    };
    const { report } = await run(traffic, { minCalls: 5 });
    expect(new Set(traffic.asked.new.map(({ path }) => path))).toEqual(new Set([GET]));
    expect(report.skipped.sideEffects).toBe(20);
  });

  test('is idempotent too where its side effects were declared harmless', async () => {
    const traffic = new FakeTraffic(saying('a'), saying('a'));
    traffic.onWait = async (self) => {
      for (const path of [GET, SET, ADD]) await self.callOld({ path });
    };
    await run(traffic, { minCalls: 4, harmless: [SET] });
    expect(new Set(traffic.asked.new.map(({ path }) => path))).toEqual(new Set([GET, SET]));
  });

  test.each([ADD, WATCH, '/test.v1.Test/Missing'])('%s can’t be declared harmless', async (path) => {
    const strategy = new ShadowStrategy({ harmless: [path] });
    await expect(strategy.run(new FakeTraffic(saying('a'), saying('a')))).rejects.toMatchObject({
      code: 'OPTIONS_INVALID',
      facts: { option: 'shadow.harmless' },
    });
  });

  test('carries the caller’s request and metadata, in copies', async () => {
    const traffic = new FakeTraffic(saying('a'), saying('a'));
    const request = Buffer.from(key('one'));
    const metadata = new Metadata();
    metadata.set('tenant', 'first');
    traffic.onWait = async (self) => {
      await self.callOld({ path: GET, request, metadata });
      request.fill(0);
      metadata.set('tenant', 'second');
    };
    await run(traffic, { minCalls: 1 });
    const [call] = traffic.asked.new;
    expect(call?.request).toEqual(Buffer.from(key('one')));
    expect(call?.metadata?.get('tenant')).toEqual(['first']);
  });

  test('is nothing that ended by load, time or the caller', async () => {
    let turn = 0;
    const codes = [status.CANCELLED, status.UNAVAILABLE, status.DEADLINE_EXCEEDED, status.RESOURCE_EXHAUSTED];
    const traffic = new FakeTraffic(() => codes[turn++] ?? saying('a')(...none), saying('a'));
    traffic.onWait = calling(GET);
    const { refused, report } = await run(traffic, { minCalls: 1 });
    expect(refused).toBeUndefined();
    expect(report.skipped.unfinished).toBe(4);
  });
});

describe('what the new one’s side costs', () => {
  test('begins after the caller has its answer', async () => {
    const traffic = new FakeTraffic(saying('a'), saying('a'));
    let early = 0;
    traffic.onWait = async (self) => {
      await self.callOld({ path: GET });
      early = self.asked.new.length;
      self.onWait = () => {};
    };
    await run(traffic, { minCalls: 1 });
    expect(early).toBe(0);
  });

  test('is no more calls at a time than were allowed, though it hangs', async () => {
    let most = 0;
    let running = 0;
    const traffic = new FakeTraffic(
      saying('a'),
      () =>
        new Promise(() => {
          most = Math.max(most, ++running);
        }),
    );
    traffic.onWait = async (self) => {
      for (let call = 0; call < 20; call++) await self.callOld({ path: GET });
    };
    const { refused, report } = await run(traffic, { timeoutMs: 5_000, maxInFlight: 3 });
    expect(refused?.code).toBe('SHADOW_INCONCLUSIVE');
    expect(most).toBe(3);
    expect(report.skipped.busy).toBeGreaterThan(800);
  });

  test('is no more calls in a second than were allowed', async () => {
    const traffic = new FakeTraffic(saying('a'), saying('a'));
    traffic.onWait = async (self) => {
      for (let call = 0; call < 50; call++) {
        await self.callOld({ path: GET, ms: 0 });
        await self.settle();
      }
    };
    const { report } = await run(traffic, { minCalls: 54, maxPerSecond: 10, maxInFlight: 4 });
    expect(traffic.now).toBeGreaterThanOrEqual(5_000);
    expect(traffic.now).toBeLessThan(5_500);
    expect(report.skipped.rate).toBeGreaterThan(2_000);
  });

  test('leaves room for a method that is hardly ever called beside others', async () => {
    const traffic = new FakeTraffic(saying('a'), saying('a'));
    let waits = 0;
    traffic.onWait = async (self) => {
      for (let call = 0; call < 200; call++) await self.callOld({ path: GET, ms: 0 });
      if (++waits === 10) await self.callOld({ path: OTHER, ms: 0 });
    };
    const { report } = await run(traffic, { minCalls: 20, maxPerSecond: 10, durationMs: 2_000 });
    expect(report.methods.map(({ compared }) => compared > 0)).toEqual([true, true]);
  });

  test('is a small share of calls while the host is busy', async () => {
    const traffic = new FakeTraffic(saying('a'), saying('a'));
    traffic.utilization = 0.9;
    let calls = 0;
    traffic.onWait = async (self) => {
      for (let call = 0; call < 10; call++) {
        calls++;
        await self.callOld({ path: GET });
        await self.settle();
      }
    };
    const { report } = await run(traffic, { minCalls: 30, busyPercent: 5 });
    expect(calls).toBeGreaterThanOrEqual(25 * 20);
    expect(report.skipped.busy).toBeGreaterThan(400);
  });

  test('is the wanted share of calls', async () => {
    const traffic = new FakeTraffic(saying('a'), saying('a'));
    let call = 0;
    traffic.onWait = async (self) => {
      self.random = (call++ % 10) / 10;
      await self.callOld({ path: GET });
    };
    const { report } = await run(traffic, { minCalls: 20, samplePercent: 20, minPerMethod: 0 });
    expect(report.skipped.sample).toBeGreaterThanOrEqual(4 * 18);
  });

  test('is nothing for requests and answers that are too large', async () => {
    const large = wire((writer) => writer.string(1, 'x'.repeat(200)));
    let turn = 0;
    const traffic = new FakeTraffic(() => (turn++ === 1 ? large : key('a')), saying('a'));
    const requests = [large, key('k'), key('k')];
    traffic.onWait = async (self) => {
      const request = requests.shift();
      if (request !== undefined) await self.callOld({ path: GET, request });
    };
    const { refused, report } = await run(traffic, { minCalls: 1, maxBytes: 100 });
    expect(refused).toBeUndefined();
    expect(report.skipped.size).toBe(2);
    expect(traffic.asked.new).toHaveLength(1);
  });

  test('an answer larger than any that is compared is a disagreement, and not read', async () => {
    const large = wire((writer) => writer.string(1, 'x'.repeat(200)));
    const traffic = new FakeTraffic(saying('a'), () => large);
    traffic.onWait = calling(GET);
    const { report } = await run(traffic, { maxBytes: 100, ignore: ['name'] });
    expect(report.disagreements).toMatchObject([{ kind: 'size', old: '3 bytes', new: '203 bytes' }]);
  });

  test('a call may take a multiple of what the old one took, within bounds', async () => {
    const traffic = new FakeTraffic(saying('a'), saying('a'));
    const times = [1, 700, 60_000];
    traffic.onWait = async (self) => {
      const ms = times.shift();
      if (ms !== undefined) await self.callOld({ path: GET, ms });
    };
    await run(traffic, { minCalls: 3 });
    expect(traffic.asked.new.map(({ timeoutMs }) => timeoutMs)).toEqual([5_000, 7_000, 10_000]);
  });
});

describe('a disagreement counts only where the old one stands by its answer', () => {
  /** Both read one value, which a caller changes while the new one is asked. */
  test('a read that races a write is asked again', async () => {
    let value = 'before';
    const read: Version = () => wire((writer) => writer.string(1, value));
    let writes = 1;
    const traffic = new FakeTraffic(read, (call) => {
      if (writes-- > 0) value = 'after';
      return read(call);
    });
    traffic.onWait = calling(GET);
    const { refused, report } = await run(traffic, { minCalls: 3 });
    expect(refused).toBeUndefined();
    expect(report).toMatchObject({ compared: 3, agreed: 3 });
  });

  test('one whose answers differ by themselves comes to no verdict, and the field is named', async () => {
    let calls = 0;
    const traffic = new FakeTraffic(() => wire((writer) => writer.int32(2, ++calls)), saying('a'));
    traffic.onWait = calling(GET);
    const { refused, report } = await run(traffic, { timeoutMs: 5_000 });
    expect(refused?.code).toBe('SHADOW_INCONCLUSIVE');
    expect(report.compared).toBe(0);
    expect(report.skipped.unsteady).toBeGreaterThan(0);
    expect(report.unsteadyFields).toEqual([`${GET} count`]);
  });

  test('the old one is never asked again for what has side effects, harmless or not', async () => {
    const traffic = new FakeTraffic(saying('a'), saying('b'));
    traffic.onWait = calling(SET);
    const { refused } = await run(traffic, { harmless: [SET] });
    expect(refused?.code).toBe('SHADOW_DISAGREES');
    expect(traffic.asked.new).toHaveLength(1);
    expect(traffic.asked.old).toEqual([]);
  });

  test('a new one that is wrong only now and then is found', async () => {
    let calls = 0;
    const traffic = new FakeTraffic(saying('a'), () => saying(++calls % 7 === 0 ? 'b' : 'a')(...none));
    traffic.onWait = calling(GET);
    expect((await run(traffic)).refused?.code).toBe('SHADOW_DISAGREES');
  });
});

describe('the end', () => {
  test('comes not before each method that is called was compared', async () => {
    const traffic = new FakeTraffic(saying('a'), saying('a'));
    let waits = 0;
    traffic.onWait = async (self) => {
      await self.callOld({ path: GET });
      if (++waits >= 20) await self.callOld({ path: OTHER });
    };
    const first = await run(traffic, { minCalls: 5 });
    expect(first.report.methods.map(({ method }) => method)).toEqual([GET]);
    waits = 18;
    const { report } = await run(traffic, { minCalls: 5, minPerMethod: 3 });
    expect(report.methods.map(({ compared }) => compared >= 3)).toEqual([true, true]);
  });

  test('comes not before the shortest time', async () => {
    const traffic = new FakeTraffic(saying('a'), saying('a'));
    traffic.onWait = calling(GET);
    await run(traffic, { minCalls: 5, durationMs: 30_000 });
    expect(traffic.now).toBeGreaterThanOrEqual(30_000);
  });

  test('comes with the longest time, and says what was missing', async () => {
    const traffic = new FakeTraffic(saying('a'), saying('a'));
    let calls = 3;
    traffic.onWait = async (self) => {
      if (calls-- > 0) await self.callOld({ path: GET });
    };
    const { refused } = await run(traffic, { timeoutMs: 2_000 });
    expect(refused?.code).toBe('SHADOW_INCONCLUSIVE');
    expect(refused?.summary).toContain('3 of 100');
    expect(traffic.now).toBeLessThan(2_200);
  });

  test('comes at once for a plugin of which nothing can be mirrored', async () => {
    const bare = new FakeTraffic(saying('a'), saying('a'), Contract.empty);
    expect((await run(bare)).refused?.code).toBe('SHADOW_INCONCLUSIVE');
    expect(bare.now).toBe(0);
  });

  test('comes when it is promoted by hand, whatever was found', async () => {
    const traffic = new FakeTraffic(saying('a'), saying('b'));
    traffic.onWait = async (self) => {
      await self.callOld({ path: GET });
      self.promoted = true;
    };
    expect((await run(traffic)).refused).toBeUndefined();
  });

  test('comes with the loss of the new one, which is told as such', async () => {
    const traffic = new FakeTraffic(saying('a'), () => status.UNAVAILABLE);
    const lost = new PluginError('BAKE_FAILED', 'It was lost.');
    traffic.onWait = async (self) => {
      if (self.asked.new.length > 0) self.loss = lost;
      else await self.callOld({ path: GET });
    };
    expect((await run(traffic)).refused).toBe(lost);
    expect(traffic.tapped).toBeUndefined();
  });

  test('gives up what is under way, and counts it no more', async () => {
    let aborted = false;
    const traffic = new FakeTraffic(
      saying('a'),
      ({ signal }) =>
        new Promise((resolve) => {
          signal?.addEventListener('abort', () => {
            aborted = true;
            resolve(status.CANCELLED);
          });
        }),
    );
    const givenUp = new PluginError('ABORTED', 'Given up.');
    traffic.onWait = async (self) => {
      await self.callOld({ path: GET });
      await self.settle();
      if (self.now > 500) self.abort(givenUp);
    };
    const { refused, report } = await run(traffic);
    await traffic.settle();
    expect(refused).toBe(givenUp);
    expect(aborted).toBe(true);
    expect(report.compared).toBe(0);
  });
});

describe('options', () => {
  test.each<[string, object]>([
    ['harmless', { harmless: ['Get'] }],
    ['samplePercent', { samplePercent: 0 }],
    ['samplePercent', { samplePercent: 101 }],
    ['busyPercent', { busyPercent: 0 }],
    ['busyPercent', { busyPercent: '5' }],
    ['maxInFlight', { maxInFlight: 0 }],
    ['maxPerSecond', { maxPerSecond: 1.5 }],
    ['maxBytes', { maxBytes: 2 ** 30 }],
    ['callTimeoutMs', { callTimeoutMs: 0 }],
    ['ignore', { ignore: 'pid' }],
    ['ignore', { ignore: ['a..b'] }],
    ['reveal', { reveal: [7] }],
    ['revealRequest', { revealRequest: [''] }],
    ['compareDetails', { compareDetails: 'yes' }],
    ['minCalls', { minCalls: 0 }],
    ['minPerMethod', { minPerMethod: -1 }],
    ['maxDisagreements', { maxDisagreements: -1 }],
    ['durationMs', { durationMs: Number.NaN }],
    ['timeoutMs', { timeoutMs: 0 }],
    ['timeoutMs', { timeoutMs: 1_000, durationMs: 2_000 }],
    ['maxReported', { maxReported: 1001 }],
  ])('shadow.%s is refused with a value that it can’t have', (option, options) => {
    expect(() => new ShadowStrategy(options)).toThrow(
      expect.objectContaining({ code: 'OPTIONS_INVALID', facts: { option: `shadow.${option}` } }),
    );
  });
});

const none: Parameters<Version> = [{ path: GET, request: new Uint8Array(0), timeoutMs: 1 }];
