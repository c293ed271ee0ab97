import { appendFileSync, writeFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';

const MIB = 2 ** 20;
/** A run that takes this long hangs. */
const RUN_LIMIT_MS = 5_000;
/** A slice takes a second or two; this is for one that shrinks what hangs, a run limit for each attempt. */
const SLICE_LIMIT_MS = 20_000;
/** What a property may have left in memory since it warmed up, however long it ran. */
const GROWTH_LIMIT_MIB = 32;
/** The part of the time that a property gets before its memory counts. */
const WARM_UP_PART = 0.2;

/** What scripts/fuzz.mjs wants of a file of tests; absent in ordinary runs. */
const long = orders();

/** How many properties share the file's time. All are known before the first one runs. */
let properties = 0;

/**
 * A test of a property. Ordinarily it makes so many runs. In a long run it makes slices of so many, each with a seed
 * of its own, until its share of the file's time is over; by its name it can be told from the file's other tests then.
 */
export function testProperty<Ts>(name: string, property: fc.IRawProperty<Ts>, runs = 100): void {
  if (long === undefined) {
    test(
      name,
      async () => {
        await fc.assert(property, { numRuns: runs });
      },
      5_000 + 20 * runs,
    );
    return;
  }
  const { ms, seed, report } = long;
  properties++;
  test(`fuzz: ${name}`, () => fuzz(name, property, runs, { ms: ms / properties, seed, report }), ms + 60_000);
}

interface Orders {
  readonly ms: number;
  readonly seed: number;
  /** File to which a line of JSON is added for each property. */
  readonly report: string;
}

async function fuzz<Ts>(
  name: string,
  property: fc.IRawProperty<Ts>,
  numRuns: number,
  { ms, seed, report }: Orders,
) {
  const begin = performance.now();
  const elapsed = (): number => performance.now() - begin;
  let runs = 0;
  let failed: { seed: number; path: string | null; text: string } | undefined;
  let before: number | undefined;
  for (let slice = seed; failed === undefined && elapsed() < ms; slice++) {
    // A slice that never ends can't tell its seed any more.
    writeFileSync(`${report}.running`, JSON.stringify({ property: name, seed: slice }));
    const details = await fc.check(property, {
      numRuns,
      seed: slice,
      timeout: RUN_LIMIT_MS,
      interruptAfterTimeLimit: SLICE_LIMIT_MS,
      markInterruptAsFailure: true,
    });
    runs += details.numRuns;
    const text = fc.defaultReportMessage(details);
    if (text !== undefined) failed = { seed: slice, path: details.counterexamplePath, text };
    if (elapsed() > ms * WARM_UP_PART) before ??= usedMiB();
  }
  const used = usedMiB();
  const growth = used - (before ?? used);
  const grown = failed === undefined && growth > GROWTH_LIMIT_MIB;
  const row = {
    property: name,
    runs,
    seconds: Math.round(elapsed()) / 1000,
    failures: failed !== undefined || grown ? 1 : 0,
    seed: failed?.seed ?? seed,
    ...(failed === undefined ? {} : { path: failed.path }),
    heapGrowthMiB: Math.round(growth * 10) / 10,
  };
  appendFileSync(report, `${JSON.stringify(row)}\n`);
  if (failed !== undefined) throw new Error(failed.text);
  if (grown) throw new Error(`${growth.toFixed(1)} MiB more are in use after ${runs} runs`);
}

function orders(): Orders | undefined {
  const { PLUGD_FUZZ_MS: ms, PLUGD_FUZZ_SEED: seed, PLUGD_FUZZ_REPORT: report } = process.env;
  if (ms === undefined || seed === undefined || report === undefined) return undefined;
  return { ms: Number(ms), seed: Number(seed), report };
}

function usedMiB(): number {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / MIB;
}
