import { z } from 'zod';
import { count, fieldPath, flag, ms, wireMethodPath } from './schema-parts';

// How an upgrade goes, as data: the options of `upgrade` that are no code.

const rule = z
  .strictObject({
    metrics: z
      .array(
        z.strictObject({
          metric: z.enum(['errors', 'p99', 'call-rate', 'cpu', 'queue-length']),
          against: z.enum(['old', 'absolute']).exactOptional(),
          threshold: z.number().min(0).exactOptional(),
          breach: z.enum(['above', 'below']).exactOptional(),
          minDifference: z.number().min(0).exactOptional(),
          weight: z.number().positive().exactOptional(),
          windowMs: ms(1_000).exactOptional(),
        }),
      )
      .min(1)
      .max(16)
      .exactOptional(),
    abortAt: z.number().positive().exactOptional(),
    promoteBelow: z.number().positive().exactOptional(),
    minCalls: count(1, 1_000_000).exactOptional(),
    alpha: z.number().min(1e-9).max(0.1).exactOptional(),
  })
  .describe('When a new version is refused, and when it may go on.')
  .exactOptional();

export const canarySchema = z
  .strictObject({
    steps: z
      .array(z.strictObject({ weight: z.number().positive().max(100), bakeMs: ms().exactOptional() }))
      .min(1)
      .max(100)
      .exactOptional(),
    bakeMs: ms().exactOptional(),
    maxStepMs: ms(1).exactOptional(),
    stickyKey: z
      .string()
      .regex(/^[0-9a-z_.-]+$/, 'the key of metadata: lower-case letters, digits, _ - and .')
      .exactOptional(),
    minCalls: count(1, 1_000_000).exactOptional(),
    rule,
  })
  .describe('How a canary goes.');

export const rollingSchema = z
  .strictObject({
    maxSurge: count(0, 1_000).exactOptional(),
    maxUnavailable: count(0, 1_000).exactOptional(),
    pauseMs: ms().exactOptional(),
  })
  .describe('How a rolling upgrade goes.');

export const blueGreenSchema = z
  .strictObject({ bakeMs: ms().exactOptional(), baselineMs: ms().exactOptional(), rule })
  .describe('How a blue-green upgrade goes.');

const fields = () => z.array(fieldPath()).exactOptional();

export const shadowSchema = z
  .strictObject({
    harmless: z.array(wireMethodPath()).exactOptional(),
    samplePercent: z.number().positive().max(100).exactOptional(),
    maxInFlight: count(1, 64).exactOptional(),
    maxPerSecond: count(1, 10_000).exactOptional(),
    maxBytes: count(1, 64 * 2 ** 20).exactOptional(),
    callTimeoutMs: ms(1).exactOptional(),
    ignore: fields(),
    reveal: fields(),
    revealRequest: fields(),
    compareDetails: flag(),
    minCalls: count(1).exactOptional(),
    minPerMethod: count(0).exactOptional(),
    maxDisagreements: count(0).exactOptional(),
    durationMs: ms().exactOptional(),
    timeoutMs: ms(1).exactOptional(),
    maxReported: count(0, 1_000).exactOptional(),
  })
  .describe('How a shadow goes.');
