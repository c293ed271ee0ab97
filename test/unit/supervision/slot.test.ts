import { resolveRestart } from '../../../host/src/instance/restart-options';
import type { Replica } from '../../../host/src/supervision/replica';
import { Slot } from '../../../host/src/supervision/slot';

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/** A place whose holders, one after the other, are over a limit so long after they began; and at which times each goes. */
function renewed(
  count: number,
  overAfterMs: number,
  { aged = false, comesUp = () => true }: { aged?: boolean; comesUp?: (attempt: number) => boolean } = {},
): number[] {
  const slot = new Slot(resolveRestart());
  const times: number[] = [];
  let since = 0;
  const enter = (now: number) => {
    since = now;
    slot.replica = { servedSince: now } as Replica;
  };
  enter(0);
  for (let now = 0; times.length < count; now += second) {
    if (now - since < overAfterMs || !slot.takeRenewal(now, { aged })) continue;
    times.push(now);
    if (comesUp(times.length)) enter(now);
  }
  return times;
}

const pauses = (times: readonly number[]) => times.slice(1).map((time, i) => time - (times[i] ?? 0));

describe('an instance is replaced for what it uses', () => {
  test('each time, where it took it long to use so much', () => {
    expect(pauses(renewed(20, 6 * minute))).toEqual(Array.from({ length: 19 }, () => 6 * minute));
  });

  test('each time that it has come of age, however short that is', () => {
    expect(pauses(renewed(20, 10 * second, { aged: true }))).toEqual(
      Array.from({ length: 19 }, () => 10 * second),
    );
    expect(pauses(renewed(20, 0, { aged: true }))).toEqual(Array.from({ length: 19 }, () => second));
  });

  test('ever more rarely where each one uses so much at once, at last once an hour', () => {
    const waits = pauses(renewed(16, 0));
    expect(waits.slice(0, 5)).toEqual([second, 2 * second, 4 * second, 8 * second, 16 * second]);
    expect(waits.slice(-2)).toEqual([hour, hour]);
  });

  test('ever more rarely where no other one comes up, and anew once one has', () => {
    const waits = pauses(renewed(6, 10 * minute, { comesUp: (attempt) => attempt >= 4 }));
    expect(waits).toEqual([second, 2 * second, 4 * second, 10 * minute, 10 * minute]);
  });

  test('not while its place is being filled', () => {
    const slot = new Slot(resolveRestart());
    slot.fill(new Promise(() => {}));
    expect(slot.takeRenewal(0, { aged: true })).toBe(false);
  });
});
