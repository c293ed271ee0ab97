import { z } from 'zod';
import type { KeySchema } from '../manifest/known-keys';
import { configSchema } from './config-schema';

/** The published schema of `plugd.yaml`, for editors: draft 7 is what all of them read. */
export function configJsonSchema(): object {
  return z.toJSONSchema(configSchema, { target: 'draft-7', io: 'input' });
}

let keys: KeySchema | undefined;

export function configKeys(): KeySchema {
  keys ??= configJsonSchema();
  return keys;
}
