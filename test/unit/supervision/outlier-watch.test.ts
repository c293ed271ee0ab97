import fc from 'fast-check';
import { OutlierWatch } from '../../../host/src/supervision/outlier-watch';

interface Behaviour {
  /** Of ten calls so many fail. */
  failsOfTen?: number;
  latencyMs?: number;
}

/** For each second: `calls` calls to each member that is in, then one judgement. */
function observed(
  members: Record<string, Behaviour>,
  seconds: number,
  calls = 20,
  watch = new OutlierWatch(),
) {
  const told: string[] = [];
  let now = 0;
  for (const member of Object.keys(members)) watch.add(member, now);
  const run = (howMany: number) => {
    for (let second = 0; second < howMany; second += 1) {
      now += 1_000;
      for (const [member, { failsOfTen = 0, latencyMs = 5 }] of Object.entries(members)) {
        if (watch.isOut(member)) continue;
        for (let i = 0; i < calls; i += 1) watch.record(member, i % 10 >= failsOfTen, latencyMs, now);
      }
      const { out, back } = watch.judge(now);
      for (const { member, because, until } of out) {
        told.push(`${now / 1_000} ${member} out by ${because} until ${until / 1_000}`);
      }
      for (const member of back) told.push(`${now / 1_000} ${member} back`);
    }
  };
  run(seconds);
  return { told, watch, run };
}

describe('a replica that answers worse than its peers', () => {
  test('one that fails while the others do not is taken out, and comes back', () => {
    const { told } = observed({ a: { failsOfTen: 10 }, b: {}, c: {} }, 31);
    expect(told).toEqual(['1 a out by errors until 31', '31 a back']);
  });

  test('one that is slow is taken out', () => {
    expect(observed({ a: {}, b: { latencyMs: 300 }, c: {} }, 2).told).toEqual([
      '1 b out by latency until 31',
    ]);
  });

  test('one that fails quickly is not taken for fast', () => {
    const { told } = observed({ a: { failsOfTen: 10, latencyMs: 0.1 }, b: { latencyMs: 100 } }, 2);
    expect(told).toEqual(['1 a out by errors until 31']);
  });

  test('where all fail, or all are slow, none is', () => {
    const bad = { failsOfTen: 9, latencyMs: 5_000 };
    expect(observed({ a: bad, b: bad, c: bad }, 60).told).toEqual([]);
  });

  test('differences that harm nobody are none', () => {
    const { told } = observed(
      { a: { latencyMs: 1 }, b: { latencyMs: 40 }, c: { latencyMs: 1, failsOfTen: 2 } },
      60,
    );
    expect(told).toEqual([]);
  });

  test('of two the difference must be greater', () => {
    expect(observed({ a: { latencyMs: 100 }, b: { latencyMs: 400 } }, 60).told).toEqual([]);
    expect(observed({ a: {}, b: { failsOfTen: 5 } }, 60).told).toEqual([]);
    expect(observed({ a: { latencyMs: 100 }, b: { latencyMs: 600 } }, 1).told).toEqual([
      '1 b out by latency until 31',
    ]);
  });

  test('alone, none is', () => {
    expect(observed({ a: { failsOfTen: 10 } }, 60).told).toEqual([]);
  });

  test('a few calls prove nothing', () => {
    expect(observed({ a: { failsOfTen: 10 }, b: {}, c: {} }, 60, 1).told).toEqual([]);
  });

  test('each time it is out for longer, up to the maximum', () => {
    const { told } = observed({ a: { failsOfTen: 10 }, b: {}, c: {} }, 1_500);
    const times = told
      .filter((line) => line.includes('out'))
      .map((line) => Number(line.split(' ').at(-1)) - Number(line.split(' ')[0]));
    expect(times.slice(0, 4)).toEqual([30, 60, 90, 120]);
    expect(Math.max(...times)).toBeLessThanOrEqual(300);
  });

  test('who did well for a while after it begins anew', () => {
    const members: Record<string, Behaviour> = { a: { failsOfTen: 10 }, b: {}, c: {} };
    const { told, run } = observed(members, 1);
    members['a'] = {};
    run(30 + 65);
    members['a'] = { failsOfTen: 10 };
    run(20);
    const again = told.at(-1)?.split(' ') ?? [];
    expect(told).toHaveLength(3);
    expect(Number(again.at(-1)) - Number(again[0])).toBe(30);
  });

  test('the worst goes first, and a third at most', () => {
    const members = Object.fromEntries(
      [10, 9, 8, 0, 0, 0, 0].map((failsOfTen, i) => [`m${i}`, { failsOfTen }]),
    );
    expect(observed(members, 5).told).toEqual(['1 m0 out by errors until 31', '1 m1 out by errors until 31']);
  });

  test('one that has ended frees its place, whatever it still answers', () => {
    const { told, watch, run } = observed({ a: { failsOfTen: 10 }, b: { failsOfTen: 9 }, c: {}, d: {} }, 1);
    watch.remove('a');
    expect(watch.isOut('a')).toBe(false);
    run(1);
    expect(told).toEqual(['1 a out by errors until 31', '2 b out by errors until 32']);
  });

  test('one that is out comes back when its peers have ended', () => {
    const { watch } = observed({ a: { failsOfTen: 10 }, b: {}, c: {} }, 1);
    watch.remove('b');
    watch.remove('c');
    expect(watch.judge(1_500).back).toEqual(['a']);
    expect(watch.isOut('a')).toBe(false);
  });

  test('whatever happens, someone remains, and at most a third or one is out', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.array(fc.tuple(fc.nat(8), fc.boolean(), fc.integer({ min: 0, max: 2_000 }), fc.nat(40_000)), {
          maxLength: 200,
        }),
        (size, calls) => {
          const watch = new OutlierWatch({ minCalls: 2 });
          const names = Array.from({ length: size }, (_, i) => `m${i}`);
          let now = 0;
          for (const name of names) watch.add(name, now);
          for (const [which, ok, latencyMs, gap] of calls) {
            watch.record(names[which % size] ?? 'm0', ok, latencyMs, now);
            now += gap;
            watch.judge(now);
            const out = names.filter((name) => watch.isOut(name)).length;
            expect(out).toBeLessThanOrEqual(size === 1 ? 0 : Math.max(1, Math.floor(size / 3)));
          }
        },
      ),
    );
  });
});
