import { z } from 'zod';
import { timedSteps } from '../instance/expect-options';
import { count, flag, ms } from './schema-parts';

// The groups of options of `load`, as data. What two options say together the options' own checks know: see option-problems.ts.

export const restartSchema = z
  .strictObject({
    policy: z.enum(['always', 'on-failure', 'never']).exactOptional(),
    backoff: z.strictObject({ initialMs: ms().exactOptional(), maxMs: ms().exactOptional() }).exactOptional(),
    budget: z
      .strictObject({ crashes: count(0).exactOptional(), withinMs: ms(1).exactOptional() })
      .exactOptional(),
    stableAfterMs: ms().exactOptional(),
    hold: z
      .union([
        z.literal(false),
        z.strictObject({ limitMs: ms().exactOptional(), maxCalls: count(0).exactOptional() }),
      ])
      .exactOptional(),
    strategy: z.enum(['one-for-one', 'rest-for-one']).exactOptional(),
  })
  .describe('What happens when a process leaves by itself or hangs, and to the calls that come meanwhile.');

export const healthSchema = z
  .union([
    z.literal(false),
    z.strictObject({
      intervalMs: ms(10).exactOptional(),
      idleIntervalMs: ms(10).exactOptional(),
      timeoutMs: ms(1).exactOptional(),
      failures: count(1).exactOptional(),
    }),
  ])
  .describe(
    'How often a process is asked how it is, and when it is replaced for its answers; false: never asked.',
  );

export const limitsSchema = z
  .strictObject({
    memoryBytes: z.number().positive().exactOptional(),
    descriptors: count(1).exactOptional(),
    cpuShare: z.number().positive().exactOptional(),
    ageMs: z.number().positive().exactOptional(),
    checkEveryMs: ms(10).exactOptional(),
    readings: count(1).exactOptional(),
  })
  .describe(
    'What a process may use before it is replaced by a new one of the same version, without a failed call.',
  );

/** JSON has no Infinity, which takes a default away. */
const most = () =>
  z.union([z.number().min(0), z.literal('none').transform(() => Number.POSITIVE_INFINITY)]).exactOptional();

export const expectSchema = z
  .strictObject({
    wholeBeyondStartMs: most(),
    stepMs: z.partialRecord(z.enum(timedSteps), z.number().min(0)).exactOptional(),
    pauseMs: most(),
    held: most(),
    drained: most(),
    cut: most(),
    failed: most(),
    retried: most(),
    availability: z.number().min(0).max(1).exactOptional(),
    hostDriftBytes: most(),
    hostBytes: most(),
    oldBytes: most(),
    newBytes: most(),
    snapshotBytes: most(),
    strict: flag(),
  })
  .describe(
    'What is expected of each upgrade and restart: the verdict of its report. "none" takes a default away.',
  );

export const memorySchema = z
  .strictObject({
    expectedBytes: count(1).exactOptional(),
    budgetBytes: count(1).exactOptional(),
    reserveBytes: count(0).exactOptional(),
    ifShort: z.enum(['refuse', 'recreate']).exactOptional(),
  })
  .describe('Whether two versions may be in memory at the same time.');
