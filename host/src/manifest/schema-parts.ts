import { LONGEST_TIMER_MS } from '@plugd/protocol/longest-timer';
import { z } from 'zod';

// Where a pattern or a check is given a text, that says what the value has to be: messages are made of it.

export const text = () => z.string().regex(/^[^\0]*$/, 'a text without NUL');
export const name = () =>
  z
    .string()
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
      'at most 64 letters, digits, . _ -, the first a letter or digit',
    );
export const flag = () => z.boolean().exactOptional();
/** A limit of time. */
export const ms = (minimum = 0) => z.number().min(minimum).max(LONGEST_TIMER_MS);
export const count = (minimum: number, maximum = Number.MAX_SAFE_INTEGER) =>
  z.int().min(minimum).max(maximum);
export const sha256 = () => z.string().regex(/^[0-9a-fA-F]{64}$/, 'a SHA-256 of 64 hexadecimal digits');

/** Of a file in the artifact: no way leads out of it. */
export const filePath = () =>
  z
    .string()
    .max(1_024)
    .regex(
      /^(?![A-Za-z]:)(?:\.\/)?(?!\.{1,2}(?:\/|$))[^/\\\0]+(?:\/(?!\.{1,2}(?:\/|$))[^/\\\0]+)*$/,
      'the path of a file in this directory, with /',
    );

export const serviceName = () =>
  z
    .string()
    .regex(/^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/, 'the full name of a service, such as sample.kv.v1.Kv');
/** With or without the slash that it has on the wire. */
export const methodPath = () =>
  z
    .string()
    .regex(/^\/?[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*\/[A-Za-z_]\w*$/, 'a method as package.Service/Method');
export const wireMethodPath = () =>
  z.string().regex(/^\/[^/]+\/[^/]+$/, 'a method as /package.Service/Method');
export const fieldPath = () =>
  z.string().regex(/^[^.]+(?:\.[^.]+)*$/, 'a field such as items.*.id or sample.v1.Item.id');

/** A message as JSON. What is in it only the plugin's descriptors know. */
export const message = () => z.record(z.string(), z.unknown());

/** As it has to be written: no `v` before it, no part left out. */
export const version = () =>
  z
    .string()
    .max(128)
    .regex(
      /^(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2}(?:-(?:0|[1-9]\d*|\d*[A-Za-z-][\dA-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][\dA-Za-z-]*))*)?(?:\+[\dA-Za-z-]+(?:\.[\dA-Za-z-]+)*)?$/,
      'a semantic version such as 1.2.3',
    );
