import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

const program = resolve(__dirname, '../../plugins/python/bin/kv-python');

/** The sample in Python. */
export function kvPython(): string {
  return program;
}

/** Whether `npm run setup:python` has been run. */
export const pythonIsHere: boolean = existsSync(program);

/** `describe` for its tests: where it has not been run they are skipped, and so named. */
export const describeWithPython: jest.Describe = pythonIsHere ? describe : describe.skip;
