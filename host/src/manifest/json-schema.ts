import { z } from 'zod';
import type { KeySchema } from './known-keys';
import { manifestSchema } from './manifest-schema';

/** The published schema of `plugin.yaml`, for editors: draft 7 is what all of them read. */
export function manifestJsonSchema(): object {
  return z.toJSONSchema(manifestSchema, { target: 'draft-7', io: 'input' });
}

let keys: KeySchema | undefined;

export function manifestKeys(): KeySchema {
  keys ??= manifestJsonSchema();
  return keys;
}
