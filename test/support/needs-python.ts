import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

const program = resolve(__dirname, '../../plugins/python/bin/kv-python');

/** The sample in Python. */
export function kvPython(): string {
  return program;
}

/** `describe` for its tests: where `npm run setup:python` has not been run they are skipped, and so named. */
export const describeWithPython: jest.Describe = existsSync(program) ? describe : describe.skip;
