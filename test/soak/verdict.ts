import type { End } from './host-program';
import type { Reading } from './reading';

/**
 * The first fifth is left out: code is compiled, caches and pools fill, each kind of thing happens for the first time.
 */
const warmUpShare = 0.2;
/** Below this a slope says nothing: what V8 keeps after a collection wavers by some hundred KiB. */
const leastRestarts = 500;
const leastReadings = 8;
/**
 * What a restart may leave behind in the heap, on average, beside code. At one restart a second it is 1 MiB an hour. The
 * least that can leak of a restart is more: a promise with its reactions and closures, or a timer, are some hundred bytes;
 * an instance with its certificates and channel some ten thousand.
 */
const heapLimitBytes = 300;
/**
 * By how much resident memory may be more in the last third than in the first, of what it was. Beside the heap it is native
 * memory, of which each connection takes ten thousands of bytes; V8's young generation and the allocator's arenas make it
 * waver by some MiB without end.
 */
const residentGrowth = 0.1;
const externalLimitBytes = 1024;
/** Timers come and go by themselves; as many as there were restarts are a leak. */
const timersAllowance = 20;

/** What a restart leaves behind, in bytes. */
export interface Slopes {
  /** Without code. */
  readonly heap: number;
  readonly code: number;
  readonly external: number;
  readonly resident: number;
}

export interface Verdict {
  /** What does not hold; nothing: the soak held. */
  readonly faults: readonly string[];
  /** Undefined where it was too short to tell. */
  readonly bytesPerRestart: Slopes | undefined;
}

/** Judges what a host held at rest, again and again. */
export function judge(readings: readonly Reading[], end: End): Verdict {
  const faults: string[] = [];
  const restarts = readings.at(-1)?.restarts ?? 0;
  const warm = readings.filter((reading) => reading.restarts >= warmUpShare * restarts);
  const [first, ...later] = warm;
  if (first === undefined) return { faults: ['nothing was measured'], bytesPerRestart: undefined };
  for (const reading of later) faults.push(...grown(first, reading));

  const tells = warm.length >= leastReadings && restarts - first.restarts >= leastRestarts;
  const slope = (of: (reading: Reading) => number): number =>
    medianSlope(warm.map((reading) => [reading.restarts, of(reading)]));
  const bytesPerRestart = tells
    ? {
        heap: slope(({ heapBytes, codeBytes }) => heapBytes - codeBytes),
        code: slope(({ codeBytes }) => codeBytes),
        external: slope(({ externalBytes }) => externalBytes),
        resident: slope(({ rssBytes }) => rssBytes),
      }
    : undefined;
  if (bytesPerRestart !== undefined) {
    const { heap, external } = bytesPerRestart;
    const check = (what: string, bytes: number, limit: number): void => {
      if (bytes > limit) faults.push(`${what} grows by ${Math.round(bytes)} bytes with each restart`);
    };
    check('the heap', heap, heapLimitBytes);
    check('external memory', external, externalLimitBytes);
    const third = Math.ceil(warm.length / 3);
    const [begin, last] = [warm.slice(0, third), warm.slice(-third)].map((some) =>
      median(some.map(({ rssBytes }) => rssBytes)),
    );
    if (begin !== undefined && last !== undefined && last > (1 + residentGrowth) * begin)
      faults.push(`resident memory grows from ${begin} to ${last} bytes`);
  }

  for (const [what, times] of Object.entries(end.tally.wrong)) faults.push(`${times} times: ${what}`);
  const { before, after } = end.descriptors;
  if (after > before) faults.push(`${after - before} descriptors are left after the host was closed`);
  const { children, files } = end.left;
  if (children > 0) faults.push(`${children} children are left after the host was closed`);
  if (files.length > 0) faults.push(`left after the host was closed: ${files.join(', ')}`);
  return { faults, bytesPerRestart };
}

/** What is counted is the same at each rest: nothing between two readings may leave anything. */
function grown(first: Reading, reading: Reading): string[] {
  const at = `after ${reading.restarts} restarts`;
  const faults: string[] = [];
  const same = (what: string, now: number, then: number): void => {
    if (now !== then) faults.push(`${now} ${what} ${at}, ${then} after ${first.restarts}`);
  };
  same('descriptors', reading.descriptors, first.descriptors);
  same('children', reading.children, first.children);
  same('files', reading.files, first.files);
  const kinds = new Set([...Object.keys(first.handles), ...Object.keys(reading.handles)]);
  for (const kind of kinds) same(`handles ${kind}`, reading.handles[kind] ?? 0, first.handles[kind] ?? 0);
  if (reading.timers > first.timers + timersAllowance)
    faults.push(`${reading.timers} timers ${at}, ${first.timers} after ${first.restarts}`);
  return faults;
}

/** The median of the slopes between all pairs of points (Theil and Sen): single outliers don't move it. */
export function medianSlope(points: readonly (readonly [x: number, y: number])[]): number {
  const slopes: number[] = [];
  points.forEach(([x, y], i) => {
    for (const [otherX, otherY] of points.slice(i + 1)) {
      if (otherX !== x) slopes.push((otherY - y) / (otherX - x));
    }
  });
  return median(slopes);
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}
